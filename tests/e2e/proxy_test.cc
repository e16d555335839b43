// sniff --proxy from outside.
#include <doctest/doctest.h>
#include <signal.h>

#include "support/harness.h"

namespace e2e_proxy_test {

using namespace e2e;

namespace {

const Arguments sniff = {"sniff", "--json"};

std::string pid_at(const Proxied& proxy, const std::string& id) {
  return id + "@127.0.0.1:" + std::to_string(proxy.port());
}

}  // namespace

TEST_CASE("an upstream that is not there is told as that to every command, not as TLS") {
  const auto nobody = free_port();
  Proxied proxy(sniff, nobody);
  const std::string why = "cannot connect to 127.0.0.1:" + std::to_string(nobody) + ": ";
  for (const Arguments& command :
       {Arguments{"send", pid_at(proxy, "x"), "m", "hi"},
        Arguments{"ping", pid_at(proxy, "x"), "-c", "1"},
        Arguments{"inspect", "127.0.0.1:" + std::to_string(proxy.port())}}) {
    CAPTURE(command);
    auto with_json = command;
    with_json.push_back("--json");
    const Result result = run(with_json);
    CHECK(result.exit == 5);
    REQUIRE(result.errors().size() == 1);
    CHECK(has(result.errors()[0].at("message"), "502"));
    CHECK(has(result.errors()[0].at("message"), why));
    CHECK_FALSE(has(result.errors()[0].dump(), "TLS"));
  }
  const Result sniffed = proxy.stop();
  CHECK(sniffed.events("message").empty());
  CHECK(sniffed.out_json().back().at("refused").get<int>() >= 3);
  CHECK(has(sniffed.err, why));
}

TEST_CASE("a proxy to itself is refused") {
  const auto port = std::to_string(free_port());
  const Result result = run({"sniff", "--json", "--proxy", port + "=127.0.0.1:" + port});
  CHECK(result.exit == 3);
  REQUIRE(result.errors().size() == 1);
  CHECK(has(result.errors()[0].at("message"), "the proxy itself"));
}

TEST_CASE("TLS that passes is told, and counted") {
  Served served({"sink"});
  Proxied proxy(sniff, served.port());
  Client client(proxy.port());
  client.send(std::string("\x16\x03\x01\0\5hello", 10) + std::string(200, 'x'));
  client.statuses(2);  // until the server has closed it
  const Result sniffed = proxy.stop();
  CHECK(sniffed.out_json().back().at("tls") == 1);
  CHECK(has(sniffed.err, "speaks TLS"));
}

TEST_CASE("clients that send and leave at once lose nothing") {
  Served served({"sink"});
  Proxied proxy(sniff, served.port());
  const int clients = 200;
  for (int i = 0; i < clients; ++i) {
    Client client(proxy.port());
    client.send(message("sink", "m" + std::to_string(i), "x"));
    if (i % 2 == 0) client.reset();
  }
  for (int i = 0; i < clients; ++i) served.message();
  const Result sniffed = proxy.stop();
  CHECK(sniffed.events("message").size() == clients);
}

TEST_CASE("SIGQUIT prints the tables so far, and the run goes on") {
  Served served({"x"});
  Proxied proxy({"sniff", "--stats"}, served.port());
  CHECK(run({"send", pid_at(proxy, "x"), "greet", "hi"}).exit == 0);
  const auto passes_over = [&](const std::string& until) {
    for (auto line = proxy.process().line(); line; line = proxy.process().line())
      if (has(*line, until)) return true;
    return false;
  };
  REQUIRE(passes_over("greet"));  // it was seen
  proxy.process().signal(SIGQUIT);
  CHECK(passes_over("by name"));
  CHECK(run({"send", pid_at(proxy, "x"), "again", "hi"}).exit == 0);
  CHECK(passes_over("again"));
  CHECK(proxy.stop().exit == 0);
}

}  // namespace e2e_proxy_test
