#include <doctest/doctest.h>
#include <signal.h>

#include <regex>

#include "support/elsewhere.h"
#include "support/harness.h"

namespace e2e_link_test {

using namespace e2e;

TEST_CASE("a FIN, a RST and a kill are told with their reason, exit 0") {
  for (const std::string how : {"closed", "reset"}) {
    Peer peer;
    Background link({"link", peer.pid(), "--probe", "0", "--json"});
    CHECK(link.event("linked").at("pid") == peer.pid());
    peer.wait_connections(1);
    CHECK(peer.bytes().empty());  // a link sends nothing
    how == "closed" ? peer.close_connections() : peer.reset_connections();
    auto exited = link.event("exited");
    CHECK(exited.at("pid") == peer.pid());
    CHECK(exited.at("reason") == how);
    auto result = link.finish();
    CHECK(result.exit == 0);
    CHECK(result.out_json().back().at("exited") == 1);
  }
  Served served({"x"});
  Background link({"link", served.pid(), "--probe", "0", "--json"});
  link.event("linked");
  served.process().signal(SIGKILL);
  link.event("exited");
  CHECK(link.finish().exit == 0);
}

TEST_CASE("a target that never connects is exit 3, with and without --for") {
  auto pid = "a@127.0.0.1:" + std::to_string(free_port());
  for (const Arguments& more : {Arguments{}, Arguments{"--for", "10s"}}) {
    Arguments arguments{"link", pid, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto result = run(arguments);
    CHECK(result.exit == 3);
    CHECK(result.events("exited").at(0).at("reason") == "refused");
    CHECK(result.errors().size() == 1);
    CHECK(result.out_json().back().at("type") == "summary");
  }
}

TEST_CASE("--for is 0 when all are up, 1 at the first exit") {
  Served first({"x"});
  Served second({"y"});
  CHECK(run({"link", first.pid(), second.pid(), "--for", "200ms"}).exit == 0);
  // Without probe: a peer that ends at the first bytes is told as one that may speak TLS.
  Background link({"link", first.pid(), second.pid(), "--for", "1m", "--probe", "0", "--json"});
  link.event("linked");
  link.event("linked");
  second.process().signal(SIGKILL);
  CHECK(link.event("exited").at("pid") == second.pid());
  auto result = link.finish();
  CHECK(result.exit == 1);
  CHECK(result.errors().empty());
}

TEST_CASE("a process that is gone on a living host is told") {
  std::atomic<bool> there = true;
  Peer peer(
      [&](const Request&) { return there ? response(202) : response(404, "404 Not Found."); });
  Background link({"link", peer.pid(), "--probe", "50ms", "--json"});
  link.event("linked");
  auto first = peer.wait_requests(1)[0];
  CHECK(first.line == "POST /peer/compactor.Probe HTTP/1.1");
  CHECK(first.body.empty());
  there = false;
  CHECK(link.event("exited").at("reason") == "gone");
  auto result = link.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("gone") == 1);
}

TEST_CASE("an answer that says nothing of the process is noted once") {
  Peer peer([](const Request&) { return response(405); });
  Background link({"link", peer.pid(), "--probe", "20ms", "--json"});
  link.event("linked");
  peer.wait_requests(4);
  link.signal(SIGTERM);
  auto result = link.finish();
  CHECK(result.exit == 0);
  CHECK(result.err_json().size() == 1);
  CHECK(result.err_json().at(0).at("type") == "note");
}

TEST_CASE("a peer that does not answer is stalled, then timed out") {
  Peer mute([](const Request&) { return std::string(); });
  Background link({"link", mute.pid(), "--probe", "100ms", "--json"});
  link.event("linked");
  CHECK(link.event("exited").at("reason") == "timed_out");
  auto result = link.finish();
  CHECK(result.exit == 0);
  CHECK(result.err_json().at(0).at("type") == "warning");
  CHECK(result.err_json().at(0).at("message").get<std::string>().find("stalled") !=
        std::string::npos);
}

TEST_CASE("a peer that vanishes without FIN is told by the probe") {
  NEEDS(Elsewhere::lack());
  Elsewhere elsewhere;
  const auto served = elsewhere.in([&] {
    return std::make_unique<Served>(Arguments{"x", "--ip", elsewhere.there()});
  });
  Background link({"link", served->pid(), "--ip", elsewhere.here(), "--probe", "500ms", "--json"});
  link.event("linked");
  elsewhere.vanish();
  const auto reason = link.event("exited").at("reason");
  // The neighbour may be found to be gone before the second probe has run out.
  CHECK((reason == "timed_out" || reason == "unreachable"));
  CHECK(link.finish().exit == 0);
}

TEST_CASE("--reconnect comes back, and counts it") {
  Peer peer;
  Background link({"link", peer.pid(), "--probe", "0", "--reconnect", "--json"});
  for (int round = 0; round < 3; ++round) {
    link.event("linked");
    peer.wait_connections(static_cast<std::size_t>(round) + 1);
    peer.close_connections();
    link.event("exited");
  }
  link.event("linked");
  link.signal(SIGTERM);
  auto result = link.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("reconnects") == 3);
}

