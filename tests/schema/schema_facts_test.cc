// The compiled protos/ against the tables of facts, row by row.
#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "schema/catalog.h"

namespace schema_schema_facts_test {

namespace {

namespace pb = google::protobuf;
using Rows = std::vector<std::string>;

/// One line of a table: the cells with tabs between them.
std::string row(const std::vector<std::string>& cells) {
  std::string line = cells.front();
  for (std::size_t i = 1; i < cells.size(); ++i) line += '\t' + cells[i];
  return line;
}

Rows facts() {
  Rows rows;
  for (const char* table : {"/mesos-schema.tsv", "/mesos-schema-more.tsv"}) {
    std::ifstream file(std::string(TEST_DATA) + table);
    for (std::string line; std::getline(file, line);) rows.push_back(line);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string default_of(const pb::FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(field.default_value_int32());
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(field.default_value_uint32());
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(field.default_value_int64());
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(field.default_value_uint64());
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return number_text(field.default_value_double());
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return number_text(static_cast<double>(field.default_value_float()));
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return field.default_value_enum()->name();
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return field.default_value_string();
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return {};
}

std::string flags_of(const pb::FieldDescriptor& field) {
  std::vector<std::string> flags;
  if (field.options().deprecated()) flags.emplace_back("deprecated");
  if (field.has_default_value()) flags.push_back("default=" + default_of(field));
  if (field.is_map()) flags.emplace_back("map");
  if (const auto* oneof = field.real_containing_oneof()) flags.push_back("oneof=" + oneof->name());
  std::string text;
  for (const auto& flag : flags) text += (text.empty() ? "" : ";") + flag;
  return text;
}

std::string label_of(const pb::FieldDescriptor& field) {
  if (field.is_required()) return "required";
  return field.is_repeated() ? "repeated" : "optional";
}

std::string type_of(const pb::FieldDescriptor& field) {
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.message_type() != nullptr ? field.message_type()->full_name() : field.type_name();
}

void add_enum(const pb::EnumDescriptor& type, Rows& rows) {
  rows.push_back(row({"enum", type.full_name(), ""}));
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    rows.push_back(row({"value", type.full_name(), std::to_string(value.number()), value.name(),
                        value.options().deprecated() ? "deprecated" : ""}));
  }
}

void add_message(const pb::Descriptor& type, Rows& rows) {
  rows.push_back(row({"message", type.full_name()}));
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    rows.push_back(row({"field", type.full_name(), std::to_string(field.number()), label_of(field),
                        type_of(field), field.name(), flags_of(field)}));
  }
  for (int i = 0; i < type.nested_type_count(); ++i) add_message(*type.nested_type(i), rows);
  for (int i = 0; i < type.enum_type_count(); ++i) add_enum(*type.enum_type(i), rows);
}

Rows compiled(const compactor::schema::Catalog& catalog) {
  std::set<const pb::FileDescriptor*> files;
  for (const auto& name : catalog.list()) files.insert(catalog.get(name).file());
  Rows rows;
  for (const auto* file : files) {
    rows.push_back(row({"package", file->package(), file->name()}));
    for (int i = 0; i < file->message_type_count(); ++i) add_message(*file->message_type(i), rows);
    for (int i = 0; i < file->enum_type_count(); ++i) add_enum(*file->enum_type(i), rows);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

Rows without(const Rows& some, const Rows& others) {
  Rows left;
  std::set_difference(some.begin(), some.end(), others.begin(), others.end(),
                      std::back_inserter(left));
  return left;
}

auto count_of(const Rows& rows, const std::string& kind) {
  return std::count_if(rows.begin(), rows.end(),
                       [&](const std::string& line) { return line.starts_with(kind + '\t'); });
}

TEST_CASE("the built-in types are those of the facts, row by row") {
  const compactor::schema::Catalog catalog;
  const Rows wanted = facts();
  const Rows have = compiled(catalog);
  for (const auto& line : without(wanted, have)) FAIL_CHECK("missing: " << line);
  for (const auto& line : without(have, wanted)) FAIL_CHECK("not a fact: " << line);
  CHECK(count_of(have, "message") == 992);
  CHECK(count_of(have, "field") == 3237);
  CHECK(count_of(have, "enum") == 127);
  CHECK(count_of(have, "value") == 1034);
  CHECK(count_of(have, "package") == 50);
  CHECK(have.size() == wanted.size());
}

TEST_CASE("list leaves out the 39 map entries") {
  CHECK(compactor::schema::Catalog().list().size() == 992 - 39);
}

}  // namespace

}  // namespace schema_schema_facts_test
