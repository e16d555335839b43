#include "schema/template.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "schema/inner.h"
#include "schema/json_scalar.h"
#include "schema/well_known.h"
#include "text/base64.h"

namespace compactor::schema {
namespace {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;
using Type = pb::FieldDescriptor;

// Deeper down a template is longer than anyone reads: some types would fill megabytes.
constexpr std::size_t full_levels = 3;

/// What a string field may say, judged by its name; `owner` is the field whose message it is in.
std::string plausible_text(const Type& field, const std::string& owner) {
  const std::string& name = field.name();
  if (name == "hostname") return "agent1.example.org";
  if (name == "ip" || name == "ip_address") return "192.0.2.1";
  if (name == "pid" || name == "master") return "id@192.0.2.1:5050";
  // An id is a message with one field, value: the field that has the id says more.
  return name == "value" && !owner.empty() ? owner : name;
}

std::string base64_of(std::string_view bytes) {
  std::string out;
  text::append_base64(out, bytes);
  return out;
}

Json text_of(const Type& field, const std::string& owner) {
  if (field.type() == Type::TYPE_STRING) return plausible_text(field, owner);
  const InnerRule* rule = inner_rule(field.containing_type()->full_name(), field.name());
  const bool is_uuid = rule != nullptr && rule->holds.empty();
  return base64_of(is_uuid ? "sixteen bytes id" : "bytes");
}

Json scalar_of(const Type& field, const std::string& owner) {
  if (field.has_default_value()) return json_default(field);
  switch (field.cpp_type()) {
    case Type::CPPTYPE_BOOL:
      return true;
    case Type::CPPTYPE_INT32:
    case Type::CPPTYPE_UINT32:
      return 1;
    case Type::CPPTYPE_INT64:
    case Type::CPPTYPE_UINT64:
      return "1";
    case Type::CPPTYPE_DOUBLE:
    case Type::CPPTYPE_FLOAT:
      return 1.5;
    case Type::CPPTYPE_ENUM:
      if (field.enum_type()->full_name() == "google.protobuf.NullValue") return nullptr;
      return field.default_value_enum()->name();
    case Type::CPPTYPE_STRING:
    case Type::CPPTYPE_MESSAGE:
      break;
  }
  return text_of(field, owner);
}

/// The JSON form of Google's own types.
Json well_known_template(const pb::Descriptor& type) {
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      return "2026-01-01T00:00:00Z";
    case pb::Descriptor::WELLKNOWNTYPE_DURATION:
      return "1.500s";
    case pb::Descriptor::WELLKNOWNTYPE_FIELDMASK:
      return "field";
    case pb::Descriptor::WELLKNOWNTYPE_ANY:
      return {{"@type", "type.googleapis.com/google.protobuf.Duration"}, {"value", "1.500s"}};
    case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      return {{"key", "value"}};
    case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE:
      return Json::array({"value"});
    case pb::Descriptor::WELLKNOWNTYPE_VALUE:
      return "value";
    default:  // the wrappers, which are their one field
      return scalar_of(*type.field(0), "");
  }
}

class Filler {
 public:
  Json message(const pb::Descriptor& type, const std::string& owner) {
    if (is_well_known(type)) return well_known_template(type);
    Json object = Json::object();
    enclosing_.push_back(&type);
    for (int i = 0; i < type.field_count(); ++i) {
      const Type& field = *type.field(i);
      if (wanted(field)) object[field.name()] = value(field, owner);
    }
    enclosing_.pop_back();
    return object;
  }

 private:
  bool wanted(const Type& field) const {
    if (field.is_required()) return true;
    if (enclosing_.size() > full_levels) return false;
    const pb::OneofDescriptor* oneof = field.real_containing_oneof();
    if (oneof != nullptr && oneof->field(0) != &field) return false;
    const pb::Descriptor* held =
        field.is_map() ? field.message_type()->field(1)->message_type() : field.message_type();
    return std::find(enclosing_.begin(), enclosing_.end(), held) == enclosing_.end();
  }

  Json value(const Type& field, const std::string& owner) {
    if (field.is_map()) {
      const Type& key = *field.message_type()->field(0);
      const Json name = scalar_of(key, "");
      Json map = Json::object();
      map[name.is_string() ? name.get<std::string>() : name.dump()] =
          element(*field.message_type()->field(1), field.name());
      return map;
    }
    const Json one = element(field, owner);
    return field.is_repeated() ? Json::array({one}) : one;
  }

  Json element(const Type& field, const std::string& owner) {
    return field.message_type() != nullptr ? message(*field.message_type(), field.name())
                                           : scalar_of(field, owner);
  }

  std::vector<const pb::Descriptor*> enclosing_;
};

}  // namespace

nlohmann::ordered_json json_default(const pb::FieldDescriptor& field) {
  std::string text;
  append_default_value(text, field);
  return text.empty() ? Json() : Json::parse(text);
}

nlohmann::ordered_json json_template(const pb::Descriptor& type) {
  return Filler().message(type, "");
}

}  // namespace compactor::schema
