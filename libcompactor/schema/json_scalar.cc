#include "schema/json_scalar.h"

#include "text/json_text.h"

namespace compactor::schema {

void append_default_value(std::string& out, const google::protobuf::FieldDescriptor& field) {
  using Field = google::protobuf::FieldDescriptor;
  switch (field.cpp_type()) {
    case Field::CPPTYPE_BOOL:
      out += field.default_value_bool() ? "true" : "false";
      return;
    case Field::CPPTYPE_INT32:
      return append_integer(out, field.default_value_int32());
    case Field::CPPTYPE_UINT32:
      return append_integer(out, field.default_value_uint32());
    case Field::CPPTYPE_INT64:
      return append_quoted(out, field.default_value_int64());
    case Field::CPPTYPE_UINT64:
      return append_quoted(out, field.default_value_uint64());
    case Field::CPPTYPE_DOUBLE:
      text::append_json_number(out, field.default_value_double());
      return;
    case Field::CPPTYPE_FLOAT:
      text::append_json_number(out, field.default_value_float());
      return;
    case Field::CPPTYPE_ENUM:
      if (field.enum_type()->full_name() == "google.protobuf.NullValue")
        out += "null";
      else
        out += '"' + field.default_value_enum()->name() + '"';
      return;
    case Field::CPPTYPE_STRING:
      if (field.type() == Field::TYPE_BYTES)
        append_bytes(out, field.default_value_string());
      else
        text::append_json_string(out, field.default_value_string());
      return;
    case Field::CPPTYPE_MESSAGE:
      return;
  }
}

bool append_default(std::string& out, const FieldPlan& field) {
  const bool single_message = !field.repeated && field.message != nullptr;
  if (field.descriptor->containing_oneof() != nullptr || single_message) return true;
  out += field.key;
  if (field.repeated) {
    out += field.map ? "{}" : "[]";
    return true;
  }
  append_default_value(out, *field.descriptor);
  return !field.presence;
}

}  // namespace compactor::schema
