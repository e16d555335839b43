#include "schema/json_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "schema/field_path.h"
#include "schema/plan.h"
#include "schema/well_known.h"
#include "schema/wire_format.h"
#include "text/base64.h"
#include "text/json_parse.h"
#include "text/nearest.h"
#include "text/utf8.h"
#include "text/whole_number.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;
using Type = pb::FieldDescriptor;

/// The value as it is quoted in an error: short, on one line.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  constexpr std::size_t most = 40;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text::shortened(text, most);
}

/// An integer of type T: a number, or a string that is one.
template <class T>
std::optional<T> integer_from(const Json& json) {
  if (json.is_number_unsigned()) return text::WholeNumber{false, json.get<std::uint64_t>()}.as<T>();
  if (json.is_number_integer()) {
    const auto value = json.get<std::int64_t>();
    const auto bits = static_cast<std::uint64_t>(value);
    return text::WholeNumber{value < 0, value < 0 ? 0 - bits : bits}.as<T>();
  }
  // Of a float only a zero is whole: where it was read, everything else that is became an integer.
  if (json.is_number_float() && json.get<double>() == 0) return T{};
  if (!json.is_string()) return std::nullopt;
  const auto number = text::whole_number(json.get_ref<const std::string&>());
  return number ? number->as<T>() : std::nullopt;
}

