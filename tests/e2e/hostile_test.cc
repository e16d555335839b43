// Whoever reaches the port of serve does not own the process.
#include <doctest/doctest.h>
#include <httplib.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "support/harness.h"
#include "support/place.h"

namespace e2e_hostile_test {

using namespace e2e;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// Messages that were received, at the end.
std::size_t received(Served& served) {
  return served.stop(SIGTERM).out_json().back().at("messages");
}

/// Nothing happens between them any more, when this has gone back and forth.
void let_settle(const Served& served) {
  for (int i = 0; i < 3; ++i) CHECK(run({"ping", served.pid(), "-c", "3", "-i", "10ms"}).exit == 0);
}

}  // namespace

TEST_CASE("a message in one's own name is not answered, and that is told") {
  NEEDS(place::localhost());
  Served served({"x", "y", "--echo", "--reply", "*=again:hello"});
  const std::string port = std::to_string(served.port());
  Client client(served.port());
  client.send(message("x", "self", "", served.pid()) +
              message("x", "other", "", served.with_id("y")) +
              message("x", "named", "", "x@localhost:" + port) +
              message("x", "nowhere", "", "x@0.0.0.0:" + port));
  CHECK(client.statuses(4) == std::vector<int>(4, 202));
  let_settle(served);
  const auto result = served.stop(SIGTERM);
  const auto by_name = result.out_json().back().at("by_name");
  for (const char* name : {"self", "other", "named", "nowhere"}) {
    CHECK(by_name.at(name) == 1);
    CHECK(result.err.find("the answer " + std::string(name) + " to ") != std::string::npos);
  }
  CHECK(count_of(result.err, "it would go to ourselves") >= 6);
  CHECK(count_of(result.err, "0.0.0.0 is no host's address") == 2);
}

TEST_CASE("two that answer everything cannot be set on each other for ever") {
  // With two answers to each, what goes on would soon be all that either does.
  for (const Arguments& more :
       {Arguments{"x", "--echo"}, Arguments{"x", "--echo", "--reply", "*=more"},
        Arguments{"x", "--reply", "*=other:text"}}) {
    Served one(more);
    Served other({"x", "--echo"});
    Client client(one.port());
    client.send(message("x", "m", "", other.pid()));
    CHECK(client.statuses(1) == std::vector<int>{202});
    let_settle(one);
    let_settle(other);
    const auto result = one.stop(SIGTERM);
    const std::size_t messages = result.out_json().back().at("messages");
    CHECK(messages >= 4);
    CHECK(messages < 200);
    CHECK((result.err + other.stop(SIGTERM).err).find("th in a row") != std::string::npos);
  }
}

TEST_CASE("two children that answer everything come to an end, too") {
  const std::string child =
      R"(while read -r line; do echo '{"reply":{"name":"again","body_text":"x"}}'; done)";
  Served one({"x", "--no-pong", "--exec-shell", child});
  Served other({"x", "--no-pong", "--exec-shell", child});
  Client client(one.port());
  client.send(message("x", "m", "", other.pid()));
  std::size_t messages = 0;
  for (std::string name; name != "end"; ++messages) {
    name = one.message().at("name");
    // 501 of the thousand come here; then it is quiet, but for this.
    if (messages == 500) client.send(message("x", "end", "", "nobody@127.0.0.1:1"));
  }
  CHECK(messages == 502);
  CHECK(received(other) == 500);
}

TEST_CASE("warnings that peers cause are limited, and the summary counts what they are of") {
  Served served({"x"});
  const std::string from = "gone@127.0.0.1:" + std::to_string(free_port());
  Client client(served.port());
  std::string pings, bad;
  for (int i = 0; i < 3000; ++i) {
    pings += message("x", "ping", "", from);
    bad += message("%zz", "m", "");
  }
  client.send(pings);
  CHECK(client.statuses(3000).size() == 3000);
  client.send(bad);
  CHECK(client.statuses(6000).size() == 6000);
  const auto result = served.stop(SIGTERM);
  const auto summary = result.out_json().back();
  CHECK(summary.at("rejected") == 3000);
  CHECK(summary.at("replies_failed") == 3000);
  CHECK(count_of(result.err, "\n") < 3000);
  CHECK(result.err.find("too many") != std::string::npos);
}

TEST_CASE("invented names of messages are counted together, from some number or length on") {
  Served served({"x", "-q", "--body", "none"});
  Client client(served.port());
  const std::string longest(1000, 'n');
  std::string messages = message("x", longest, "") + message("x", longest + "n", "");
  for (int i = 0; i < 1200; ++i) messages += message("x", "name" + std::to_string(i), "");
  client.send(messages);
  CHECK(client.statuses(1202) == std::vector<int>(1202, 202));
  const auto by_name = served.stop(SIGTERM).out_json().back().at("by_name");
  CHECK(by_name.at(longest) == 1);
  CHECK(by_name.at("name997") == 1);
  CHECK(by_name.at("(others)") == 1 + 1200 - 998);
  CHECK(by_name.size() == 1000);
}

TEST_CASE("while output is not read, requests and probes are answered, and messages wait") {
  Background served({"serve", "x", "--json"});
  const std::string pid = served.event("serving").at("pid");
  const auto port = static_cast<std::uint16_t>(std::stoul(pid.substr(pid.rfind(':') + 1)));
  // More than the queue of 64 MiB and the pipe hold.
  constexpr std::size_t kCount = 800;
  Client flood(port);
  std::thread writer([&] {
    for (std::size_t i = 0; i < kCount; ++i)
      flood.send(message("x", "m", std::string(100'000, 'y')));
  });
  httplib::Client http("127.0.0.1", port);
  const auto messages = [&]() -> std::size_t {
    const auto answer = http.Get("/metrics/snapshot");
    REQUIRE(answer);
    return Json::parse(answer->body).at("compactor/messages_received");
  };
  for (std::size_t before = 0, same = 0; same < 50;) {
    const std::size_t now = messages();
    same = now > 0 && now == before ? same + 1 : 0;
    before = now;
  }
  CHECK(messages() < kCount);
  Client asks(port);
  asks.send(message("x", "compactor.Probe", "") + "GET /help HTTP/1.1\r\n\r\n" +
            message("nobody", "m", "") + message("x", "m", ""));
  CHECK(asks.statuses(3) == std::vector<int>{202, 200, 404});
  for (std::size_t i = 0; i <= kCount; ++i) CHECK(served.event("message").at("name") == "m");
  writer.join();
  CHECK(flood.statuses(kCount).size() == kCount);
  CHECK(asks.statuses(4).size() == 4);
}

}  // namespace e2e_hostile_test
