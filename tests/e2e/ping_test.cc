#include <doctest/doctest.h>
#include <signal.h>

#include <regex>

#include "support/harness.h"

namespace e2e_ping_test {

using namespace e2e;

namespace {

/// A peer that answers every ping with 202, and with a pong of its own connection by `pong`.
struct Ponger {
  using Body = std::function<std::string(const Request&)>;
  explicit Ponger(Body body, std::string name = "pong")
      : peer([body = std::move(body), name = std::move(name)](const Request& request) {
          auto from = request.header("Libprocess-From");
          auto id = from.substr(0, from.find('@'));
          auto reply = body(request);
          try {
            Client client(static_cast<std::uint16_t>(std::stoul(from.substr(from.rfind(':') + 1))));
            client.send(message(id, name, reply));
            client.statuses(1);
          } catch (const std::runtime_error&) {
            // It has ended before the reply was ready.
          }
          return response(202);
        }) {}
  Peer peer;
};

const Arguments quick{"-i", "10ms", "--id", "me", "--json"};

Result ping(Arguments arguments) {
  arguments.insert(arguments.begin(), "ping");
  arguments.insert(arguments.end(), quick.begin(), quick.end());
  return run(arguments);
}

Json summary(const Result& result) {
  REQUIRE(result.events("summary").size() == 1);
  return result.out_json().back();
}

}  // namespace

TEST_CASE("auto finds a ponger and shows all three clocks") {
  Served served({"x"});
  auto result = ping({served.pid(), "-c", "4"});
  CHECK(result.exit == 0);
  auto probes = result.events("probe");
  REQUIRE(probes.size() == 4);
  CHECK(probes[0].contains("connect_us"));
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(probes[i].at("seq") == i + 1);
    CHECK(probes[i].at("outcome") == "replied");
    CHECK(probes[i].at("ack_us").get<double>() > 0);
    CHECK(probes[i].at("reply_us").get<double>() > 0);
    CHECK(probes[i].contains("connect_us") == (i == 0));
  }
  auto end = summary(result);
  CHECK(end.at("sent") == 4);
  CHECK(end.at("answered") == 4);
  CHECK(end.at("loss_pct") == 0);
  for (const char* clock : {"connect", "ack", "reply"}) {
    for (const char* key : {"min_us", "avg_us", "max_us", "p50_us", "p90_us", "p99_us"}) {
      CHECK(end.at(clock).at(key).get<double>() > 0);
    }
  }
}

TEST_CASE("auto falls back to acks when no pong comes, and sends only one ping") {
  Served served({"x", "--no-pong"});
  auto result = ping({served.pid(), "-c", "3", "-W", "100ms"});
  CHECK(result.exit == 0);
  CHECK(summary(result).at("answered") == 3);
  CHECK(summary(result).at("mode") == "ack");
  CHECK_FALSE(summary(result).contains("reply"));
  for (const auto& probe : result.events("probe")) CHECK(probe.at("outcome") == "accepted");
  REQUIRE(result.err_json().size() == 1);
  CHECK(result.err_json()[0].at("type") == "note");
  CHECK(result.err_json()[0].at("message").get<std::string>().find("no pong came (in 100ms)") !=
        std::string::npos);
  auto served_summary = served.stop(SIGTERM).out_json().back();
  CHECK(served_summary.at("by_name") == Json{{"ping", 1}});
}

TEST_CASE("that only acks were measured stands in the summary, with -q too") {
  Served served({"x", "--no-pong"});
  const auto quiet = run({"ping", served.pid(), "-c", "2", "-i", "1ms", "-W", "1s", "-q"});
  CHECK(quiet.err == "");
  CHECK(quiet.out.find("only acks were measured") != std::string::npos);
  const auto asked = run({"ping", served.pid(), "-c", "2", "-i", "1ms", "--mode", "ack"});
  CHECK(asked.err == "");
  CHECK(asked.out.find("only acks were measured") == std::string::npos);
  Peer python([](const Request&) { return response(405); });
  const auto other = ping({python.pid(), "-c", "2"});
  REQUIRE(other.err_json().size() == 1);
  CHECK(other.err_json()[0].at("message").get<std::string>().find("(status 405)") !=
        std::string::npos);
}

TEST_CASE("each line says when, and whom") {
  Served served({"x"});
  const auto result = ping({served.pid(), "-c", "2"});
  double last = 0;
  for (const auto& probe : result.events("probe")) {
    CHECK(probe.at("target") == served.pid());
    CHECK(probe.at("time").get<std::string>().back() == 'Z');
    CHECK(probe.at("time_s").get<double>() >= last);
    last = probe.at("time_s").get<double>();
  }
  CHECK(summary(result).at("target") == served.pid());
  CHECK(summary(result).at("mode") == "reply");
  const auto text = run({"ping", served.pid(), "-c", "1"}).out;
  CHECK(std::regex_search(text, std::regex(R"(^\d\d:\d\d:\d\d\.\d{3}  seq=1  )")));
}

