// One source of truth: what the program takes and prints, what the manual says, and what the shells
// complete are the same; and what the manual shows works.
#include <doctest/doctest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "support/documents.h"
#include "support/harness.h"
#include "support/json_schema.h"
#include "support/place.h"

namespace e2e_manual_test {

using namespace e2e;

namespace {

using Names = std::set<std::string>;

std::string page(const std::string& name) {
  return contents(SOURCE_ROOT "/man/" + name);
}

std::vector<std::string> pages() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(SOURCE_ROOT "/man")) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("compactor") || name.starts_with("libcompactor")) names.push_back(name);
  }
  return names;
}

/// The lines of a section of an mdoc page.
std::vector<std::string> section(const std::string& text, const std::string& title) {
  std::vector<std::string> out;
  bool inside = false;
  for (const auto& line : lines_of(text)) {
    if (line.starts_with(".Sh ")) {
      inside = line == ".Sh " + title;
    } else if (inside) {
      out.push_back(line);
    }
  }
  return out;
}

/// What an mdoc literal means.
std::string unescaped(std::string text) {
  const std::pair<std::string, std::string> escapes[] = {
      {"\\&", ""}, {"\\-", "-"}, {"\\(dq", "\""}, {"\\e", "\\"}};
  for (const auto& [escape, meaning] : escapes) {
    for (std::size_t at = 0; (at = text.find(escape, at)) != std::string::npos;
         at += meaning.size()) {
      text.replace(at, escape.size(), meaning);
    }
  }
  return text;
}

/// The first words behind `__complete`.
Names completed(const Arguments& words) {
  Arguments arguments{"__complete"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  Names names;
  for (const auto& line : lines_of(run(arguments).out))
    names.insert(line.substr(0, line.find('\t')));
  return names;
}

Names commands() {
  auto names = completed({""});
  for (const char* other : {"help", "--help", "--version"}) CHECK(names.erase(other) == 1);
  return names;
}

Names options_of_help(const std::string& command) {
  Names names;
  const std::regex option("^  (-[^ ]+)");
  for (const auto& line : lines_of(run({command, "--help"}).out)) {
    std::smatch found;
    if (!std::regex_search(line, found, option)) continue;
    std::istringstream parts(found[1]);
    for (std::string name; std::getline(parts, name, ',');) names.insert(name);
  }
  return names;
}

Names options_of_page(const std::string& command) {
  Names names;
  const std::regex flag("Fl ([^ ]+)");
  for (const auto& line : section(page("compactor-" + command + ".1"), "OPTIONS")) {
    if (!line.starts_with(".It ")) continue;
    for (std::sregex_iterator found(line.begin(), line.end(), flag), end; found != end; ++found) {
      names.insert("-" + unescaped((*found)[1]));
    }
  }
  return names;
}

/// The scripts in literal blocks: lines that begin with `$ `, and those that follow them.
std::vector<std::string> examples(const std::string& text) {
  std::vector<std::string> scripts;
  bool inside = false;
  for (const auto& line : section(text, "EXAMPLES")) {
    if (line.starts_with(".Bd -literal")) {
      inside = true;
      scripts.emplace_back();
    } else if (line == ".Ed") {
      inside = false;
    } else if (inside) {
      const auto plain = unescaped(line);
      scripts.back() += (plain.starts_with("$ ") ? plain.substr(2) : plain) + "\n";
    }
  }
  return scripts;
}

void check_script(const std::string& script) {
  CAPTURE(script);
  const auto result = run_apart(script);
  CAPTURE(result.out);
  CAPTURE(result.err);
  CHECK(result.exit == 0);
}

}  // namespace

TEST_CASE("an option is in the help, in the manual, and completed, or in none") {
  const auto all = commands();
  CHECK(all.size() >= 5);
  for (const auto& command : all) {
    CAPTURE(command);
    const auto help = options_of_help(command);
    CHECK(help.size() > 5);
    CHECK(help == options_of_page(command));
    CHECK(help == completed({command, "-"}));
  }
}

TEST_CASE("the page of the program names every command, and the overview too") {
  const auto text = page("compactor.1");
  const auto overview = run({"--help"}).out;
  for (const auto& command : commands()) {
    CAPTURE(command);
    CHECK(text.find("\n.It Cm " + command + "\n") != std::string::npos);
    CHECK(overview.find("\n  " + command + " ") != std::string::npos);
  }
}

TEST_CASE("the few words that an option can be are in its manual") {
  const std::regex with_value("^  (-[^, ]+)[^ ]* [A-Z]");
  std::size_t checked = 0;
  for (const auto& command : commands()) {
    CAPTURE(command);
    const auto text = page("compactor-" + command + ".1");
    for (const auto& line : lines_of(run({command, "--help"}).out)) {
      std::smatch option;
      if (!std::regex_search(line, option, with_value)) continue;
      const auto words = completed({command, option[1], ""});
      if (words.size() > 9) continue;  // message types, files
      for (const auto& word : words) {
        if (line.find(word) == std::string::npos) continue;  // it depends on the machine
        CAPTURE(word);
        CHECK((text.find(".Cm " + word + "\n") != std::string::npos ||
               text.find(".Cm " + word + " ") != std::string::npos));
        ++checked;
      }
    }
  }
  CHECK(checked > 20);
}

