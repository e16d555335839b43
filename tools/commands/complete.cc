#include "commands/complete.h"

#include <google/protobuf/descriptor.h>
#include <net/if.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "body/encoding.h"
#include "cli/command_line.h"
#include "cli/failure.h"
#include "cli/values.h"
#include "commands/complete_types.h"
#include "compactor/context.h"
#include "compactor/pid.h"
#include "http/introspection.h"
#include "schema/catalog.h"

namespace tool {

namespace {

/// A person waits for this.
constexpr Duration peer_patience = std::chrono::milliseconds(700);

/// The first line, for the description of a candidate.
std::string one_line(std::string_view text) {
  return terminal_escaped(text.substr(0, text.find('\n')));
}

void print(const Candidates& candidates, std::string_view typed) {
  for (const auto& [text, description] : candidates) {
    // Whatever a peer calls its processes: a line must stay a line, and show what it is.
    if (!text.starts_with(typed) || !is_shown_as_it_is(text)) continue;
    std::printf("%s\t%s\n", text.c_str(), one_line(description).c_str());
  }
}

/// `endings`: only folders and files that end so, as in `svg|mmd`.
void print_files(std::string_view prefix, std::string_view endings = {}) {
  std::string line = ":files " + std::string(prefix);
  if (!endings.empty()) line += '\t' + std::string(endings);
  std::puts(line.c_str());
}

/// What is known of the line up to the word that is completed.
struct Line {
  Outline outline;
  std::vector<std::string> positionals;  // typed so far
  const Argument* option = nullptr;      // whose value the last word is
  bool no_options = false;               // behind --
  std::string typed;                     // the last word
};

const Argument* find_option(const Outline& outline, const std::string& name) {
  auto has = [&](const Argument& a) {
    return std::find(a.names.begin(), a.names.end(), name) != a.names.end();
  };
  auto found = std::find_if(outline.options.begin(), outline.options.end(), has);
  return found == outline.options.end() ? nullptr : &*found;
}

std::optional<Outline> outline_of(std::string_view command) {
  for (const auto& known : commands()) {
    if (known.name == command) return known.outline();
  }
  return std::nullopt;
}

Line read_line(Outline outline, const Arguments& words) {
  Line line{std::move(outline), {}, nullptr, false, words.back()};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (line.option != nullptr) {
      line.option = nullptr;  // that was its value
    } else if (!line.no_options && word == "--") {
      line.no_options = true;
    } else if (!line.no_options && word.starts_with('-') && word != "-") {
      const auto* option = find_option(line.outline, word);
      if (option != nullptr && !option->value.empty()) line.option = option;
    } else {
      line.positionals.push_back(word);
    }
  }
  return line;
}

void add_all(Candidates& out, const std::vector<std::string>& texts, const char* description) {
  for (const auto& text : texts) out.push_back({text, description});
}

/// The processes at HOST:PORT, from `HOST:PORT` or `ID@HOST:PORT` as typed so far; each as a PID.
/// These need not begin with what was typed.
void print_pids(const std::string& typed) {
  auto at = typed.find('@');
  auto id = at == std::string::npos ? std::string() : typed.substr(0, at);
  compactor::http::Server server;
  compactor::Pid pid;
  try {
    pid = parse_pid("any@" + (at == std::string::npos ? typed : typed.substr(at + 1)));
    server.ip = compactor::resolve_ipv4(pid.host, peer_patience);
  } catch (const std::runtime_error&) {
    return;  // not yet an address
  }
  server.port = pid.port;
  server.timeout = peer_patience;
  auto processes = compactor::http::get_processes(server);
  if (!processes.value) return;
  Candidates candidates;
  for (const auto& process : *processes.value) {
    if (!process.id.starts_with(id)) continue;
    auto waiting = process.events.empty()
                       ? "a process"
                       : std::to_string(process.events.size()) + " events queued";
    candidates.push_back({process.id + '@' + pid.address(), waiting});
  }
  print(candidates, "");
}

/// The types that fit `typed`, with what stands around them. They need not begin with it.
void print_types(const std::string& typed, bool all = false, const std::string& before = {},
                 const char* behind = "") {
  auto candidates = type_candidates(typed, all);
  for (auto& candidate : candidates) candidate.text = before + candidate.text + behind;
  print(candidates, "");
}

void print_interfaces(std::string_view typed) {
  Candidates candidates{{"any", "all of them"}};
  if (auto* all = ::if_nameindex()) {
    for (auto* next = all; next->if_index != 0; ++next)
      candidates.push_back({next->if_name, "network interface"});
    ::if_freenameindex(all);
  }
  print(candidates, typed);
}

/// Where in a JSON text its end lies: the type of the object there, and the key that is being
/// typed.
struct JsonPlace {
  const google::protobuf::Descriptor* type = nullptr;  // null: in no object of a known type
  std::size_t key_begin =
      std::string::npos;  // behind the opening quote; npos: no key is being typed
  bool key_due = false;
};

/// The index of the closing quote, or the size when there is none.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (auto i = begin; i < text.size(); ++i) {
    if (text[i] == '"') return i;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

JsonPlace find_place(std::string_view text, const google::protobuf::Descriptor* type) {
  struct Level {
    const google::protobuf::Descriptor*
        type;  // of an object, or of the elements of an array; null: unknown
    bool array;
  };
  std::vector<Level> levels;
  const google::protobuf::Descriptor* next = type;  // of the value that is due
  std::string key;
  JsonPlace place;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      auto begin = i + 1;
      i = end_of_string(text, begin);
      if (!place.key_due) continue;
      if (i == text.size()) {
        place.key_begin = begin;
      } else {
        key = text.substr(begin, i - begin);
        place.key_due = false;
      }
    } else if (c == '{' || c == '[') {
      bool element = !levels.empty() && levels.back().array;
      levels.push_back({element ? levels.back().type : next, c == '['});
      place.key_due = c == '{';
    } else if ((c == '}' || c == ']') && !levels.empty()) {
      levels.pop_back();
      place.key_due = false;
    } else if (c == ':') {
      const auto* field = levels.empty() || levels.back().type == nullptr
                              ? nullptr
                              : levels.back().type->FindFieldByName(key);
      next = field == nullptr ? nullptr : field->message_type();
    } else if (c == ',') {
      place.key_due = !levels.empty() && !levels.back().array;
    }
  }
  if (!levels.empty() && !levels.back().array) place.type = levels.back().type;
  return place;
}

