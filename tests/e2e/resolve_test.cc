// A name server that never answers: every command that looks up a name ends in the time it was
// given, and at a signal.
#include <doctest/doctest.h>

#include <sstream>

#include "support/documents.h"
#include "support/harness.h"
#include "support/place.h"

namespace e2e_resolve_test {

using namespace e2e;

namespace {

/// Each command with --json, one after the other, where port 53 takes questions and says nothing.
std::vector<Result> run_without_names(const std::vector<std::string>& commands) {
  std::string script = R"sh(
echo 'nameserver 127.0.0.1' >resolv.conf
mount --bind resolv.conf /etc/resolv.conf
echo 'hosts: files dns' >nsswitch.conf
[ ! -e /etc/nsswitch.conf ] || mount --bind nsswitch.conf /etc/nsswitch.conf
mkfifo ready
python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 53))
open('ready', 'w').close()
time.sleep(600)" &
cat ready
echo '{"to":"x@name.test:1","name":"m","body_text":""}' >batch
for i in 1 2 3 4; do echo '{"to":"x@name'$i'.test:1","name":"m","body_text":""}'; done >names
{ echo '{"to":"x@127.0.0.1:1","name":"m","body_text":""}'; cat names; } >address-first
)sh";
  for (const std::string& command : commands) {
    script += "status=0\n" + command + " --json >/dev/null 2>said || status=$?\n";
    script += "printf '== %d\\n' $status\ncat said\n";
  }
  const Result all = run_apart(script);
  CAPTURE(all.err);
  CHECK(all.exit == 0);
  std::vector<Result> results;
  std::istringstream lines(all.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("== ")) {
      results.emplace_back().exit = std::stoi(line.substr(3));
    } else {
      results.back().err += line + "\n";
    }
  }
  REQUIRE(results.size() == commands.size());
  return results;
}

}  // namespace

TEST_CASE("a dead name server: exit 4 in the time given, with the reason") {
  NEEDS(place::own_network());
  const std::vector<std::string> commands{
      "compactor send x@name.test:5050 m x --timeout 200ms",
      "compactor send x@name.test:5050 m x --connect-timeout 200ms",
      "compactor send x@127.0.0.1:1 m x --ip name.test --timeout 200ms",
      "compactor send x@127.0.0.1:1 m x --expect y --expect-from x@name.test:1 --timeout 200ms",
      "compactor send --batch batch --timeout 200ms",
      "compactor send --batch batch --to x@name.test:1 --timeout 200ms",
      "compactor ping x@name.test:5050 -w 200ms",
      "compactor ping x@name.test:5050 --wait 200ms",
      "compactor ping x@name.test:5050 -c 1 --connect-timeout 200ms",
      "compactor link x@name.test:5050 --connect-timeout 200ms",
      "compactor link x@name.test:5050 --for 200ms",
      "compactor inspect name.test:5050 --timeout 200ms",
      "compactor serve a --ip name.test --connect-timeout 200ms",
      "compactor serve a --ip name.test --for 200ms",
      "compactor serve a --advertise-ip name.test --connect-timeout 200ms",
      "compactor serve a --link x@name.test:5050 --connect-timeout 200ms",
      "compactor sniff --proxy 127.0.0.1:0=name.test:1 --connect-timeout 200ms",
  };
  const auto results = run_without_names(commands);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    CAPTURE(commands[i]);
    CHECK(results[i].exit == 4);
    const auto errors = results[i].errors();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].at("kind") == "timeout");
    CHECK(errors[0].at("exit") == 4);
    const auto message = errors[0].at("message").get<std::string>();
    CHECK(message.find("cannot resolve ") != std::string::npos);
    CHECK(message.find("name.test") != std::string::npos);
    CHECK(message.ends_with(": no answer in 200ms"));
  }
}

TEST_CASE("a dead name server: SIGINT ends the look-up") {
  NEEDS(place::own_network());
  const std::string until = "timeout -s INT --preserve-status 2 compactor ";
  const std::vector<std::string> commands{
      until + "send x@name.test:5050 m x --timeout 1h --connect-timeout 1h",
      until + "send --batch batch --timeout 1h --connect-timeout 1h",
      until + "send --batch names --keep-going --timeout 5s --connect-timeout 5s",
      until + "send --batch address-first --keep-going --timeout 5s --connect-timeout 5s",
      until + "ping x@name.test:5050 --connect-timeout 1h",
      until + "link x@name.test:5050 --connect-timeout 1h",
      until + "inspect name.test:5050 --timeout 1h",
      until + "serve a --ip name.test --connect-timeout 1h",
      until + "sniff --proxy 127.0.0.1:0=name.test:1 --connect-timeout 1h",
  };
  const auto results = run_without_names(commands);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    CAPTURE(commands[i]);
    CHECK(results[i].exit == 130);
    REQUIRE(results[i].errors().size() == 1);
    CHECK(results[i].errors()[0].at("kind") == "interrupted");
  }
}

}  // namespace e2e_resolve_test
