#include "schema/json_writer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "schema/json_text.h"
#include "schema/normalize.h"
#include "schema/plan.h"
#include "schema/well_known.h"
#include "schema/wire_format.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
using Type = pb::FieldDescriptor;

template <class T>
void append_integer(std::string& out, T value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

template <class T>
void append_quoted(std::string& out, T value) {
  out += '"';
  append_integer(out, value);
  out += '"';
}

/// One pass over the bytes of one message. Its functions are false when it has to stop: with
/// `fault` set the bytes are broken, without it they are irregular: legal, but not what a
/// serializer writes, so that a single pass cannot show them (a field that must be merged with an
/// earlier one, for instance).
class Transcoder {
 public:
  struct Settings {
    const Catalog& catalog;
    Plans& plans;
    JsonWriter::Options options;
    bool missing_allowed;  // a missing required field is known of and no reason to stop
    std::string path;      // of this message in the body, for `inner`
  };

  Transcoder(const Settings& settings, std::string_view bytes, DecodedBody& body)
      : settings_(settings), body_(body), start_(bytes.data()) {}

  bool run(const TypePlan& plan, std::string_view bytes) {
    WireCursor in(bytes);
    return message(plan, in, 0) && in.minimal;
  }
  /// Null: not broken, but irregular.
  const char* fault() const { return fault_; }
  std::size_t fault_offset() const { return fault_offset_; }

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
      append_default(plan.fields[next]);
    }
    if (present != nullptr) ++next;
  }

  void append_default(const FieldPlan& field) {
    const Type& type = *field.descriptor;
    if (type.containing_oneof() != nullptr || (!field.repeated && field.message != nullptr)) return;
    out() += field.key;
    if (field.repeated) {
      out() += field.map ? "{}" : "[]";
      return;
    }
    if (field.presence) inexact("defaults are shown as if they were set");
    switch (type.cpp_type()) {
      case Type::CPPTYPE_BOOL:
        out() += type.default_value_bool() ? "true" : "false";
        return;
      case Type::CPPTYPE_INT32:
        return append_integer(out(), type.default_value_int32());
      case Type::CPPTYPE_UINT32:
        return append_integer(out(), type.default_value_uint32());
      case Type::CPPTYPE_INT64:
        return append_quoted(out(), type.default_value_int64());
      case Type::CPPTYPE_UINT64:
        return append_quoted(out(), type.default_value_uint64());
      case Type::CPPTYPE_DOUBLE:
        append_json_number(out(), type.default_value_double());
        return;
      case Type::CPPTYPE_FLOAT:
        append_json_number(out(), type.default_value_float());
        return;
      case Type::CPPTYPE_ENUM:
        return append_enum(*field.enumeration, type.default_value_enum()->number());
      case Type::CPPTYPE_STRING:
        if (type.type() == Type::TYPE_BYTES)
          append_bytes(type.default_value_string());
        else
          append_json_string(out(), type.default_value_string());
        return;
      case Type::CPPTYPE_MESSAGE:
        return;  // left out above
    }
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
        if (!append_json_number(out(), std::bit_cast<float>(word))) inexact("an unusual NaN");
        return true;
      case Type::TYPE_DOUBLE:
        if (!in.fixed(raw)) return fail(in);
        if (!append_json_number(out(), std::bit_cast<double>(raw))) inexact("an unusual NaN");
        return true;
      case Type::TYPE_ENUM:
        if (!in.varint(raw)) return fail(in);
        append_enum(*field.enumeration, static_cast<std::int32_t>(raw));
        if (!fits_int32(raw)) inexact("an enum number of more than 32 bits");
        if (field.enumeration->is_null && raw != 0) inexact("a NullValue that is not 0");
        return true;
      case Type::TYPE_STRING:
        if (!in.bytes(bytes)) return fail(in);
        if (!append_json_string(out(), bytes)) inexact("a string that is not UTF-8");
        return true;
      case Type::TYPE_BYTES:
        if (!in.bytes(bytes)) return fail(in);
        append_bytes(bytes);
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

  void append_enum(const EnumPlan& type, std::int32_t number) {
    if (type.is_null)
      out() += "null";
    else if (const std::string* name = type.name(number))
      out() += *name;
    else
      append_unnamed(number);
  }

  void append_unnamed(std::int32_t number) {
    ++body_.unnamed;
    append_integer(out(), number);
  }

  void append_bytes(std::string_view bytes) {
    out() += '"';
    append_base64(out(), bytes);
    out() += '"';
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
    append_json_string(body_.inner, path_to(step));
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
    Settings settings{settings_.catalog, settings_.plans, settings_.options, false, path_to(step)};
    if (type == nullptr ||
        !Transcoder(settings, bytes, held).run(settings_.plans.of(*type), bytes) || !held.exact() ||
        !held.unknown.empty()) {
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

  Settings settings_;
  DecodedBody& body_;
  const char* start_;
  std::vector<Step> steps_;
  const char* fault_ = nullptr;
  std::size_t fault_offset_ = 0;
};

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
  /// Bytes of the unknown fields below the top level; protobuf's own reading drops them.
  std::size_t unknown_below() const { return unknown_below_; }

 private:
  bool check_nested(const FieldPlan& field, WireCursor& in, int depth, DecodedBody& body) {
    if (depth >= max_depth) return in.fail("nested too deep") || report(in, body);
    if (field.type == Type::TYPE_GROUP)
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
  Transcoder::Settings settings{catalog_, *plans_, options_, false, {}};
  Transcoder direct(settings, bytes, body);
  if (direct.run(plan, bytes)) {
    close_inner(body.inner);
    return true;
  }
  if (direct.fault() != nullptr) return set_fault(body, direct.fault(), direct.fault_offset());
  clear(body);
  WireCursor in(bytes);
  FaultFinder finder(bytes);
  if (!finder.check(plan, in, 0, 0, body)) return false;
  std::string unknown;
  const auto message = normalized(catalog_, type, bytes, unknown);
  if (!message)
    return set_fault(body, "protobuf refuses it: a string that is not UTF-8, or nested too deep",
                     0);
  const std::string regular = bytes_of(*message);
  settings.missing_allowed = true;
  Transcoder ordered(settings, regular, body);
  if (!ordered.run(plan, regular)) return set_fault(body, "an encoding that cannot be shown", 0);
  close_inner(body.inner);
  body.unknown += unknown;
  body.unknown_below = finder.unknown_below();
  message->FindInitializationErrors(&body.missing);
  body.inexact = body.missing.empty() ? "an encoding that no serializer of protobuf writes"
                                      : "required fields are missing";
  return true;
}

}  // namespace compactor::schema