TEST_CASE("nobody of that id is exit 1, the round trip is shown all the same") {
  Served served({"x"});
  for (const char* mode : {"auto", "ack", "reply"}) {
    auto result = ping({served.with_id("nobody"), "-c", "2", "--mode", mode});
    CHECK(result.exit == 1);
    CHECK(result.errors().empty());
    for (const auto& probe : result.events("probe")) {
      CHECK(probe.at("outcome") == "no_such_process");
      CHECK(probe.at("status") == 404);
      CHECK(probe.at("ack_us").get<double>() > 0);
    }
  }
}

TEST_CASE("ack takes a 405 for an answer: so says a Python compactor to what it does not handle") {
  Peer peer([](const Request&) { return response(405); });
  auto result = ping({peer.pid(), "-c", "2", "--mode", "ack", "-s", "3"});
  CHECK(result.exit == 0);
  auto requests = peer.wait_requests(2);
  CHECK(requests[0].line == "POST /peer/compactor.Probe HTTP/1.1");
  CHECK(requests[0].body.size() == 3);
}

TEST_CASE("a target that never connects is exit 3, one that refuses or talks garbage 5") {
  auto nobody = ping({"a@127.0.0.1:" + std::to_string(free_port()), "-c", "2"});
  CHECK(nobody.exit == 3);
  CHECK(nobody.errors().at(0).at("kind") == "connect");
  Peer refuser([](const Request&) { return response(503); });
  CHECK(ping({refuser.pid(), "-c", "2"}).exit == 5);
  Peer junk([](const Request&) { return std::string("SSH-2.0-x\r\n"); });
  CHECK(ping({junk.pid(), "-c", "2"}).exit == 5);
}

TEST_CASE("no answer at all is loss and exit 1, with -w exit 4") {
  Peer mute([](const Request&) { return std::string(); });
  auto lost = ping({mute.pid(), "-c", "2", "-W", "50ms"});
  CHECK(lost.exit == 1);
  CHECK(summary(lost).at("loss_pct") == 100);
  CHECK(lost.errors().empty());
  auto late = ping({mute.pid(), "-w", "200ms", "-W", "50ms"});
  CHECK(late.exit == 4);
  CHECK(late.errors().at(0).at("exit") == 4);
}

TEST_CASE("reply mode names both messages, tokens stand first in the body") {
  Ponger ponger([](const Request& request) { return request.body; }, "there");
  auto result = ping(
      {ponger.peer.pid(), "-c", "2", "--mode", "reply", "--name", "here", "--reply-name", "there"});
  CHECK(result.exit == 0);
  CHECK(summary(result).at("answered") == 2);
  auto requests = ponger.peer.requests();
  CHECK(requests[0].line == "POST /peer/here HTTP/1.1");
  CHECK(requests[0].body.size() == 56);
  CHECK(requests[0].body.substr(0, 16).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(requests[0].body.substr(0, 16) != requests[1].body.substr(0, 16));
}

TEST_CASE("replies without the body match first in, first out") {
  Ponger ponger([](const Request&) { return std::string("other"); });
  auto result = ping({ponger.peer.pid(), "-c", "3", "--mode", "reply", "-s", "4"});
  CHECK(result.exit == 0);
  CHECK(summary(result).at("answered") == 3);
}

TEST_CASE("a reply after -W is marked late and not counted") {
  Ponger ponger([](const Request& request) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return request.body;
  });
  auto result = run({"ping", ponger.peer.pid(), "-c", "2", "--mode", "reply", "-W", "100ms", "-i",
                     "1s", "--json"});
  CHECK(result.exit == 1);
  auto probes = result.events("probe");
  auto late =
      std::count_if(probes.begin(), probes.end(), [](const Json& p) { return p.contains("late"); });
  CHECK(late >= 1);
  CHECK(summary(result).at("answered") == 0);
}

TEST_CASE("agent mode speaks Mesos, and says what it does to the agent") {
  Ponger agent([](const Request&) { return std::string(); }, "mesos.internal.PongSlaveMessage");
  auto result = ping({agent.peer.pid("slave(1)"), "-c", "2", "--mode", "agent"});
  CHECK(result.exit == 0);
  auto request = agent.peer.requests().at(0);
  CHECK(request.line == "POST /slave(1)/mesos.internal.PingSlaveMessage HTTP/1.1");
  CHECK(request.body == "\x08\x01");
  CHECK(result.err_json().at(0).at("type") == "note");
  Served served({"agent"});
  CHECK(ping({served.pid(), "-c", "2", "--mode", "agent"}).exit == 0);
}

