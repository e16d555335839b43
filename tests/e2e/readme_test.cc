// What the README shows is what happens.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <utility>

#include "support/documents.h"
#include "support/harness.h"
#include "support/place.h"

namespace e2e_readme_test {

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
      {R"(\d{4}-\d\d-\d\d \(\w+\))", "DATE"},
      {R"(\d\d:\d\d:\d\d\.\d{3})", "TIME"},
      {R"( +[+-]\d+(\.\d+)? (us|ms|s)\b)", " DELTA"},
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
  NEEDS(place::own_network());
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
  NEEDS(place::own_network());
  // Those that go on until they are ended, and what they have said when they are.
  const std::map<std::string, std::string> endless{{"serve", "serving worker@"},
                                                   {"link", "linked slave(1)@"},
                                                   {"sniff", "StatusUpdate  missing update"}};
  std::string script =
      R"(ip address add 10.0.0.5 dev lo
ip address add 10.0.0.7 dev lo
export LIBPROCESS_IP=
cp )" SOURCE_ROOT R"(/tests/examples/actors/worker.py .
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

TEST_CASE("what sniff prints in the README is what it prints, and the picture is what it draws") {
  const auto session = blocks("On the wire");
  REQUIRE(session.size() == 1);
  const auto result = run_in_folder("cp " TEST_DATA "/captures/mesos/execute.pcap trace.pcap\n" +
                                    session[0][0].substr(2) + " 2>&1\n");
  CHECK(masked(result.out) == masked(joined({session[0].begin() + 1, session[0].end()})));

  const auto drawn = temporary_file("conversation.svg", "");
  const std::string capture = TEST_DATA "/captures/mesos/execute.pcap";
  const auto ran = run({"sniff", "-r", capture, "--name", "*RunTask*", "--name", "*StatusUpdate*",
                        "--name", "*Executor*Message", "--diagram", drawn, "-q"});
  CHECK(ran.exit == 0);
  const bool same = contents(drawn) == contents(SOURCE_ROOT "/man/conversation.svg");
  CHECK_MESSAGE(same, "man/conversation.svg is to be drawn anew: " << drawn);
}

TEST_CASE("what trace prints in the README is what it prints") {
  const auto session = blocks("What happened");
  REQUIRE(session.size() == 1);
  const auto result = run_in_folder("cp " TEST_DATA "/captures/mesos/execute.pcap trace.pcap\n" +
                                    session[0][0].substr(2) + " 2>&1\n");
  CHECK(masked(result.out) == masked(joined({session[0].begin() + 1, session[0].end()})));
}

TEST_CASE("the worker of the README is the one that is there, and works") {
  const auto file = contents(SOURCE_ROOT "/tests/examples/actors/worker.py");
  const auto program = joined(blocks("An actor in any language").at(0));
  CHECK(file.ends_with(program));
  Served worker({"worker", "--exec", "python3 " SOURCE_ROOT "/tests/examples/actors/worker.py"});
  const auto answer = run({"send", worker.pid(), "work", "hello", "--expect", "done", "--json"});
  CHECK(answer.exit == 0);
  CHECK(answer.events("message").at(0).at("body_text") == "HELLO");
}

TEST_CASE("the README that is installed points to what is installed") {
  namespace fs = std::filesystem;
  const fs::path prefix = temporary_file("installed", "") + ".d";
  const auto installed =
      run({"--install", BUILD_ROOT, "--component", "program", "--prefix", prefix},
          {.program = "cmake"});
  REQUIRE(installed.exit == 0);
  const auto folder = prefix / "share/doc/compactor";
  const auto text = contents(folder / "README.md");
  std::size_t links = 0;
  const std::regex link(R"(\]\(([^)#:]+)\))");
  for (std::sregex_iterator found(text.begin(), text.end(), link), end; found != end; ++found) {
    const auto target = (*found)[1].str();
    CAPTURE(target);
    CHECK(fs::exists(folder / target));
    ++links;
  }
  CHECK(links >= 4);
  for (const char* source_only : {"./dev", "tests/", "man/", "tools/", "CONTRIBUTING", "<!--"}) {
    CAPTURE(source_only);
    CHECK(text.find(source_only) == std::string::npos);
  }
  CHECK(text.find("## The library") != std::string::npos);
  CHECK(text.ends_with("Apache License 2.0.\n"));
  // The one of the source tree points to what is there too.
  const auto readme = contents(SOURCE_ROOT "/README.md");
  for (std::sregex_iterator found(readme.begin(), readme.end(), link), end; found != end; ++found)
    CHECK(fs::exists(fs::path(SOURCE_ROOT) / (*found)[1].str()));
  fs::remove_all(prefix);
}

TEST_CASE("the program of the README is the one that is compiled") {
  Lines program;
  for (const auto& line : lines_of(contents(SOURCE_ROOT "/tests/examples/ping.cc"))) {
    if (!line.starts_with("//")) program.push_back(line);
  }
  CHECK(blocks("The library").at(0) == program);
}

}  // namespace e2e_readme_test