void print_fields(const std::string& typed, const std::string& type_name,
                  const std::string& prefix) {
  compactor::schema::Catalog catalog;
  auto place = find_place(typed, catalog.for_mailbox(type_name));
  if (place.type == nullptr || !place.key_due) return;
  bool quoted = place.key_begin != std::string::npos;
  auto before = typed.substr(0, quoted ? place.key_begin : typed.size()) + (quoted ? "" : "\"");
  Candidates candidates;
  for (int i = 0; i < place.type->field_count(); ++i) {
    const auto& field = *place.type->field(i);
    auto type = field.message_type() != nullptr ? field.message_type()->full_name()
                                                : std::string(field.type_name());
    candidates.push_back(
        {prefix + before + field.name() + "\":", type + (field.is_required() ? ", required" : "")});
  }
  print(candidates, prefix + typed);
}

/// A body of the type `name`; `before` stands before it in the word.
void print_body(const std::string& typed, const std::string& name, const std::string& before = {}) {
  if (typed.starts_with('@')) return print_files(before + "@");
  if (typed.starts_with('{')) return print_fields(typed, name, before);
  Candidates candidates{{"@", "the bytes of a file"},
                        {"-", "standard input"},
                        {"hex:", "bytes in hex"},
                        {"base64:", "bytes in base64"},
                        {"text:", "text, whatever it begins with"},
                        {"{\"", "JSON of the message's type"}};
  for (auto& candidate : candidates) candidate.text = before + candidate.text;
  print(candidates, before + typed);
}