TEST_CASE("a flood has one probe out at a time") {
  // Answers late, so that all that is sent meanwhile is there when the next request is taken.
  int taken = 0;
  std::atomic<int> most_out = 0;
  Peer* slow = nullptr;
  Peer peer([&](const Request&) {
    const auto bytes = slow->bytes();
    int sent = 0;
    for (std::size_t at = 0; (at = bytes.find("POST /", at)) != std::string::npos; ++at) ++sent;
    most_out = std::max(most_out.load(), sent - taken++);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return response(202);
  });
  slow = &peer;
  CHECK(run({"ping", peer.pid(), "-f", "-c", "30", "--mode", "ack", "-q"}).exit == 0);
  CHECK(peer.requests().size() == 30);
  CHECK(most_out == 1);
}

TEST_CASE("a flood counts all") {
  Served served({"x"});
  auto result = run({"ping", served.pid(), "-f", "-c", "300", "--json", "-q"});
  CHECK(result.exit == 0);
  CHECK(result.events("probe").empty());
  CHECK(summary(result).at("answered") == 300);
}

TEST_CASE("one connection for the run") {
  Served served({"x"});
  CHECK(ping({served.pid(), "-c", "5"}).exit == 0);
  Client metrics(served.port());
  Peer peer;
  CHECK(ping({peer.pid(), "-c", "5", "--mode", "ack"}).exit == 0);
  peer.wait_connections(1);
  CHECK(peer.requests().size() == 5);
}

TEST_CASE("--wait retries until somebody answers") {
  auto port = free_port();
  auto to = "late@127.0.0.1:" + std::to_string(port);
  Background waiting({"ping", to, "--wait", "1m", "-i", "20ms", "--json"});
  CHECK(waiting.event("probe").at("outcome") == "failed");
  Served late({"late", "--port", std::to_string(port)});
  auto result = waiting.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("answered") == 1);
  CHECK(run({"ping", "a@127.0.0.1:" + std::to_string(free_port()), "--wait", "200ms", "-i", "20ms"})
            .exit == 4);
}

TEST_CASE("--max-loss tightens exit 0") {
  std::atomic<int> count = 0;
  Peer flaky([&](const Request&) { return ++count % 2 == 0 ? std::string() : response(202); });
  const Arguments half_lost{flaky.pid(), "-c", "2", "--mode", "ack", "-W", "1s"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), half_lost.begin(), half_lost.end());
    return ping(more);
  };
  CHECK(with({}).exit == 0);
  CHECK(with({"--max-loss", "50"}).exit == 0);
  CHECK(with({"--max-loss", "49"}).exit == 1);
  Served served({"x"});
  CHECK(ping({served.pid(), "-c", "2", "--max-loss", "0"}).exit == 0);
  std::atomic<int> half = 0;
  Peer lossy([&](const Request&) { return ++half % 2 == 0 ? response(404) : response(202); });
  CHECK(ping({lossy.pid(), "-c", "4", "--mode", "ack", "--max-loss", "50%"}).exit == 0);
  CHECK(ping({lossy.pid(), "-c", "4", "--mode", "ack", "--max-loss", "49"}).exit == 1);
}

TEST_CASE("SIGINT ends with the summary and the exit of the rule, SIGQUIT tells how it stands") {
  Served served({"x"});
  Background pinging({"ping", served.pid(), "-i", "10ms", "--json"});
  pinging.event("probe");
  // Both at once: neither is lost.
  pinging.signal(SIGQUIT);
  pinging.signal(SIGINT);
  auto result = pinging.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("type") == "summary");
  CHECK(result.err.find("answered, ack p50") != std::string::npos);
  Peer mute([](const Request&) { return std::string(); });
  Background lost({"ping", mute.pid(), "-i", "10ms", "-W", "10ms", "--json"});
  lost.event("probe");
  lost.signal(SIGTERM);
  CHECK(lost.finish().exit == 1);
}

TEST_CASE("--style and -s shape the probe") {
  Peer peer;
  CHECK(ping({peer.pid(), "-c", "1", "--mode", "ack", "--style", "compactor", "-s", "1k"}).exit ==
        0);
  auto request = peer.wait_requests(1)[0];
  CHECK(request.line.ends_with("HTTP/1.0"));
  CHECK(request.body.size() == 1024);
}

TEST_CASE("text has a line for each probe and the three clocks at the end") {
  Served served({"x"});
  auto result = run({"ping", served.pid(), "-c", "2", "-i", "10ms"});
  CHECK(result.out.find("seq=1") != std::string::npos);
  CHECK(result.out.find("2 sent, 2 answered, 0 % loss") != std::string::npos);
  CHECK(result.out.find("reply min") != std::string::npos);
  CHECK(run({"ping", served.pid(), "-c", "2", "-i", "10ms", "-q"}).out.find("seq=") ==
        std::string::npos);
}

}  // namespace e2e_ping_test