TEST_CASE("every page has its sections and renders without a warning") {
  for (const auto& name : pages()) {
    CAPTURE(name);
    const auto text = page(name);
    std::vector<std::string> titles{"NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO"};
    if (name.ends_with(".1"))
      titles.insert(titles.end(), {"OPTIONS", "EXIT STATUS", "ENVIRONMENT"});
    for (const auto& title : titles) {
      CAPTURE(title);
      CHECK_FALSE(section(text, title).empty());
    }
    Settings settings;
    settings.program = "man";
    settings.environment = {{"LC_ALL", "C.UTF-8"}, {"MANWIDTH", "80"}};
    const auto shown = run({"--warnings", "-l", SOURCE_ROOT "/man/" + name}, settings);
    CHECK(shown.exit == 0);
    CHECK(shown.err == "");
    CHECK(shown.out.size() > 1000);
  }
}

TEST_CASE("what a page refers to exists") {
  const std::regex reference(R"(\.Xr ((?:lib)?compactor[^ ]*) ([137]))");
  const auto all = pages();
  for (const auto& name : all) {
    const auto text = page(name);
    for (std::sregex_iterator found(text.begin(), text.end(), reference), end; found != end;
         ++found) {
      const auto target = (*found)[1].str() + "." + (*found)[2].str();
      CAPTURE(target);
      CHECK(std::find(all.begin(), all.end(), target) != all.end());
    }
  }
}

TEST_CASE("every example of the manual runs") {
  NEEDS(place::own_network());
  std::size_t count = 0;
  for (const auto& name : pages()) {
    if (name.ends_with(".3")) continue;  // its programs are compiled by their own tests
    CAPTURE(name);
    const auto scripts = examples(page(name));
    CHECK_FALSE(scripts.empty());
    for (const auto& script : scripts) check_script(script);
    count += scripts.size();
  }
  CHECK(count >= 10);
}

TEST_CASE("the examples of the help that need no network do what they say") {
  std::size_t count = 0;
  for (const char* command : {"describe", "decode"}) {
    for (const auto& line : lines_of(run({command, "--help"}).out)) {
      if (!line.starts_with("  compactor ")) continue;
      const auto example = line.substr(2, line.find("  ", 2) - 2);
      CAPTURE(example);
      // The files that they name.
      const auto result = run_in_folder(
          "cp -r " TEST_DATA
          "/protos .\n"
          "mkdir -p protos/acme\n"
          "printf 'syntax=\"proto2\";package acme;message Order{}' >protos/acme/order.proto\n"
          "printf '\\x0a\\x01t\\x12\\x03\\x0a\\x01x\\x1a\\x03\\x0a\\x01y' >task.bin\n"
          "printf 'hex:0801\\n' >events.txt\n" +
          example + "\n");
      CAPTURE(result.err);
      CHECK(result.exit == 0);
      ++count;
    }
  }
  CHECK(count >= 10);
}

TEST_CASE("compactor-json names every object and field, with an example that is right") {
  const JsonSchemas schemas(SOURCE_ROOT "/tools/json");
  std::map<std::string, std::vector<std::string>>
      parts;  // title of an object -> the lines about it
  std::string title;
  for (const auto& line : section(page("compactor-json.7"), "OBJECTS")) {
    if (line.starts_with(".Ss ")) {
      title = line.substr(4);
    } else {
      parts[title].push_back(line);
    }
  }
  for (const auto& entry : schemas.all()) {
    const auto& file = entry.first;  // clang 14 cannot capture a structured binding
    const auto& schema = entry.second;
    if (!schema.contains("properties")) continue;
    CAPTURE(file);
    const auto part = parts.find(schema["title"].get<std::string>());
    REQUIRE(part != parts.end());
    Names said, examples_seen;
    for (const auto& line : part->second) {
      if (line.starts_with(".It Li ")) said.insert(line.substr(7, line.find(' ', 7) - 7));
      if (!line.starts_with("{")) continue;
      examples_seen.insert(line);
      CHECK(schemas.check(schema, Json::parse(unescaped(line)), file) == "");
    }
    CHECK_FALSE(examples_seen.empty());
    Names there;
    for (const auto& [key, rule] : schema["properties"].items()) {
      if (key != "type") there.insert(key);
      const Json& nested = rule.contains("items") ? rule["items"] : rule;
      if (!nested.contains("properties")) continue;
      for (const auto& inner : nested["properties"].items()) there.insert(inner.key());
    }
    CHECK(said == there);
    parts.erase(part);
  }
  CHECK(parts.empty());
}

TEST_CASE("libcompactor.3 names every public type, and its programs are those that are compiled") {
  const auto text = page("libcompactor.3");
  const std::regex type("^(?:class|struct|enum class|using) ([A-Z][A-Za-z]+)(?: [:{=]| \\{|$)");
  std::size_t types = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SOURCE_ROOT "/libcompactor/include/compactor")) {
    for (const auto& line : lines_of(contents(entry.path()))) {
      std::smatch found;
      if (!std::regex_search(line, found, type)) continue;
      CAPTURE(line);
      CHECK(std::regex_search(text, std::regex("[ ,]" + found[1].str() + "[ \n]")));
      ++types;
    }
  }
  CHECK(types >= 15);
  std::size_t programs = 0;
  const std::string mark = ".\\\" tests/examples/", begin = ".Bd -literal\n", end = "\n.Ed\n";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const auto file = text.substr(at + 4, text.find('\n', at) - at - 4);
    CAPTURE(file);
    const auto from = text.find(begin, at) + begin.size();
    CHECK(unescaped(text.substr(from, text.find(end, from) + 1 - from)) ==
          contents(SOURCE_ROOT "/" + file));
    ++programs;
  }
  CHECK(programs == 3);
}

}  // namespace e2e_manual_test
