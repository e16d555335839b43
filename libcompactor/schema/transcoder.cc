#include "schema/transcoder.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "schema/inner.h"
#include "schema/json_scalar.h"
#include "schema/well_known.h"
#include "schema/wire_format.h"
#include "text/json_text.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
using Type = pb::FieldDescriptor;

/// The pass. Its functions are false when it has to stop, see Transcoded.
class Transcoder {
 public:
  Transcoder(const TranscodeSettings& settings, std::string_view bytes, DecodedBody& body)
      : settings_(settings), body_(body), start_(bytes.data()) {}

  Transcoded run(const TypePlan& plan, std::string_view bytes) {
    WireCursor in(bytes);
    const bool whole = message(plan, in, 0) && in.minimal;
    return {whole, fault_, fault_offset_};
  }

 private:
  struct Step {  // of the path to what is being read
    std::string_view name;
    int index = -1;  // in a list; -1 outside one
  };

  std::string& out() { return body_.json; }

  bool fail(const WireCursor& in) {
    if (fault_ == nullptr && in.fault != nullptr) {
      fault_ = in.fault;
      fault_offset_ = static_cast<std::size_t>(in.at - start_);
    }
    return false;
  }
  bool fail(WireCursor& in, const char* why) {
    in.fault = why;
    return fail(in);
  }
  void inexact(const char* why) {
    if (body_.inexact.empty()) body_.inexact = why;
  }

  /// A message, or the inside of a group: that ends with its end tag.
  bool message(const TypePlan& plan, WireCursor& in, std::uint32_t group) {
    if (plan.bare && group == 0) return bare(plan, in);
    if (plan.well_known && group == 0) {
      const std::string_view bytes(in.at, static_cast<std::size_t>(in.end - in.at));
      if (append_well_known(settings_.catalog, *plan.descriptor, bytes, out())) return true;
      // An Any can be told from its JSON form by its field names, the others cannot.
      if (plan.descriptor->well_known_type() != pb::Descriptor::WELLKNOWNTYPE_ANY) {
        inexact("a value that its type's JSON form cannot express");
      }
    }
    const std::size_t open = out().size();
    if (!fields(plan, in, group)) return false;
    if (out().size() == open)
      out() += '{';
    else
      out()[open] = '{';  // in the place of the first field's comma
    out() += '}';
    return true;
  }

  /// A Struct, ListValue or Value: what its one field holds, without the name.
  bool bare(const TypePlan& plan, WireCursor& in) {
    const char* begin = in.at;
    bool shown = false;
    bool unknown = false;
    while (!in.done()) {
      const char* at = in.at;
      std::uint32_t number = 0;
      Wire wire{};
      if (!in.tag(number, wire)) return fail(in);
      const FieldPlan* field = plan.find(number);
      if (field == nullptr || !field->accepts(wire)) {
        unknown = true;
        if (!pass_over(number, wire, at, in)) return false;
        continue;
      }
      if (std::exchange(shown, true)) return false;  // the second counts, or adds to the first
      if (unknown) inexact("unknown fields in front of known ones");
      if (!field_value(*field, wire, in, begin)) return fail(in);
    }
    if (shown) return true;
    if (plan.has_kinds) inexact("a google.protobuf.Value without a kind");
    out() += plan.has_kinds ? "null" : plan.fields.front().map ? "{}" : "[]";
    return true;
  }

  /// A field that is not known, or not of this wire type; its tag, at `at`, has been read.
  bool pass_over(std::uint32_t number, Wire wire, const char* at, WireCursor& in) {
    if (!in.skip(number, wire)) return fail(in);
    if (steps_.empty()) {
      body_.unknown.append(at, in.at);
    } else {
      body_.unknown_below += static_cast<std::size_t>(in.at - at);
      inexact("unknown fields below the top level");
    }
    return true;
  }

