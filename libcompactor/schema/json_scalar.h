// Single values as proto3 JSON has them: integers, enums, bytes, defaults.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/plan.h"
#include "text/base64.h"

namespace compactor::schema {

template <class T>
void append_integer(std::string& out, T value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

/// 64-bit integers are strings.
template <class T>
void append_quoted(std::string& out, T value) {
  out += '"';
  append_integer(out, value);
  out += '"';
}

inline void append_bytes(std::string& out, std::string_view bytes) {
  out += '"';
  text::append_base64(out, bytes);
  out += '"';
}

/// False when the number has no name, and stands there itself.
inline bool append_enum(std::string& out, const EnumPlan& type, std::int32_t number) {
  if (type.is_null) {
    out += "null";
    return true;
  }
  if (const std::string* name = type.name(number)) {
    out += *name;
    return true;
  }
  append_integer(out, number);
  return false;
}

/// Appends the value that a single field has when it is not there; nothing for a message.
void append_default_value(std::string& out, const google::protobuf::FieldDescriptor& field);

/// Appends the field with what it has when it is not there; nothing for a single message and for a
/// member of a oneof. False when what is read back differs: the field is then set.
bool append_default(std::string& out, const FieldPlan& field);

}  // namespace compactor::schema