std::optional<double> double_from(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// Encodes one body; `missing_` gathers the required fields that are not there.
class Encoder {
 public:
  Encoder(const Catalog& catalog, Plans& plans, bool allow_missing)
      : catalog_(catalog), plans_(plans), allow_missing_(allow_missing) {}

  std::string encode(const pb::Descriptor& type, const Json& json) {
    std::string bytes;
    message(plans_.of(type), json, {}, 0, bytes);
    if (!missing_.empty() && !allow_missing_)
      throw SchemaError(missing_text(),
                        "compactor describe " + type.full_name() +
                            " shows a template to fill; send --force sends it as it is");
    return bytes;
  }

 private:
  [[noreturn]] static void refuse(const FieldPath& path, const std::string& why,
                                  const std::string& hint = {}) {
    const std::string where = path.text();
    throw SchemaError((where.empty() ? "" : where + ": ") + why, hint);
  }
  [[noreturn]] static void expected(const FieldPath& path, const std::string& what,
                                    const Json& json) {
    refuse(path, "expected " + what + ", not " + shown(json));
  }

  void message(const TypePlan& plan, const Json& json, const FieldPath& path, int depth,
               std::string& out) {
    if (depth > max_depth) refuse(path, "nested too deep");
    if (plan.bare) return bare(plan, json, path, depth, out);
    if (plan.well_known && has_own_form(plan, json)) return well_known(plan, json, path, out);
    if (!json.is_object()) expected(path, "an object (" + plan.descriptor->full_name() + ")", json);
    std::vector<const Json*> values(plan.fields.size());
    for (const auto& [name, value] : json.items()) place(plan, name, value, path, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const FieldPlan& field = plan.fields[i];
      if (values[i] != nullptr)
        append_field(field, *values[i], {&path, field.name}, depth, out);
      else if (field.required)
        missing_.push_back(FieldPath{&path, field.name}.text());
    }
  }

  /// A Struct, ListValue or Value: the JSON is that of its one field, without the name.
  void bare(const TypePlan& plan, const Json& json, const FieldPath& path, int depth,
            std::string& out) {
    if (!plan.has_kinds) return append_field(plan.fields.front(), json, path, depth, out);
    append_element(*plan.find(kind_of(json)), json, path, depth, out);
  }

  /// The number of the field of google.protobuf.Value that holds it.
  static std::uint32_t kind_of(const Json& json) {
    if (json.is_null()) return 1;
    if (json.is_number()) return 2;
    if (json.is_string()) return 3;
    if (json.is_boolean()) return 4;
    return json.is_object() ? 5 : 6;
  }

  /// An Any without "@type" holds a type that was not known when it was decoded.
  static bool has_own_form(const TypePlan& plan, const Json& json) {
    return plan.descriptor->well_known_type() != pb::Descriptor::WELLKNOWNTYPE_ANY ||
           !json.is_object() || json.contains("@type");
  }

  void well_known(const TypePlan& plan, const Json& json, const FieldPath& path, std::string& out) {
    std::string bytes;
    std::string why;
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!read_well_known(catalog_, *plan.descriptor, text, bytes, why)) refuse(path, why);
    out += bytes;
  }

  /// Notes the value of one member of the object with the field that it belongs to.
  static void place(const TypePlan& plan, const std::string& name, const Json& value,
                    const FieldPath& path, std::vector<const Json*>& values) {
    const auto found = plan.by_name.find(name);
    if (found == plan.by_name.end()) unknown_field(plan, name, path);
    const FieldPlan& field = *found->second;
    if (value.is_null() && !takes_null(field)) return;
    const auto index = static_cast<std::size_t>(&field - plan.fields.data());
    if (values[index] != nullptr) refuse({&path, field.name}, "given twice");
    if (field.oneof >= 0) check_oneof(plan, field, path, values);
    values[index] = &value;
  }

  static bool takes_null(const FieldPlan& field) {
    if (field.repeated) return false;
    if (field.enumeration != nullptr) return field.enumeration->is_null;
    return field.message != nullptr && field.message->has_kinds;
  }

  [[noreturn]] static void unknown_field(const TypePlan& plan, const std::string& name,
                                         const FieldPath& path) {
    std::vector<std::string> names;
    for (const FieldPlan& field : plan.fields) names.emplace_back(field.name);
    const std::string& type = plan.descriptor->full_name();
    const std::string hint = text::did_you_mean(text::nearest(name, names));
    refuse({&path, name}, type + " has no such field",
           hint.empty() ? "compactor describe " + type + " lists its fields" : hint);
  }

  static void check_oneof(const TypePlan& plan, const FieldPlan& field, const FieldPath& path,
                          const std::vector<const Json*>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != nullptr && plan.fields[i].oneof == field.oneof) {
        refuse({&path, field.name}, "only one of " + field.descriptor->containing_oneof()->name() +
                                        " may be set, and " + std::string(plan.fields[i].name) +
                                        " is too");
      }
    }
  }

  void append_field(const FieldPlan& field, const Json& json, const FieldPath& path, int depth,
                    std::string& out) {
    if (field.map) return append_map(field, json, path, depth, out);
    if (!field.repeated) {
      if (field.presence || !is_default(field, json, path, depth)) {
        append_element(field, json, path, depth, out);
      }
      return;
    }
    if (!json.is_array()) expected(path, "a list", json);
    std::string packed;
    for (std::size_t i = 0; i < json.size(); ++i) {
      const FieldPath at{&path, {}, static_cast<int>(i)};
      if (field.packed)
        value(field, json[i], at, depth, packed);
      else
        append_element(field, json[i], at, depth, out);
    }
    if (!packed.empty()) append_len(out, field.number, packed);
  }

  /// A zero of a field without presence is not written.
  bool is_default(const FieldPlan& field, const Json& json, const FieldPath& path, int depth) {
    std::string bytes;
    value(field, json, path, depth, bytes);
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
  }

  static void append_len(std::string& out, std::uint32_t number, std::string_view bytes) {
    append_tag(out, number, Wire::len);
    append_varint(out, bytes.size());
    out += bytes;
  }

  void append_element(const FieldPlan& field, const Json& json, const FieldPath& path, int depth,
                      std::string& out) {
    append_tag(out, field.number, field.wire);
    value(field, json, path, depth, out);
    if (field.wire == Wire::group) append_tag(out, field.number, Wire::end_group);
  }

  void append_map(const FieldPlan& field, const Json& json, const FieldPath& path, int depth,
                  std::string& out) {
    if (!json.is_object()) expected(path, "an object (a map)", json);
    const FieldPlan& key = *field.message->find(1);
    const FieldPlan& mapped = *field.message->find(2);
    for (const auto& [name, element] : json.items()) {
      std::string entry;
      const FieldPath at{&path, name};
      append_element(key, key_json(key, name), at, depth, entry);
      append_element(mapped, element, at, depth + 1, entry);
      append_len(out, field.number, entry);
    }
  }

  /// Keys are strings in JSON, whatever their type.
  static Json key_json(const FieldPlan& key, const std::string& name) {
    if (key.type == Type::TYPE_BOOL && (name == "true" || name == "false")) return name == "true";
    return name;
  }

  /// Appends a value without its tag; of a length-delimited one with its length.
  void value(const FieldPlan& field, const Json& json, const FieldPath& path, int depth,
             std::string& out) {
    switch (field.type) {
      case Type::TYPE_BOOL:
        if (!json.is_boolean()) expected(path, "true or false", json);
        return append_varint(out, json.get<bool>() ? 1 : 0);
      case Type::TYPE_INT32:
        return append_signed(out, integer<std::int32_t>(json, path));
      case Type::TYPE_INT64:
        return append_signed(out, integer<std::int64_t>(json, path));
      case Type::TYPE_UINT32:
        return append_varint(out, integer<std::uint32_t>(json, path));
      case Type::TYPE_UINT64:
        return append_varint(out, integer<std::uint64_t>(json, path));
      case Type::TYPE_SINT32:
        return append_varint(out,
                             static_cast<std::uint32_t>(zigzag(integer<std::int32_t>(json, path))));
      case Type::TYPE_SINT64:
        return append_varint(out, zigzag(integer<std::int64_t>(json, path)));
      case Type::TYPE_FIXED32:
        return append_fixed(out, integer<std::uint32_t>(json, path));
      case Type::TYPE_FIXED64:
        return append_fixed(out, integer<std::uint64_t>(json, path));
      case Type::TYPE_SFIXED32:
        return append_fixed(out, integer<std::int32_t>(json, path));
      case Type::TYPE_SFIXED64:
        return append_fixed(out, integer<std::int64_t>(json, path));
      case Type::TYPE_FLOAT:
        return append_fixed(out, real_float(json, path));
      case Type::TYPE_DOUBLE:
        return append_fixed(out, real(json, path));
      case Type::TYPE_ENUM:
        return append_signed(out, enumerator(*field.enumeration, json, path));
      case Type::TYPE_STRING:
        if (!json.is_string()) expected(path, "string", json);
        return append_sized(out, json.get_ref<const std::string&>());
      case Type::TYPE_BYTES:
        return append_sized(out, bytes(json, path));
      case Type::TYPE_MESSAGE: {
        std::string nested;
        message(*field.message, json, path, depth + 1, nested);
        return append_sized(out, nested);
      }
      case Type::TYPE_GROUP:
        return message(*field.message, json, path, depth + 1, out);
    }
  }

  static void append_signed(std::string& out, std::int64_t value) {
    append_varint(out, static_cast<std::uint64_t>(value));
  }
  static void append_sized(std::string& out, std::string_view bytes) {
    append_varint(out, bytes.size());
    out += bytes;
  }

  template <class T>
  static T integer(const Json& json, const FieldPath& path) {
    if (const auto value = integer_from<T>(json)) return *value;
    const std::string what =
        std::numeric_limits<T>::min() == 0 ? "an unsigned integer of " : "an integer of ";
    expected(path, what + std::to_string(8 * sizeof(T)) + " bits", json);
  }

  static double real(const Json& json, const FieldPath& path) {
    if (const auto value = double_from(json)) return *value;
    expected(path, "a number", json);
  }

  static float real_float(const Json& json, const FieldPath& path) {
    const double value = real(json, path);
    if (std::isnan(value)) return std::numeric_limits<float>::quiet_NaN();
    const auto narrow = static_cast<float>(value);
    if (std::isinf(narrow) && std::isfinite(value))
      expected(path, "a number that fits a float", json);
    return narrow;
  }

  static std::int32_t enumerator(const EnumPlan& type, const Json& json, const FieldPath& path) {
    if (type.is_null && json.is_null()) return 0;
    if (json.is_string()) {
      const auto& name = json.get_ref<const std::string&>();
      if (const auto* value = type.descriptor->FindValueByName(name)) return value->number();
    }
    if (json.is_number()) {
      if (const auto number = integer_from<std::int32_t>(json)) return *number;
    }
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(type.descriptor->value_count()));
    for (int i = 0; i < type.descriptor->value_count(); ++i) {
      names.push_back(type.descriptor->value(i)->name());
    }
    std::string hint =
        json.is_string() ? text::did_you_mean(text::nearest(json.get<std::string>(), names)) : "";
    if (hint.empty()) hint = "one of: " + list_of(names);
    refuse(path, "expected a value of " + type.descriptor->full_name() + ", not " + shown(json),
           hint);
  }

  static std::string list_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 20;
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < most; ++i)
      text += (i == 0 ? "" : ", ") + names[i];
    return names.size() > most ? text + " …" : text;
  }

  static std::string bytes(const Json& json, const FieldPath& path) {
    if (!json.is_string()) expected(path, "bytes as a string of base64", json);
    auto decoded = text::decode_base64(json.get_ref<const std::string&>());
    if (!decoded) refuse(path, "not base64: " + shown(json));
    return *std::move(decoded);
  }

  std::string missing_text() const {
    constexpr std::size_t most = 10;
    std::string text = missing_.front();
    for (std::size_t i = 1; i < missing_.size() && i < most; ++i) text += ", " + missing_[i];
    if (missing_.size() > most) text += " and " + std::to_string(missing_.size() - most) + " more";
    return text +
           (missing_.size() == 1 ? ": required field is missing" : ": required fields are missing");
  }

  const Catalog& catalog_;
  Plans& plans_;
  const bool allow_missing_;
  std::vector<std::string> missing_;
};

}  // namespace

JsonReader::JsonReader(const Catalog& catalog) : JsonReader(catalog, Options()) {}

JsonReader::JsonReader(const Catalog& catalog, Options options)
    : catalog_(catalog), options_(options), plans_(std::make_unique<Plans>()) {}

JsonReader::~JsonReader() = default;

std::string JsonReader::encode(const pb::Descriptor& type, const Json& json) {
  return Encoder(catalog_, *plans_, options_.allow_missing).encode(type, json);
}

std::string JsonReader::encode_text(const pb::Descriptor& type, std::string_view text) {
  Json json;
  try {
    json = text::parse_json(text);
  } catch (const text::JsonError& error) {
    throw SchemaError("not JSON, " + std::string(error.what()));
  }
  return encode(type, json);
}

}  // namespace compactor::schema