  bool fields(const TypePlan& plan, WireCursor& in, std::uint32_t group) {
    const char* begin = in.at;
    std::uint32_t last = 0;
    std::size_t next_default = 0;
    unsigned required = 0;
    std::uint64_t oneofs = 0;
    bool closed = group == 0;
    bool unknown = false;
    while (!in.done()) {
      const char* at = in.at;
      std::uint32_t number = 0;
      Wire wire{};
      if (!in.tag(number, wire)) return fail(in);
      if (wire == Wire::end_group && group != 0) {
        if (number != group) return fail(in, "the end of another group");
        closed = true;
        break;
      }
      const FieldPlan* field = plan.find(number);
      if (field == nullptr || !field->accepts(wire)) {
        unknown = true;
        if (!pass_over(number, wire, at, in)) return false;
        continue;
      }
      if (number <= last) return false;
      last = number;
      if (unknown) inexact("unknown fields in front of known ones");
      required += static_cast<unsigned>(field->required);
      if (field->oneof >= 0 && !enter_oneof(oneofs, field->oneof)) return false;
      if (settings_.options.emit_defaults) defaults(plan, next_default, field);
      out() += field->key;
      if (!field_value(*field, wire, in, begin)) return fail(in);
    }
    if (!closed) return fail(in, "cut off inside a group");
    if (settings_.options.emit_defaults) defaults(plan, next_default, nullptr);
    return required == plan.required || settings_.missing_allowed;
  }

  /// False when another member of the oneof came before: the last one counts. (Beyond 64 oneofs in
  /// one type, which nobody has, both would be shown.)
  static bool enter_oneof(std::uint64_t& seen, int index) {
    if (index >= 64) return true;
    const std::uint64_t bit = std::uint64_t{1} << index;
    const bool first = (seen & bit) == 0;
    seen |= bit;
    return first;
  }

  /// The defaults of the fields from `next` up to `present`, which is there (null: up to the last
  /// one).
  void defaults(const TypePlan& plan, std::size_t& next, const FieldPlan* present) {
    for (; next < plan.fields.size() && &plan.fields[next] != present; ++next) {
      if (!append_default(out(), plan.fields[next]))
        inexact("defaults are shown as if they were set");
    }
    if (present != nullptr) ++next;
  }

  bool field_value(const FieldPlan& field, Wire wire, WireCursor& in, const char* begin) {
    if (field.map) return map(field, in);
    if (field.repeated) return list(field, wire, in, begin);
    const char* at = in.at;
    if (!value(field, in, begin, {field.name, -1})) return false;
    // A zero where there is no presence is the same as nothing, and not to be shown.
    return field.presence || !is_zero({at, static_cast<std::size_t>(in.at - at)});
  }

  static bool is_zero(std::string_view encoded) {
    return std::all_of(encoded.begin(), encoded.end(), [](char c) { return c == 0; });
  }

  /// A run of elements with the same number, packed or not.
  bool list(const FieldPlan& field, Wire wire, WireCursor& in, const char* begin) {
    out() += '[';
    int index = 0;
    do {
      if (index > 0) out() += ',';
      const bool packed = wire == Wire::len && field.packable;
      if (packed != field.packed) return false;
      if (packed) {
        if (index > 0 || !packed_values(field, in, begin, index)) return fail(in);
      } else if (!value(field, in, begin, {field.name, index})) {
        return false;
      }
      ++index;
    } while (same_field_follows(field, in, wire));
    out() += ']';
    return in.fault == nullptr || fail(in);
  }

  bool packed_values(const FieldPlan& field, WireCursor& in, const char* begin, int& index) {
    std::string_view bytes;
    if (!in.bytes(bytes)) return false;
    if (bytes.empty()) return false;  // nothing, and not to be shown
    WireCursor elements(bytes);
    while (!elements.done()) {
      if (index > 0) out() += ',';
      if (!value(field, elements, begin, {field.name, index++})) return fail(elements);
    }
    return elements.minimal;
  }

  /// Moves behind the next tag if it is of the same field; else stays. With a broken tag there it
  /// sets the fault.
  static bool same_field_follows(const FieldPlan& field, WireCursor& in, Wire& wire) {
    if (in.done()) return false;
    WireCursor ahead = in;
    std::uint32_t number = 0;
    if (!ahead.tag(number, wire)) {
      in = ahead;
      return false;
    }
    if (number != field.number || !field.accepts(wire)) return false;
    in = ahead;
    return true;
  }

  bool map(const FieldPlan& field, WireCursor& in) {
    out() += '{';
    std::vector<std::string_view> keys;
    Wire wire{};
    do {
      if (!keys.empty()) out() += ',';
      std::string_view entry;
      if (!in.bytes(entry)) return fail(in);
      if (!map_entry(field, entry, keys)) return false;
    } while (same_field_follows(field, in, wire));
    out() += '}';
    if (in.fault != nullptr) return fail(in);
    std::sort(keys.begin(), keys.end());
    return std::adjacent_find(keys.begin(), keys.end()) ==
           keys.end();  // of two the last would count
  }

