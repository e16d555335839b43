// compactor describe: the message types that are known, one of them in full, their history, and a
// set of their descriptors for other tools.
#include <fcntl.h>
#include <google/protobuf/descriptor.pb.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "body/encoding.h"
#include "body/type_codec.h"
#include "capture/output_file.h"
#include "cli/command_line.h"
#include "cli/failure.h"
#include "commands/describe_history.h"
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
  std::vector<std::string> what;
  bool history = false;
  std::optional<std::string> protoset_out;
};

CommandLine declare(DescribeOptions& options) {
  CommandLine line(
      "describe",
      "Lists message types, or shows one: its fields, and a JSON template to fill for send. With "
      "--history: since and until which release of Mesos each field was.",
      "  compactor describe                                  all types\n"
      "  compactor describe 'mesos.internal.*Slave*'         those that match\n"
      "  compactor describe mesos.internal.PingSlaveMessage  one of them\n"
      "  compactor describe --history mesos.scheduler.Call   what it was in earlier releases\n"
      "  compactor describe 'mesos.v1.*' --protoset-out v1.protoset\n"
      "  compactor describe acme.Order -I protos --proto acme/order.proto\n");
  line.positionals("TYPE", options.what, "full name of a type, or a glob");
  line.flag("--history", options.history,
            "show since and until which release of Mesos each field was, and in which form");
  line.text(
      "--protoset-out", "FILE", options.protoset_out,
      "write the .proto files that define the types, and those they import, as a descriptor set");
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

/// The name in JSON that protoc gives a field, unless its file says another one.
std::string usual_json_name(const std::string& name) {
  std::string camel;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
    } else {
      camel += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return camel;
}

/// A line of proto text, without the name in JSON when it is the usual one: protoc notes that with
/// every field.
std::string without_usual_json_name(const std::string& line) {
  static const std::regex field(R"re((\w+) = \d+ \[(?:.*, )?json_name = "([^"]*)")re");
  static const std::regex alone(R"( \[json_name = "[^"]*"\])");
  static const std::regex among(R"(json_name = "[^"]*", |, json_name = "[^"]*")");
  std::smatch found;
  if (!std::regex_search(line, found, field) || usual_json_name(found[1]) != found[2]) return line;
  return std::regex_replace(std::regex_replace(line, alone, ""), among, "");
}

std::string proto_text(const pb::Descriptor& type) {
  std::istringstream lines(type.DebugString());
  std::string text;
  for (std::string line; std::getline(lines, line);) text += without_usual_json_name(line) + '\n';
  return text;
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
  if (field.json_name() != usual_json_name(field.name())) info["json_name"] = field.json_name();
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
  out += info.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

void append_text(std::string& out, const pb::Descriptor& type) {
  out += "// " + type.full_name() + ", from " + terminal_escaped(type.file()->name()) + '\n' +
         proto_text(type);
  out += "\n// To fill, for: compactor send TARGET " + type.full_name() + " \"$(cat FILE)\"\n";
  out +=
      compactor::schema::json_template(type).dump(2, ' ', false, Json::error_handler_t::replace) +
      '\n';
}

Failure unknown_type(const compactor::schema::Catalog& catalog, const std::string& name) {
  const auto hint = compactor::text::did_you_mean(catalog.suggest(name));
  return {Exit::usage, "type", "unknown type \"" + name + '"',
          hint.empty() ? "compactor describe lists the types" : hint};
}

/// Appends one type, or the list of those that match a glob.
void append_described(std::string& out, const compactor::schema::Catalog& catalog,
                      const std::string& what, bool json) {
  if (!compactor::text::is_glob(what)) {
    const auto* type = catalog.for_mailbox(what);
    if (type == nullptr) throw unknown_type(catalog, what);
    if (json)
      append_info(out, *type, true);
    else
      append_text(out, *type);
    return;
  }
  for (const auto& name : catalog.list(what)) {
    if (json)
      append_info(out, catalog.get(name), false);
    else
      out += name + '\n';
  }
}

/// Adds the file to the set, after those that it imports.
void add_file(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& added,
              pb::FileDescriptorSet& set) {
  if (!added.insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), added, set);
  file.CopyTo(set.add_file());
}

/// Built-in types, those of a user and those of older releases may have the same names, and not
/// stand in one set. Failure for the first that another program could not read.
void check_set(const pb::FileDescriptorSet& set) {
  const pb::LogSilencer quiet;
  pb::DescriptorPool pool;
  for (const auto& file : set.file()) {
    if (pool.FindFileByName(file.name()) == nullptr && pool.BuildFile(file) != nullptr) continue;
    throw Failure(Exit::usage, "type",
                  "these types do not go into one set: " + file.name() +
                      " defines what another file defines too",
                  "name fewer types");
  }
}

/// The files that define the types, and those they import, as others read a set of descriptors.
/// Empty when no type matches.
std::string protoset_of(const compactor::schema::Catalog& catalog,
                        const std::vector<std::string>& what) {
  std::set<const pb::FileDescriptor*> added;
  pb::FileDescriptorSet set;
  for (const auto& one : what) {
    if (compactor::text::is_glob(one)) {
      for (const auto& name : catalog.list(one)) add_file(*catalog.get(name).file(), added, set);
    } else {
      const auto* type = catalog.for_mailbox(one);
      if (type == nullptr) throw unknown_type(catalog, one);
      add_file(*type->file(), added, set);
    }
  }
  check_set(set);
  return set.SerializeAsString();
}

/// What the types are read from, which is not to be written onto.
std::vector<compactor::capture::FileId> files_in_use(const compactor::schema::Sources& sources) {
  std::vector<std::string> paths = sources.protosets;
  for (const auto& proto : sources.protos) {
    paths.push_back(proto);
    for (const auto& folder : sources.import_dirs) paths.push_back(folder + '/' + proto);
  }
  std::vector<compactor::capture::FileId> found;
  for (const auto& path : paths) {
    const int descriptor = ::open(path.c_str(), O_PATH | O_CLOEXEC);
    if (descriptor < 0) continue;
    if (const auto id = compactor::capture::file_id(descriptor)) found.push_back(*id);
    ::close(descriptor);
  }
  return found;
}

void write_protoset(const compactor::schema::Catalog& catalog, const DescribeOptions& options) {
  const auto& path = *options.protoset_out;
  const auto bytes = protoset_of(catalog, options.what);
  if (bytes.empty()) return;
  try {
    compactor::capture::OutputFile(path, files_in_use(options.types.sources)).write_whole(bytes);
  } catch (const compactor::capture::FileInUse& error) {
    throw Failure(Exit::usage, "usage", error.what(), "write to another file");
  } catch (const compactor::capture::CaptureError& error) {
    throw Failure(Exit::local, "file", error.what());
  }
}

void check(const DescribeOptions& options) {
  if (options.history && options.protoset_out)
    throw Failure(Exit::usage, "usage", "--history and --protoset-out do not go together");
  if (options.history && options.what.empty())
    throw Failure(Exit::usage, "usage", "--history needs a TYPE", "'*' is all of them");
  if (options.protoset_out == "-")
    throw Failure(Exit::usage, "usage", "--protoset-out needs a file name");
}

/// False when there is nothing of that name to show.
bool append(std::string& out, const compactor::schema::Catalog& catalog, const std::string& what,
            const DescribeOptions& options) {
  if (options.protoset_out) return !compactor::text::is_glob(what) || !catalog.list(what).empty();
  const auto before = out.size();
  if (options.history)
    append_history(out, catalog, what, options.output.json);
  else
    append_described(out, catalog, what, options.output.json);
  return out.size() > before;
}

std::string nothing_matches(const std::string& what, bool history) {
  return history ? "no type that has a history matches " + what +
                       " (types of mesos.* have one, mesos.v1.* and those of files have none)"
                 : "no type matches " + what + " (compactor describe lists the types)";
}

}  // namespace

Outline outline_describe() {
  DescribeOptions options;
  return declare(options).outline();
}

int run_describe(const Arguments& arguments) {
  DescribeOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  check(options);
  Console console(options.output, BodyView());
  const auto catalog = make_catalog(options.types.sources);
  if (options.what.empty()) options.what.emplace_back("*");
  std::string out;
  bool all_matched = true;
  for (const auto& what : options.what) {
    if (append(out, *catalog, what, options)) continue;
    all_matched = false;
    console.note(nothing_matches(what, options.history));
  }
  console.print_raw(out);
  if (options.protoset_out) write_protoset(*catalog, options);
  return all_matched ? 0 : 1;
}

}  // namespace tool