/// NAME=REPLY[:BODY], or NAME=TYPE.
void print_reply(const std::string& typed, bool with_body) {
  const auto equals = typed.find('=');
  if (equals == std::string::npos) return print_types(typed, false, {}, "=");
  const auto colon = typed.find(':', equals);
  if (!with_body || colon == std::string::npos)
    return print_types(typed.substr(equals + 1), !with_body, typed.substr(0, equals + 1));
  print_body(typed.substr(colon + 1), typed.substr(equals + 1, colon - equals - 1),
             typed.substr(0, colon + 1));
}

void print_glob(const Argument& argument, const std::string& typed) {
  const auto is = [&](const char* name) {
    return std::find(argument.names.begin(), argument.names.end(), name) != argument.names.end();
  };
  if (is("--name")) return print_types(typed);
  if (is("--from") || is("--to")) print_pids(typed);
}

/// By the word for the value, as the help shows it.
void print_value(const Line& line, const Argument& argument) {
  const auto& value = argument.value;
  const auto& typed = line.typed;
  if (!argument.words.empty()) {
    Candidates candidates;
    add_all(candidates, argument.words, argument.help.c_str());
    print(candidates, typed);
  } else if (value == "FILE" || value == "DIR") {
    print_files("");
  } else if (value == "FILE.svg|FILE.mmd") {
    print_files("", "svg|mmd");
  } else if (value == "PATH=FILE") {
    if (auto equals = typed.find('='); equals != std::string::npos)
      print_files(typed.substr(0, equals + 1));
  } else if (value == "PID" || value == "TARGET" || value == "HOST:PORT") {
    print_pids(typed);
  } else if (value == "NAME" || value == "TYPE") {
    print_types(typed, value == "TYPE");
  } else if (value == "GLOB") {
    print_glob(argument, typed);
  } else if (value == "PATH=VALUE") {
    print(match_candidates(typed), typed);
  } else if (value == "NAME=REPLY[:BODY]" || value == "NAME=TYPE") {
    print_reply(typed, value != "NAME=TYPE");
  } else if (value == "IFACE") {
    print_interfaces(typed);
  } else if (value == "BODY") {
    print_body(typed, line.positionals.size() >= 2 ? line.positionals[1] : std::string());
  }
}

void print_options(const Line& line) {
  Candidates candidates;
  for (const auto& option : line.outline.options) {
    for (const auto& name : option.names) candidates.push_back({name, option.help});
  }
  print(candidates, line.typed);
}

void print_commands(std::string_view typed, bool options) {
  Candidates candidates;
  for (const auto& command : commands())
    candidates.push_back({std::string(command.name), std::string(command.summary)});
  if (options) {
    candidates.push_back({"help", "the manual of a command"});
    candidates.push_back({"--help", "what there is"});
    candidates.push_back({"--version", "the version"});
  }
  print(candidates, typed);
}

void complete(const Arguments& words) {
  if (words.size() <= 1) return print_commands(words.empty() ? "" : words.back(), true);
  if (words.front() == "help") return print_commands(words.back(), false);
  auto outline = outline_of(words.front());
  if (!outline) return;
  auto line = read_line(*std::move(outline), Arguments(words.begin() + 1, words.end()));
  if (line.option != nullptr) return print_value(line, *line.option);
  if (!line.no_options && line.typed.starts_with('-')) return print_options(line);
  const auto& positionals = line.outline.positionals;
  if (positionals.empty()) return print_options(line);
  auto index = std::min(line.positionals.size(), positionals.size() - 1);
  if (line.positionals.size() < positionals.size() || positionals[index].repeats)
    print_value(line, positionals[index]);
  if (!line.no_options && line.typed.empty()) print_options(line);
}

}  // namespace

int run_complete(const Arguments& words) {
  try {
    complete(words);
  } catch (const std::exception&) {
    return 0;  // a line that is being typed is allowed to be wrong
  }
  return 0;
}

}  // namespace tool