  /// An entry is regular when it has its key and its value, in this order, and nothing else.
  bool map_entry(const FieldPlan& field, std::string_view entry,
                 std::vector<std::string_view>& keys) {
    const FieldPlan& key = *field.message->find(1);
    const FieldPlan& mapped = *field.message->find(2);
    WireCursor in(entry);
    std::uint32_t number = 0;
    Wire wire{};
    if (in.done()) return false;
    if (!in.tag(number, wire)) return fail(in);
    if (number != 1 || wire != key.wire) return false;
    const char* at = in.at;
    const std::size_t text = out().size();
    if (!map_key(key, in)) return fail(in);
    keys.emplace_back(at, static_cast<std::size_t>(in.at - at));
    const std::string name = out().substr(text + 1, out().size() - text - 2);
    out() += ':';
    if (in.done()) return false;
    if (!in.tag(number, wire)) return fail(in);
    if (number != 2 || wire != mapped.wire) return false;
    steps_.push_back({field.name, -1});
    const bool whole = value(mapped, in, entry.data(), {name, -1});
    steps_.pop_back();
    return whole ? in.done() && in.minimal : fail(in);
  }

  bool map_key(const FieldPlan& key, WireCursor& in) {
    const bool quoted = key.type == Type::TYPE_STRING || is_64_bit(key.type);
    if (!quoted) out() += '"';
    if (!value(key, in, in.at, {})) return false;
    if (!quoted) out() += '"';
    return true;
  }

  static bool is_64_bit(Type::Type type) {
    const auto cpp = Type::TypeToCppType(type);
    return cpp == Type::CPPTYPE_INT64 || cpp == Type::CPPTYPE_UINT64;
  }

  /// One value. Integers that do not fit their type are irregular: protobuf cuts them.
  bool value(const FieldPlan& field, WireCursor& in, const char* begin, Step step) {
    std::uint64_t raw = 0;
    std::uint32_t word = 0;
    std::string_view bytes;
    switch (field.type) {
      case Type::TYPE_BOOL:
        if (!in.varint(raw)) return fail(in);
        out() += raw != 0 ? "true" : "false";
        return raw <= 1;
      case Type::TYPE_INT32:
        if (!in.varint(raw)) return fail(in);
        append_integer(out(), static_cast<std::int32_t>(raw));
        return fits_int32(raw);
      case Type::TYPE_UINT32:
        if (!in.varint(raw)) return fail(in);
        append_integer(out(), static_cast<std::uint32_t>(raw));
        return raw <= UINT32_MAX;
      case Type::TYPE_SINT32:
        if (!in.varint(raw)) return fail(in);
        append_integer(out(), static_cast<std::int32_t>(unzigzag(raw)));
        return raw <= UINT32_MAX;
      case Type::TYPE_INT64:
        if (!in.varint(raw)) return fail(in);
        append_quoted(out(), static_cast<std::int64_t>(raw));
        return true;
      case Type::TYPE_UINT64:
        if (!in.varint(raw)) return fail(in);
        append_quoted(out(), raw);
        return true;
      case Type::TYPE_SINT64:
        if (!in.varint(raw)) return fail(in);
        append_quoted(out(), unzigzag(raw));
        return true;
      case Type::TYPE_FIXED32:
        if (!in.fixed(word)) return fail(in);
        append_integer(out(), word);
        return true;
      case Type::TYPE_SFIXED32:
        if (!in.fixed(word)) return fail(in);
        append_integer(out(), static_cast<std::int32_t>(word));
        return true;
      case Type::TYPE_FIXED64:
        if (!in.fixed(raw)) return fail(in);
        append_quoted(out(), raw);
        return true;
      case Type::TYPE_SFIXED64:
        if (!in.fixed(raw)) return fail(in);
        append_quoted(out(), static_cast<std::int64_t>(raw));
        return true;
      case Type::TYPE_FLOAT:
        if (!in.fixed(word)) return fail(in);
        if (!text::append_json_number(out(), std::bit_cast<float>(word))) inexact("an unusual NaN");
        return true;
      case Type::TYPE_DOUBLE:
        if (!in.fixed(raw)) return fail(in);
        if (!text::append_json_number(out(), std::bit_cast<double>(raw))) inexact("an unusual NaN");
        return true;
      case Type::TYPE_ENUM:
        if (!in.varint(raw)) return fail(in);
        if (!append_enum(out(), *field.enumeration, static_cast<std::int32_t>(raw)))
          ++body_.unnamed;
        if (!fits_int32(raw)) inexact("an enum number of more than 32 bits");
        if (field.enumeration->is_null && raw != 0) inexact("a NullValue that is not 0");
        return true;
      case Type::TYPE_STRING:
        if (!in.bytes(bytes)) return fail(in);
        if (!text::append_json_string(out(), bytes)) inexact("a string that is not UTF-8");
        return true;
      case Type::TYPE_BYTES:
        if (!in.bytes(bytes)) return fail(in);
        append_bytes(out(), bytes);
        if (field.inner != nullptr && settings_.options.inner)
          inner(field, bytes, {begin, static_cast<std::size_t>(in.at - begin)}, step);
        return true;
      case Type::TYPE_MESSAGE:
        if (!in.bytes(bytes)) return fail(in);
        return nested(field, bytes, step, in);
      case Type::TYPE_GROUP:
        return nested_group(field, step, in);
    }
    return false;
  }

