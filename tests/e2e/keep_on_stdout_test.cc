// sniff -w -: packets on standard output, and nothing else there.
#include <doctest/doctest.h>
#include <signal.h>

#include <cstdlib>

#include "support/documents.h"
#include "support/harness.h"
#include "support/place.h"
#include "support/terminal.h"

namespace e2e_keep_on_stdout_test {

using namespace e2e;

namespace {

const std::string execute = TEST_DATA "/captures/mesos/execute.pcap";

}  // namespace

TEST_CASE("the packets on standard output, the summary on standard error") {
  const auto kept = run({"sniff", "-r", execute, "--connections", "--stats", "-w", "-"});
  CHECK(kept.exit == 0);
  CHECK(has(kept.err, "133 packets, 6 connections, 22 messages (0 unanswered)"));
  CHECK(has(kept.err, "by name"));
  CHECK_FALSE(has(kept.err, " → slave(1)@127.0.0.1:5051  mesos"));
  const auto whole = run({"sniff", "-r", execute, "--json"});
  const auto again = run({"sniff", "-r", "-", "--json"}, {.input = kept.out});
  CHECK(again.exit == 0);
  CHECK(again.events("message") == whole.events("message"));
  CHECK(again.events("summary") == whole.events("summary"));
}

TEST_CASE("what is kept is what FILTER lets pass, and the exit status is that of what matched") {
  const auto none = run({"sniff", "-r", execute, "-w", "-", "--port", "1"});
  CHECK(none.exit == 1);
  CHECK(none.out.size() == 24);  // the head of a file without packets
  CHECK(run({"sniff", "-r", execute, "-w", "-", "--name", "nothing"}).exit == 1);
}

TEST_CASE("what does not go with it is refused") {
  const auto json = run({"sniff", "-r", execute, "-w", "-", "--json"});
  CHECK(json.exit == 2);
  CHECK(json.out == "");
  CHECK(has(json.err_json().at(0).at("message"), "-w - and --json both want standard output"));
  for (const auto& option : {Arguments{"-C", "1m"}, Arguments{"-G", "1m"}}) {
    Arguments all{"sniff", "-r", execute, "-w", "-"};
    all.insert(all.end(), option.begin(), option.end());
    CHECK(run(all).exit == 2);
  }
  // Standard output is a terminal.
  Terminal terminal({COMPACTOR_PROGRAM, "sniff", "-r", execute, "-w", "-"});
  CHECK(has(terminal.rest(), "which a terminal does not show"));
  // … or what is being read.
  const auto copy = std::string(BUILD_ROOT) + "/keep_on_stdout_test.pcap";
  CHECK(run({"-c", "cp " + execute + " " + copy + " && " + COMPACTOR_PROGRAM + " sniff -r " + copy +
                       " -w - >> " + copy},
            {.program = "sh"})
            .exit == 2);
  CHECK(contents(copy) == contents(execute));
  std::remove(copy.c_str());
}

TEST_CASE("live, in a pipe: each packet at once") {
  NEEDS(place::live_capture());
  Served served({"x"});
  const std::string port = std::to_string(served.port());
  const std::string program = COMPACTOR_PROGRAM;
  // Both ends of the pipe go on: what is seen behind it was not held back.
  Background behind({"-c", program + " sniff -i lo --port " + port + " -w - -q | " + program +
                               " sniff -r - --json -c 1"},
                    {.program = "sh"});
  Background send({"send", served.pid(), "greet", "hello", "--repeat", "600", "--rate", "20/s"});
  const Json seen = behind.event("message");
  CHECK(seen.at("name") == "greet");
  CHECK(seen.at("status") == 202);
  // The reader has gone: the writer ends with the next packets.
  CHECK(behind.finish().exit == 0);
}

}  // namespace e2e_keep_on_stdout_test