TEST_CASE("--reconnect tells one exit for each time that the target is away, however long") {
  const auto port = free_port();
  const auto pid = "x@127.0.0.1:" + std::to_string(port);
  const Arguments serve{"x", "--port", std::to_string(port)};
  std::optional<Served> served;
  served.emplace(serve);
  Background link({"link", pid, "--probe", "0", "--reconnect", "-v", "--json"});
  link.event("linked");
  served->process().signal(SIGKILL);
  link.event("exited");
  served.reset();
  std::this_thread::sleep_for(std::chrono::seconds(2));  // it tries in vain meanwhile
  served.emplace(serve);
  CHECK(Json::parse(*link.line()).at("type") == "linked");
  link.signal(SIGTERM);
  const auto result = link.finish();
  CHECK(result.err.find(pid + ": refused again") != std::string::npos);
  const auto end = result.out_json().back();
  CHECK(end.at("linked") == 2);
  CHECK(end.at("exited") == 1);
  CHECK(end.at("reconnects") == 1);
}

TEST_CASE("--reconnect to a port that speaks TLS is told once, and is exit 5") {
  Peer tls([](const Request&) { return std::string("\x15\x03\x01\x02\x02\x02\x46"); });
  const auto result = run({"link", tls.pid(), "--reconnect", "--for", "1500ms", "--json"});
  CHECK(result.exit == 5);
  CHECK(result.events("linked").size() > 1);
  const auto warnings = result.err_json();
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].at("type") == "warning");
  CHECK(warnings[0].at("message").get<std::string>().find("TLS") != std::string::npos);
  CHECK(warnings[1].at("kind") == "tls");
  CHECK(warnings[1].at("hint").get<std::string>().starts_with("this port seems to speak TLS"));
}

TEST_CASE("--reconnect waits for a target that is not up yet") {
  auto port = free_port();
  auto pid = "late@127.0.0.1:" + std::to_string(port);
  Background link({"link", pid, "--reconnect", "--json"});
  CHECK(link.event("exited").at("reason") == "refused");
  Served late({"late", "--port", std::to_string(port)});
  CHECK(link.event("linked").at("pid") == pid);
}

TEST_CASE("two processes at one address share the connection, both exit") {
  Peer peer;
  Background link({"link", peer.pid("a"), peer.pid("b"), peer.pid("a"), "--probe", "0", "--json"});
  link.event("linked");
  link.event("linked");
  peer.wait_connections(1);
  peer.close_connections();
  link.event("exited");
  link.event("exited");
  auto result = link.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("linked") == 2);
}

TEST_CASE("SIGINT ends a link without --for with 0, one with --for with 130") {
  Served served({"x"});
  Background open({"link", served.pid(), "--json"});
  open.event("linked");
  open.signal(SIGINT);
  CHECK(open.finish().exit == 0);
  Background bound({"link", served.pid(), "--for", "1m", "--json"});
  bound.event("linked");
  bound.signal(SIGINT);
  auto result = bound.finish();
  CHECK(result.exit == 130);
  CHECK(result.errors().size() == 1);
}

TEST_CASE("in text: linked, exited and why") {
  Served served({"x"});
  Background link({"link", served.pid()});
  const std::regex time(R"(\d\d:\d\d:\d\d\.\d{3}  )");
  const auto without_time = [&](const std::optional<std::string>& line) {
    REQUIRE(line);
    CHECK(std::regex_search(*line, time, std::regex_constants::match_continuous));
    return std::regex_replace(*line, time, "");
  };
  CHECK(without_time(link.line()) == "linked " + served.pid());
  served.process().signal(SIGKILL);
  CHECK(without_time(link.line()).starts_with("exited " + served.pid() + ": "));
}

}  // namespace e2e_link_test
