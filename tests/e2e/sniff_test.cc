#include <doctest/doctest.h>
#include <signal.h>

#include "harness.h"

using namespace e2e;

namespace {

const std::string framework = TEST_DATA "/captures/mesos/test-framework.pcap";

std::string address_of(const Served& served) {
  return "127.0.0.1:" + std::to_string(served.port());
}

}  // namespace

TEST_CASE("live: a message on the loopback interface, with its answer") {
  Served served({"x"});
  Background sniff(
      {"sniff", "-i", "lo", "--port", std::to_string(served.port()), "--json", "-c", "1"});
  // Again and again, as nothing tells when the capture has begun.
  Background send({"send", served.pid(), "greet", "hello", "--repeat", "600", "--rate", "20/s"});
  const Json seen = sniff.event("message");
  CHECK(seen.at("to") == served.pid());
  CHECK(seen.at("name") == "greet");
  CHECK(seen.at("body_text") == "hello");
  CHECK(seen.at("status") == 202);
  const Result result = sniff.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("kernel_drops") == 0);
}

TEST_CASE("without the privilege to capture: exit 6 and the command that grants it") {
  const Result result = run({"sniff", "-i", "lo", "--json"}, {.unprivileged = true});
  CHECK(result.exit == 6);
  REQUIRE(result.errors().size() == 1);
  CHECK(result.errors()[0].at("hint").get<std::string>().find("setcap") != std::string::npos);
}

TEST_CASE("-D lists the interfaces, for people and for programs") {
  const Result text = run({"sniff", "-D"});
  CHECK(text.exit == 0);
  CHECK(text.out.find("lo  up  loopback") != std::string::npos);
  bool found = false;
  for (const Json& device : run({"sniff", "-D", "--json"}).events("interface")) {
    if (device.at("name") == "lo") found = device.at("loopback").get<bool>();
  }
  CHECK(found);
}

TEST_CASE("bodies are decoded by their names, and matched at any depth") {
  const auto running =
      run({"sniff", "-r", framework, "--json", "--match", "status.state=TASK_RUNNING"})
          .events("message");
  REQUIRE(!running.empty());
  for (const Json& message : running)
    CHECK(message.at("body").dump().find("TASK_RUNNING") != std::string::npos);
  CHECK(run({"sniff", "-r", framework, "--match", "status.state=TASK_LOST"}).exit == 1);
  const auto all = run({"sniff", "-r", framework, "--json"}).events("message");
  CHECK(all.size() == 79);
  for (const Json& message : all) CHECK(message.at("body_type") == message.at("name"));
}

TEST_CASE("what sniff records, send repeats byte for byte") {
  const Result recorded = run({"sniff", "-r", framework, "--json"});
  std::string input;
  std::size_t whole = 0;
  for (const Json& line : recorded.events("message")) {
    if (line.contains("partial")) continue;
    ++whole;
    input += line.dump() + "\n";
  }
  Served served({"x", "--no-pong", "--body", "base64", "--count", std::to_string(whole)});
  const Result sent =
      run({"send", "--batch", "-", "--to", served.pid(), "--json"}, {.input = input});
  CHECK(sent.exit == 0);
  CHECK(sent.events("delivery").size() == whole);
  const auto again = served.process().finish().events("message");
  const auto bytes =
      run({"sniff", "-r", framework, "--json", "--body", "base64"}).events("message");
  REQUIRE(again.size() == whole);
  std::size_t at = 0;
  for (const Json& original : bytes) {
    if (original.contains("partial")) continue;
    CHECK(again[at].value("body_base64", "") == original.value("body_base64", ""));
    CHECK(again[at++].at("name") == original.at("name"));
  }
}

TEST_CASE("a recording is not sent where it came from by accident") {
  const Json line = run({"sniff", "-r", framework, "--json"}).events("message").back();
  const Result result =
      run({"send", "a@127.0.0.1:1", "--batch", "-", "--json"}, {.input = line.dump() + "\n"});
  CHECK(result.exit == 2);
}

TEST_CASE("through a proxy: what passes is shown, and passes") {
  Served served({"x"});
  const std::string port = std::to_string(free_port());
  Background sniff({"sniff", "--proxy", "127.0.0.1:" + port + "=" + address_of(served), "--json"});
  Result sent;
  // Until the proxy listens.
  for (int i = 0; i < 300 && sent.exit != 0; ++i) {
    sent = run({"send", "x@127.0.0.1:" + port, "greet", "hello"});
  }
  CHECK(sent.exit == 0);
  CHECK(served.message().at("body_text") == "hello");
  const Json seen = sniff.event("message");
  CHECK(seen.at("to") == served.pid());
  CHECK(seen.at("status") == 202);
  sniff.signal(SIGINT);
  CHECK(sniff.finish().exit == 0);
}
