// What the README shows is what happens.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <utility>

#include "e2e/documents.h"
#include "e2e/harness.h"

using namespace e2e;

namespace {

using Lines = std::vector<std::string>;

/// The code blocks of the section with that heading, in order.
std::vector<Lines> blocks(const std::string& heading) {
  std::vector<Lines> found;
  bool inside = false;
  bool code = false;
  for (const auto& line : lines_of(contents(SOURCE_ROOT "/README.md"))) {
    if (line.starts_with("## ") && !code) inside = line == "## " + heading;
    if (!inside) continue;
    if (line.starts_with("```")) {
      code = !code;
      if (code) found.emplace_back();
    } else if (code) {
      found.back().push_back(line);
    }
  }
  return found;
}

/// Without what differs from run to run.
std::string masked(std::string text) {
  const std::pair<const char*, const char*> rules[] = {
      {R"(\d\d:\d\d:\d\d\.\d{3})", "TIME"},
      {R"(\d+(\.\d+)? (us|ms|s)\b)", "DURATION"},
      {R"(compactor-(\w+)\(\d+\)@127\.0\.0\.1:\d+)", "compactor-$1"},
  };
  for (const auto& [pattern, what] : rules)
    text = std::regex_replace(text, std::regex(pattern), what);
  return text;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

/// The lines, each command followed by what it prints here; an exit of 1 is an answer too.
std::string typed(const Lines& lines) {
  std::string script;
  bool first = true;
  for (const auto& line : lines) {
    if (!line.starts_with("$ ")) continue;
    script += std::string(first ? "" : "echo\n") + "cat <<'EOF'\n" + line + "\nEOF\n" +
              line.substr(2) + " 2>&1 || [ $? = 1 ]\n";
    first = false;
  }
  return script;
}

/// The command that a line begins with.
std::string command_of(const std::string& line) {
  const auto begin = line.find(' ') + 1;
  return line.substr(begin, line.find(' ', begin) - begin);
}

}  // namespace

TEST_CASE("the session of the README prints what it shows") {
  const auto session = blocks("At a terminal");
  REQUIRE(session.size() == 2);
  const auto& served = session[0];
  REQUIRE(served.size() > 2);
  const auto result =
      run_apart("unset LIBPROCESS_IP\n" + served[0].substr(2) +
                " >served 2>&1 &\nuntil grep -q '^serving ' served; do sleep 0.05; done\n" +
                typed(session[1]) + "kill $!\nwait $!\necho SERVED\ncat served\n");
  CAPTURE(result.err);
  CHECK(result.exit == 0);
  const auto split = result.out.find("SERVED\n");
  REQUIRE(split != std::string::npos);
  CHECK(masked(result.out.substr(0, split)) == masked(joined(session[1])));
  const auto shown = masked(joined({served.begin() + 1, served.end()}));
  CHECK(masked(result.out.substr(split + 7)).substr(0, shown.size()) == shown);
}

TEST_CASE("every command that the README lists does what it says") {
  // Those that go on until they are ended, and what they have said when they are.
  const std::map<std::string, std::string> endless{
      {"serve", "serving worker@"}, {"link", "linked slave(1)@"}, {"sniff", "StatusUpdateMessage"}};
  std::string script =
      R"(ip address add 10.0.0.5 dev lo
ip address add 10.0.0.7 dev lo
export LIBPROCESS_IP=
echo 'import sys; sys.stdin.read()' >worker.py
cp )" TEST_DATA R"(/captures/libprocess/ping-both-linked.pcap trace.pcap
compactor serve master --ip 10.0.0.5 --port 5050 >/dev/null &
compactor serve 'slave(1)' --ip 10.0.0.7 --port 5051 >/dev/null &
compactor ping master@10.0.0.5:5050 --wait 30s >/dev/null
compactor ping 'slave(1)@10.0.0.7:5051' --wait 30s >/dev/null
update() { compactor send master@10.0.0.5:5050 mesos.internal.StatusUpdateMessage >/dev/null; }
ended() {  # PID FILE TEXT
  until grep -qF "$3" "$2"; do kill -0 "$1"; update; done
  kill "$1"
  wait "$1"
}
)";
  const auto block = blocks("The commands");
  REQUIRE(block.size() == 1);
  for (const auto& line : block[0]) {
    CHECK(line.starts_with("compactor "));
    const bool recorded = line.find(" -r ") != std::string::npos;
    const auto found = recorded ? endless.end() : endless.find(command_of(line));
    script += "cat >&2 <<'EOF'\n" + line + "\nEOF\n";
    script += found == endless.end()
                  ? line + "\n"
                  : "(exec " + line + "\n) >said 2>&1 &\nended $! said '" + found->second + "'\n";
  }
  const auto result = run_apart(script);
  CAPTURE(result.out);
  CAPTURE(result.err);
  CHECK(result.exit == 0);
}

TEST_CASE("the program of the README is the one that is compiled") {
  Lines program;
  for (const auto& line : lines_of(contents(SOURCE_ROOT "/tests/examples/ping.cc"))) {
    if (!line.starts_with("//")) program.push_back(line);
  }
  CHECK(blocks("The library").at(0) == program);
}
