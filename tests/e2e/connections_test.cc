// sniff --connections: when one is opened, how it ends, and what that means for what was asked on
// it.
#include <doctest/doctest.h>
#include <signal.h>

#include <map>

#include "support/harness.h"

namespace e2e_connections_test {

using namespace e2e;

namespace {

// 1 answered, by NAT; 2 to 5 each ended before the answer, by the receiver's RST, the sender's FIN,
// the receiver's FIN, the sender's RST; 6 refused; 7 not answered at all; 8 met in the middle and
// closed by the server; 9 open when the capture ends.
const std::string ends = TEST_DATA "/connections/ends.pcap";
const std::string client = "10.9.0.1:4000";

}  // namespace

TEST_CASE("of each connection: opened or not, how it ended, by whom, and what was on it") {
  const auto result = run({"sniff", "-r", ends, "--json", "--connections"});
  CHECK(result.exit == 0);
  std::map<int, std::string> opened;
  std::map<int, std::string> ended;
  for (const auto& event : result.events("connection")) {
    const int conn = event.at("conn");
    const std::string state = event.at("state");
    CHECK(event.at("src") == client + std::to_string(conn));
    if (state == "opened") {
      opened[conn] = state;
      CHECK_FALSE(event.contains("duration_us"));
    } else {
      ended[conn] = state + " " + event.value("by", "");
      CHECK(event.at("messages") == (conn == 6 || conn == 7 ? 0 : 1));
      CHECK(event.value("midstream", false) == (conn == 8));
      CHECK(event.value("wrong_sender_address", false) == (conn == 1));
    }
  }
  CHECK(opened.size() == 6);
  CHECK(opened.count(6) + opened.count(7) + opened.count(8) == 0);
  const std::string server = "10.9.0.2:5050";
  const std::map<int, std::string> want = {{1, "closed " + client + "1"},
                                           {2, "reset " + server},
                                           {3, "closed " + client + "3"},
                                           {4, "closed " + server},
                                           {5, "reset " + client + "5"},
                                           {6, "refused 10.9.0.2:5051"},
                                           {7, "unanswered "},
                                           {8, "closed " + server},
                                           {9, "open "}};
  CHECK(ended == want);
  const auto first = result.events("connection").at(1);
  CHECK(first.at("duration_us") == 6000.0);
  CHECK(first.at("bytes") == 151);
  CHECK(first.at("from") == "slave(1)@192.168.7.7:5051");
}

TEST_CASE("a message that was not answered because the connection ended says by whom") {
  const auto result = run({"sniff", "-r", ends, "--json"});
  std::map<std::string, std::string> why;
  for (const auto& message : result.events("message")) {
    CHECK(message.value("wrong_sender_address", false) == (message.at("name") == "behind.nat"));
    if (message.at("status") == nullptr) why[message.at("name")] = message.value("unanswered", "");
  }
  const std::map<std::string, std::string> want = {{"receiver.reset", "receiver_reset"},
                                                   {"sender.closed", "sender_closed"},
                                                   {"receiver.closed", "receiver_closed"},
                                                   {"sender.reset", "sender_reset"},
                                                   {"met", ""},
                                                   {"open", ""}};
  CHECK(why == want);
  CHECK(result.events("connection").empty());
  REQUIRE(result.err_json().size() == 1);
  CHECK(has(result.err_json()[0].at("message"), "slave(1)@192.168.7.7:5051 comes from 10.9.0.1"));
  // What was recorded says it too.
  const auto again = run({"sniff", "-r", "-", "--json"}, {.input = result.out});
  CHECK(again.events("message") == result.events("message"));
}

TEST_CASE("in words, and with -v") {
  const auto text = run({"sniff", "-r", ends, "-v", "--body", "none"});
  CHECK(has(text.out, "→ 10.9.0.2:5050  #1 opened\n"));
  CHECK(has(text.out, "#1 closed by 10.9.0.1:40001 after 6.00 ms, 1 message, 151 B"));
  CHECK(has(text.out, "#2 reset by 10.9.0.2:5050 after"));
  CHECK(has(text.out, "#6 refused after"));
  CHECK(has(text.out, "#8 closed by 10.9.0.2:5050 after 4.00 ms, met in the middle, 1 message"));
  CHECK(has(text.out, "#9 still open after"));
  CHECK(has(text.out, "sender.closed  2 B  no answer: sender closed\n"));
  CHECK(has(text.out, "open  2 B  no answer\n"));
  const auto quiet = run({"sniff", "-r", ends, "--body", "none"});
  CHECK_FALSE(has(quiet.out, "opened"));
}

TEST_CASE("a connection is no match") {
  const auto result = run({"sniff", "-r", ends, "--json", "--connections", "--name", "nothing"});
  CHECK(result.exit == 1);
  CHECK(result.events("connection").size() == 15);
}

TEST_CASE("a proxy tells of its clients") {
  Served served({"x"});
  const auto port = std::to_string(free_port());
  const auto closed = std::to_string(free_port());
  Background proxy({"sniff", "--proxy",
                    "127.0.0.1:" + port + "=127.0.0.1:" + std::to_string(served.port()), "--proxy",
                    "127.0.0.1:" + closed + "=127.0.0.1:1", "--json", "--connections"});
  CHECK(run({"send", "x@127.0.0.1:" + port, "greet", "--retry", "50", "--retry-delay", "100ms"})
            .exit == 0);
  const Json opened = proxy.event("connection");
  CHECK(opened.at("state") == "opened");
  CHECK(opened.at("dst") == "127.0.0.1:" + std::to_string(served.port()));
  const Json ended = proxy.event("connection");
  CHECK(ended.at("state") == "closed");
  CHECK(ended.at("by") == opened.at("src"));
  CHECK(ended.at("messages") == 1);
  CHECK(ended.at("conn") == opened.at("conn"));
  CHECK(run({"send", "x@127.0.0.1:" + closed, "greet"}).exit == 5);
  const Json refused = proxy.event("connection");
  CHECK(refused.at("state") == "refused");
  CHECK(refused.at("by") == "127.0.0.1:1");
  proxy.signal(SIGTERM);
  proxy.finish();
}

}  // namespace e2e_connections_test
