// compactor describe: the message types that are known, and one of them in full.
#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "body/type_codec.h"
#include "cli/command_line.h"
#include "cli/failure.h"
#include "commands/program.h"
#include "output/options.h"
#include "schema/catalog.h"
#include "schema/template.h"
#include "text/glob.h"
#include "text/nearest.h"

namespace tool {

namespace {

namespace pb = google::protobuf;
using Json = nlohmann::ordered_json;

struct DescribeOptions {
  OutputOptions output;
  TypeOptions types;
  std::optional<std::string> what;
};

CommandLine declare(DescribeOptions& options) {
  CommandLine line(
      "describe",
      "Lists message types, or shows one: its fields, and a JSON template to fill for send.",
      "  compactor describe                                  all types\n"
      "  compactor describe 'mesos.internal.*Slave*'         those that match\n"
      "  compactor describe mesos.internal.PingSlaveMessage  one of them\n"
      "  compactor describe acme.Order -I protos --proto acme/order.proto\n");
  line.positional("TYPE", options.what, "full name of a type, or a glob");
  add_type_sources(line, options.types.sources);
  add_output_options(line, options.output);
  return line;
}

const char* label_of(const pb::FieldDescriptor& field) {
  if (field.is_map()) return "map";
  if (field.is_required()) return "required";
  return field.is_repeated() ? "repeated" : "optional";
}

std::string type_of(const pb::FieldDescriptor& field) {
  if (field.is_map()) {
    const auto& entry = *field.message_type();
    return "map<" + type_of(*entry.map_key()) + ", " + type_of(*entry.map_value()) + ">";
  }
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.message_type() != nullptr ? field.message_type()->full_name() : field.type_name();
}

/// The type as proto text. Without the names in camelCase, which protoc notes with every field.
std::string proto_text(const pb::Descriptor& type) {
  static const std::regex alone(R"( \[json_name = "[^"]*"\])");
  static const std::regex among(R"(json_name = "[^"]*", |, json_name = "[^"]*")");
  return std::regex_replace(std::regex_replace(type.DebugString(), alone, ""), among, "");
}

void add_values(Json& info, const pb::EnumDescriptor& type) {
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    info["values"][value.name()] = value.number();
    if (value.options().deprecated()) info["deprecated_values"].push_back(value.name());
  }
}

Json field_info(const pb::FieldDescriptor& field) {
  Json info = {{"name", field.name()},
               {"number", field.number()},
               {"label", label_of(field)},
               {"type", type_of(field)}};
  if (field.has_default_value()) info["default"] = compactor::schema::json_default(field);
  if (field.options().deprecated()) info["deprecated"] = true;
  if (const auto* oneof = field.real_containing_oneof()) info["oneof"] = oneof->name();
  if (const auto* type = field.enum_type()) add_values(info, *type);
  return info;
}

/// One NDJSON object; of a list only what names the type.
void append_info(std::string& out, const pb::Descriptor& type, bool full) {
  Json info = {{"type", "type_info"}, {"name", type.full_name()}, {"file", type.file()->name()}};
  if (type.options().deprecated()) info["deprecated"] = true;
  if (full) {
    info["fields"] = Json::array();
    for (int i = 0; i < type.field_count(); ++i)
      info["fields"].push_back(field_info(*type.field(i)));
    info["proto"] = proto_text(type);
    info["template"] = compactor::schema::json_template(type);
  }
  out += info.dump() + '\n';
}

void append_text(std::string& out, const pb::Descriptor& type) {
  out += "// " + type.full_name() + ", from " + type.file()->name() + '\n' + proto_text(type);
  out += "\n// To fill, for: compactor send TARGET " + type.full_name() + " \"$(cat FILE)\"\n";
  out += compactor::schema::json_template(type).dump(2) + '\n';
}

std::string described(const compactor::schema::Catalog& catalog, const DescribeOptions& options) {
  std::string out;
  if (options.what && !compactor::text::is_glob(*options.what)) {
    const auto* type = catalog.for_mailbox(*options.what);
    if (type == nullptr) {
      const auto hint = compactor::text::did_you_mean(catalog.suggest(*options.what));
      throw Failure(Exit::usage, "type", "unknown type \"" + *options.what + '"',
                    hint.empty() ? "compactor describe lists the types" : hint);
    }
    if (options.output.json)
      append_info(out, *type, true);
    else
      append_text(out, *type);
    return out;
  }
  for (const auto& name : catalog.list(options.what.value_or("*"))) {
    if (options.output.json)
      append_info(out, catalog.get(name), false);
    else
      out += name + '\n';
  }
  return out;
}

}  // namespace

Outline outline_describe() {
  DescribeOptions options;
  return declare(options).outline();
}

int run_describe(const Arguments& arguments) {
  DescribeOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  Console console(options.output, BodyView());
  const auto catalog = make_catalog(options.types.sources);
  const std::string out = described(*catalog, options);
  console.print_raw(out);
  return out.empty() ? 1 : 0;  // nothing matched the glob
}

}  // namespace tool