  static bool fits_int32(std::uint64_t raw) {
    return static_cast<std::int64_t>(raw) == static_cast<std::int32_t>(raw);
  }

  bool nested(const FieldPlan& field, std::string_view bytes, Step step, WireCursor& in) {
    if (!enter(step, in)) return false;
    WireCursor content(bytes);
    const bool whole = message(*field.message, content, 0) && content.minimal;
    steps_.pop_back();
    return whole;
  }

  bool nested_group(const FieldPlan& field, Step step, WireCursor& in) {
    if (!enter(step, in)) return false;
    const bool whole = message(*field.message, in, field.number);
    steps_.pop_back();
    return whole;
  }

  bool enter(Step step, WireCursor& in) {
    if (steps_.size() >= max_depth) return fail(in, "nested too deep");
    steps_.push_back(step);
    return true;
  }

  std::string path_to(Step last) const {
    std::string path = settings_.path;
    const auto add = [&path](const Step& step) {
      if (!path.empty()) path += '.';
      path += step.name;
      if (step.index >= 0) path += '[' + std::to_string(step.index) + ']';
    };
    for (const Step& step : steps_) add(step);
    add(last);
    return path;
  }

  /// Adds what the bytes hold to `inner`, if they hold it without a doubt: bytes that only look
  /// like it are left alone. `enclosing` is the message of the field, as far as it has been read.
  void inner(const FieldPlan& field, std::string_view bytes, std::string_view enclosing,
             Step step) {
    const InnerRule& rule = *field.inner;
    const std::size_t before = body_.inner.size();
    body_.inner += ',';
    text::append_json_string(body_.inner, path_to(step));
    body_.inner += ':';
    if (rule.holds.empty()) {
      body_.inner += '"';
      if (!append_uuid(body_.inner, bytes)) return body_.inner.resize(before);
      body_.inner += '"';
      return;
    }
    if (!rule.where.empty() && !says(field, enclosing, rule)) return body_.inner.resize(before);
    const pb::Descriptor* type = settings_.catalog.find(rule.holds);
    DecodedBody held;
    TranscodeSettings settings{settings_.catalog, settings_.plans, settings_.options, false,
                               path_to(step)};
    if (type == nullptr || !transcode(settings, settings_.plans.of(*type), bytes, held).whole ||
        !held.exact() || !held.unknown.empty()) {
      return body_.inner.resize(before);
    }
    body_.inner += held.json;
    body_.inner += held.inner;
  }

  /// Whether the string field that the rule names has the value it wants.
  static bool says(const FieldPlan& field, std::string_view enclosing, const InnerRule& rule) {
    const Type* where =
        field.descriptor->containing_type()->FindFieldByName(std::string(rule.where));
    std::string_view value;
    for_each_field(enclosing, [&](const WireField& f) {
      if (where != nullptr && f.wire == Wire::len &&
          f.number == static_cast<std::uint32_t>(where->number())) {
        value = f.bytes;
      }
    });
    return value == rule.is;
  }

  TranscodeSettings settings_;
  DecodedBody& body_;
  const char* start_;
  std::vector<Step> steps_;
  const char* fault_ = nullptr;
  std::size_t fault_offset_ = 0;
};

}  // namespace

Transcoded transcode(const TranscodeSettings& settings, const TypePlan& plan,
                     std::string_view bytes, DecodedBody& body) {
  return Transcoder(settings, bytes, body).run(plan, bytes);
}

}  // namespace compactor::schema
