#include "schema/json_writer.h"

#include "schema/normalize.h"
#include "schema/plan.h"
#include "schema/transcoder.h"
#include "schema/wire_format.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;

/// Where and why the bytes are broken; used when it is known that they are, or may be.
class FaultFinder {
 public:
  explicit FaultFinder(std::string_view bytes) : start_(bytes.data()) {}

  /// True when there is nothing wrong.
  bool check(const TypePlan& plan, WireCursor& in, std::uint32_t group, int depth,
             DecodedBody& body) {
    std::uint32_t number = 0;
    Wire wire{};
    while (!in.done()) {
      const char* at = in.at;
      if (!in.tag(number, wire)) return report(in, body);
      if (wire == Wire::end_group && number == group) return true;
      const FieldPlan* field = plan.find(number);
      const bool known = field != nullptr && field->accepts(wire);
      if (known && field->message != nullptr) {
        if (!check_nested(*field, in, depth, body)) return false;
        continue;
      }
      std::string_view packed;
      if (known && field->packable && wire == Wire::len) {
        if (!in.bytes(packed)) return report(in, body);
        WireCursor elements(packed);
        while (!elements.done()) {
          if (!elements.skip(number, field->wire)) return report(elements, body);
        }
      } else if (!in.skip(number, wire)) {
        return report(in, body);
      }
      if (!known && depth > 0) unknown_below_ += static_cast<std::size_t>(in.at - at);
    }
    return group == 0 || (in.fail("cut off inside a group") || report(in, body));
  }

  /// Bytes of the unknown fields below the top level, which normalize() drops.
  std::size_t unknown_below() const { return unknown_below_; }

 private:
  bool check_nested(const FieldPlan& field, WireCursor& in, int depth, DecodedBody& body) {
    if (depth >= max_depth) return in.fail("nested too deep") || report(in, body);
    if (field.type == pb::FieldDescriptor::TYPE_GROUP)
      return check(*field.message, in, field.number, depth + 1, body);
    std::string_view bytes;
    if (!in.bytes(bytes)) return report(in, body);
    WireCursor content(bytes);
    return check(*field.message, content, 0, depth + 1, body);
  }

  bool report(const WireCursor& in, DecodedBody& body) const {
    body.fault = in.fault;
    body.fault_offset = static_cast<std::size_t>(in.at - start_);
    return false;
  }

  const char* start_;
  std::size_t unknown_below_ = 0;
};

void clear(DecodedBody& body) {
  body.json.clear();
  body.unknown.clear();
  body.inner.clear();
  body.missing.clear();
  body.unknown_below = 0;
  body.unnamed = 0;
  body.schema.clear();
  body.inexact.clear();
  body.fault.clear();
  body.fault_offset = 0;
}

/// Makes an object of the entries that were each begun with a comma.
void close_inner(std::string& inner) {
  if (inner.empty()) return;
  inner[0] = '{';
  inner += '}';
}

bool set_fault(DecodedBody& body, std::string_view why, std::size_t offset) {
  clear(body);
  body.fault = why;
  body.fault_offset = offset;
  return false;
}

}  // namespace

JsonWriter::JsonWriter(const Catalog& catalog) : JsonWriter(catalog, Options{}) {}

JsonWriter::JsonWriter(const Catalog& catalog, Options options)
    : catalog_(catalog), options_(options), plans_(std::make_unique<Plans>()) {}

JsonWriter::~JsonWriter() = default;

bool JsonWriter::decode(const pb::Descriptor& type, std::string_view bytes, DecodedBody& body) {
  clear(body);
  if (bytes.size() > INT32_MAX) return set_fault(body, "larger than protobuf can read", 0);
  const TypePlan& plan = plans_->of(type);
  TranscodeSettings settings{catalog_, *plans_, options_, false, {}};
  const Transcoded direct = transcode(settings, plan, bytes, body);
  if (direct.whole) {
    close_inner(body.inner);
    return true;
  }
  if (direct.fault != nullptr) return set_fault(body, direct.fault, direct.fault_offset);
  clear(body);
  WireCursor in(bytes);
  FaultFinder finder(bytes);
  if (!finder.check(plan, in, 0, 0, body)) return false;
  Normalized regular = normalize(plan, bytes);
  settings.missing_allowed = true;
  if (!transcode(settings, plan, regular.bytes, body).whole)
    return set_fault(body, "an encoding that cannot be shown", 0);
  close_inner(body.inner);
  body.unknown = std::move(regular.unknown);
  body.unknown_below = finder.unknown_below();
  body.missing = std::move(regular.missing);
  body.inexact = body.missing.empty() ? "an encoding that no serializer of protobuf writes"
                                      : "required fields are missing";
  return true;
}

}  // namespace compactor::schema
