#include <doctest/doctest.h>

#include <set>
#include <string>

#include "cli/command_line.h"
#include "cli/failure.h"
#include "commands/program.h"

namespace cli_options_test {

namespace {

using namespace tool;

// Which options of all commands add up. A new one belongs here, or takes one value.
const std::set<std::string> often{
    "--task",  "--agent", "--framework", "--executor", "--offer",      "--read",
    "--proxy", "--port",  "--from",      "--to",       "--name",       "--match",
    "-I",      "--proto", "--type",      "--protoset", "--reply",      "--route",
    "--link",  "--only",  "--status",    "--tls-key",  "--tls-keylog", "--tls-set"};

std::string failure_of(const Command& command, const Arguments& arguments) {
  try {
    command.run(arguments);
  } catch (const Failure& failure) {
    CHECK(failure.exit() == Exit::usage);
    return failure.what();
  }
  return "none";
}

TEST_CASE("every option of every command that takes one value refuses a second") {
  std::size_t refused = 0;
  for (const auto& command : commands()) {
    for (const auto& option : command.outline().options) {
      CAPTURE(command.name);
      CAPTURE(option.names.back());
      if (option.value.empty()) continue;
      if (option.repeats) {
        CHECK(often.contains(option.names.back()));
        continue;
      }
      ++refused;
      // By all its names: that they are different does not make it two options.
      CHECK(failure_of(command, {option.names.front(), "1", option.names.back(), "2"})
                .ends_with(" is given more than once"));
    }
  }
  CHECK(refused > 80);
}

TEST_CASE("lists take all their values, in order") {
  std::vector<std::string> words;
  CommandLine line("test", "A test.", "");
  line.list("-w,--word", "WORD", words, "a word");
  CHECK(line.parse({"-w", "a", "--word=b", "-w", "-c"}));
  CHECK(words == std::vector<std::string>{"a", "b", "-c"});
}

}  // namespace

}  // namespace cli_options_test
