#include "output/options.h"

#include <algorithm>
#include <utility>

#include "cli/failure.h"

namespace tool {

namespace {

Colour colour_of(const std::string& word) {
  if (word == "always") return Colour::always;
  return word == "never" ? Colour::never : Colour::automatic;
}

void add_mailbox(compactor::schema::Sources& sources, std::string name, std::string type) {
  for (const auto& [known, its_type] : sources.mailboxes) {
    if (known != name || its_type == type) continue;
    throw Failure(Exit::usage, "usage", "--type says twice what " + name + " is",
                  its_type + " or " + type + "?");
  }
  sources.mailboxes.emplace_back(std::move(name), std::move(type));
}

}  // namespace

void add_output_options(CommandLine& line, OutputOptions& options) {
  line.group("Output");
  line.flag("--json", options.json, "one JSON object for each line, on stderr too");
  line.flag("-q,--quiet", options.quiet, "only results and errors");
  line.counter("-v,--verbose", options.verbose,
               "say more: addresses, heads of requests and responses");
  auto pick = [&options](const std::string& typed) { options.colour = colour_of(typed); };
  line.choices("--color", "WHEN", {"auto", "always", "never"}, pick, "colour on stdout");
}

void add_time_option(CommandLine& line, OutputOptions& options) {
  options.dates = true;
  const auto pick = [&options](const std::string& typed) {
    options.time = typed == "d"   ? TimeStyle::delta
                   : typed == "r" ? TimeStyle::relative
                   : typed == "u" ? TimeStyle::utc
                                  : TimeStyle::absolute;
  };
  line.choices(
      "-t", "HOW", {"a", "d", "r", "u"}, pick,
      "times of lines: of day (a), since the line before (d), since the first (r), UTC (u)");
}

void add_body_option(CommandLine& line, BodyMode& mode) {
  auto pick = [&mode](const std::string& typed) { mode = parse_body_mode(typed); };
  line.choices("--body", "HOW", body_mode_names(), pick, "how bodies are shown");
}

void add_type_sources(CommandLine& line, compactor::schema::Sources& sources) {
  line.group("Types");
  line.list("-I", "DIR", sources.import_dirs, "where imports of .proto files are looked for");
  line.list("--proto", "FILE", sources.protos, "types from a .proto file; Mesos is built in");
  line.list("--protoset", "FILE", sources.protosets,
            "types from what protoc --descriptor_set_out wrote");
  line.value(
      "--type", "NAME=TYPE",
      [&sources](const std::string& typed) {
        auto equals = typed.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == typed.size()) {
          throw Failure(Exit::usage, "usage", "--type \"" + typed + "\" does not read",
                        "as in update=mesos.TaskStatus");
        }
        add_mailbox(sources, typed.substr(0, equals), typed.substr(equals + 1));
      },
      "messages of that name have that type", Times::often);
}

void add_type_options(CommandLine& line, TypeOptions& options) {
  add_type_sources(line, options.sources);
  line.flag("--emit-defaults", options.emit_defaults,
            "show fields that are not there with their defaults");
  line.flag("--no-inner", options.no_inner,
            "do not look into bytes fields (UUIDs, the replicated log)");
}

OutputOptions asked_output(const std::vector<std::string>& arguments) {
  OutputOptions options;
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  for (auto argument = arguments.begin(); argument != end; ++argument) {
    if (*argument == "--json") options.json = true;
    if (*argument == "--color" && argument + 1 != end) options.colour = colour_of(argument[1]);
    if (argument->starts_with("--color=")) options.colour = colour_of(argument->substr(8));
  }
  return options;
}

}  // namespace tool
