// What the JSON writer and reader need to know of a type, laid out for speed: made once from its
// descriptor.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "schema/inner.h"
#include "schema/wire_format.h"

namespace compactor::schema {

struct TypePlan;

struct EnumPlan {
  const google::protobuf::EnumDescriptor* descriptor = nullptr;
  bool is_null = false;  // google.protobuf.NullValue, in JSON null
  std::vector<std::pair<std::int32_t, std::string>> names;  // by number; the name in quotes

  /// In quotes; null for a number that has no name.
  const std::string* name(std::int32_t number) const;
};

struct FieldPlan {
  const google::protobuf::FieldDescriptor* descriptor = nullptr;
  std::uint32_t number = 0;
  google::protobuf::FieldDescriptor::Type type{};
  Wire wire = Wire::varint;  // of one element
  bool repeated = false;     // maps too
  bool packable = false;     // a repeated field that may come packed
  bool packed = false;       // and is written so
  bool map = false;
  bool required = false;
  bool presence = false;  // an explicit zero is different from nothing
  int oneof = -1;         // its index in the type
  std::string_view name;
  std::string key;  // ,"name":
  const InnerRule* inner = nullptr;
  const EnumPlan* enumeration = nullptr;
  const TypePlan* message = nullptr;  // also of groups and map entries

  bool accepts(Wire found) const { return found == wire || (packable && found == Wire::len); }
};

struct TypePlan {
  const google::protobuf::Descriptor* descriptor = nullptr;
  bool well_known = false;        // has a JSON form of its own: bare, or see well_known.h
  bool bare = false;              // a Struct, ListValue or Value: in JSON what its one field holds
  bool has_kinds = false;         // a Value, which has a field for each kind of JSON value
  unsigned required = 0;          // how many fields are
  std::vector<FieldPlan> fields;  // by number
  std::vector<const FieldPlan*> by_number;                         // the low numbers, for speed
  std::unordered_map<std::string_view, const FieldPlan*> by_name;  // both spellings: a_b and aB

  const FieldPlan* find(std::uint32_t number) const {
    return number < by_number.size() ? by_number[number] : find_high(number);
  }
  const FieldPlan* find_high(std::uint32_t number) const;
};

/// Makes plans and keeps them. Plans, and what they point to, live as long as this.
class Plans {
 public:
  const TypePlan& of(const google::protobuf::Descriptor& type);

 private:
  FieldPlan make_field(const google::protobuf::FieldDescriptor& field);
  const EnumPlan& of(const google::protobuf::EnumDescriptor& type);

  std::unordered_map<const google::protobuf::Descriptor*, std::unique_ptr<TypePlan>> types_;
  std::unordered_map<const google::protobuf::EnumDescriptor*, std::unique_ptr<EnumPlan>> enums_;
};

}  // namespace compactor::schema
