#include <doctest/doctest.h>
#include <signal.h>

#include "support/harness.h"

namespace e2e_batch_test {

using namespace e2e;

namespace {

std::string line(const std::string& to, const std::string& name, const std::string& rest) {
  return "{\"to\":\"" + to + "\",\"name\":\"" + name + "\"" + rest + "}\n";
}

std::string recorded(const std::string& to, const std::string& name,
                     const std::string& rest = ",\"body_text\":\"\"") {
  return "{\"type\":\"message\",\"from\":\"old@10.0.0.1:1\",\"to\":\"" + to + "\",\"name\":\"" +
         name + "\"" + rest + "}\n";
}

}  // namespace

TEST_CASE("the lines of a batch are delivered in order, one delivery each") {
  Peer peer;
  auto to = peer.pid();
  auto input = line(to, "a", ",\"body_text\":\"1\"") + "\n" +
               line(to, "b", ",\"body_base64\":\"AP8=\"") +
               line(to, "c", ",\"body_hex\":\"00ff\"") + line(to, "d", "");
  auto result = run({"send", "--batch", "-", "--json"}, {.input = input});
  CHECK(result.exit == 0);
  auto deliveries = result.events("delivery");
  REQUIRE(deliveries.size() == 4);
  CHECK(deliveries[0].at("line") == 1);
  CHECK(deliveries[1].at("line") == 3);
  CHECK(deliveries[3].at("line") == 5);
  auto requests = peer.wait_requests(4);
  CHECK(requests[0].body == "1");
  CHECK(requests[1].body == std::string("\0\xff", 2));
  CHECK(requests[2].body == std::string("\0\xff", 2));
  CHECK(requests[3].body.empty());
  CHECK(result.out_json().back().at("accepted") == 4);
}

TEST_CASE("TARGET and NAME fill what a line leaves out, a file does as well as stdin") {
  Peer peer;
  auto file = temporary_file("batch.ndjson", "{\"body_text\":\"x\"}\n{\"name\":\"own\"}");
  CHECK(run({"send", peer.pid(), "dflt", "--batch", file}).exit == 0);
  auto requests = peer.wait_requests(2);
  CHECK(requests[0].line.find("/dflt ") != std::string::npos);
  CHECK(requests[1].line.find("/own ") != std::string::npos);
}

TEST_CASE("a recording is not sent back by accident") {
  Peer peer;
  Peer origin;
  auto input = recorded(origin.pid(), "m");
  auto refused = run({"send", "--batch", "-", "--json"}, {.input = input});
  CHECK(refused.exit == 2);
  CHECK(refused.errors().at(0).at("message").get<std::string>().starts_with("line 1: "));
  CHECK(run({"send", peer.pid(), "--batch", "-"}, {.input = input}).exit == 2);
  CHECK(origin.requests().empty());
  CHECK(peer.requests().empty());
  CHECK(run({"send", "--batch", "-", "--to", peer.pid()}, {.input = input}).exit == 0);
  CHECK(peer.wait_requests(1).size() == 1);
  CHECK(run({"send", "--batch", "-", "--use-recorded-to"}, {.input = input}).exit == 0);
  CHECK(origin.wait_requests(1)[0].header("Libprocess-From") != "old@10.0.0.1:1");
  CHECK(run({"send", origin.pid(), "--batch", "-"}, {.input = input}).exit == 0);
}

TEST_CASE("only --keep-from states the recorded sender") {
  Peer peer;
  auto input = recorded("x@10.0.0.1:1", "m");
  CHECK(run({"send", "--batch", "-", "--to", peer.pid(), "--keep-from"}, {.input = input}).exit ==
        0);
  CHECK(peer.wait_requests(1)[0].header("Libprocess-From") == "old@10.0.0.1:1");
}

TEST_CASE("other types are ignored, partial messages skipped, both counted") {
  Peer peer;
  auto input = std::string("{\"type\":\"serving\",\"pid\":\"x\"}\n") +
               recorded("x@10.0.0.1:1", "a") +
               recorded("x@10.0.0.1:1", "cut", ",\"partial\":true,\"body_text\":\"h\"") +
               "{\"type\":\"summary\"}\n";
  auto result = run({"send", "--batch", "-", "--to", peer.pid(), "--json"}, {.input = input});
  CHECK(result.exit == 0);
  auto summary = result.out_json().back();
  CHECK(summary.at("sent") == 1);
  CHECK(summary.at("ignored") == 2);
  CHECK(summary.at("skipped") == 1);
  CHECK(result.events("delivery").at(1).at("outcome") == "skipped");
}

TEST_CASE("what serve recorded is sent again byte for byte") {
  Served source({"source"});
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  std::string input;
  for (const auto& body : {all, std::string(), std::string("text \"quoted\" \\ \n\t caf\xc3\xa9"),
                           std::string("\xff")}) {
    Client client(source.port());
    client.send(message("source", "m", body));
    client.statuses(1);
    input += source.message().dump() + "\n";
  }
  Peer peer;
  CHECK(run({"send", "--batch", "-", "--to", peer.pid()}, {.input = input}).exit == 0);
  auto requests = peer.wait_requests(4);
  CHECK(requests[0].body == all);
  CHECK(requests[1].body.empty());
  CHECK(requests[2].body == "text \"quoted\" \\ \n\t caf\xc3\xa9");
  CHECK(requests[3].body == "\xff");
}

TEST_CASE("the first failure stops the batch; unsent lines are counted") {
  Served served({"sink"});
  std::string input = line(served.pid(), "a", "") + "{broken\n" + line(served.pid(), "b", "") +
                      line(served.pid(), "c", "");
  auto result = run({"send", "--batch", "-", "--json"}, {.input = input});
  CHECK(result.exit == 2);
  CHECK(result.errors().at(0).at("message").get<std::string>().starts_with("line 2: no JSON"));
  auto summary = result.out_json().back();
  CHECK(summary.at("accepted") == 1);
  CHECK(summary.at("failed") == 1);
  CHECK(summary.at("not_sent") == 2);
}

TEST_CASE("--keep-going goes on, the exit is the first failure's") {
  Served served({"sink"});
  std::string input =
      line(served.with_id("nobody"), "a", "") + "{broken\n" + line(served.pid(), "b", "");
  auto result = run({"send", "--batch", "-", "--json", "--keep-going"}, {.input = input});
  CHECK(result.exit >= 1);
  CHECK(result.out_json().back().at("accepted") == 1);
  CHECK(result.out_json().back().at("failed") == 2);
  CHECK(result.events("delivery").at(0).at("outcome") == "no_such_process");
}

TEST_CASE("bad lines are named with the reason") {
  Peer peer;
  for (const char* bad : {"[1]", "{\"name\":\"m\",\"bodytext\":\"a\"}", "{\"to\":5,\"name\":\"m\"}",
                          "{\"name\":\"m\",\"body_hex\":\"0\"}",
                          "{\"name\":\"m\",\"body_text\":\"a\",\"body_hex\":\"00\"}",
                          "{\"body_text\":\"a\"}", "{\"name\":\"no.such.Type\",\"body\":{}}",
                          "{\"name\":\"m\",\"size\":3}", "{\"name\":\"a b\"}"}) {
    CAPTURE(bad);
    auto result = run({"send", peer.pid(), "--batch", "-", "--json"}, {.input = bad});
    CHECK(result.exit == 2);
    CHECK(result.errors().size() == 1);
  }
  CHECK(peer.requests().empty());
  CHECK(run({"send", peer.pid(), "--batch", "/no/such/file"}).exit == 6);
  CHECK(run({"send", peer.pid(), "--batch", "/"}).exit == 6);
}

TEST_CASE("deliveries to several addresses are told in the order of the lines") {
  Peer first;
  Peer second;
  std::string input;
  for (int i = 0; i < 40; ++i)
    input += line(i % 2 == 0 ? first.pid() : second.pid(), "m" + std::to_string(i), "");
  auto result = run({"send", "--batch", "-", "--json"}, {.input = input});
  auto deliveries = result.events("delivery");
  REQUIRE(deliveries.size() == 40);
  for (int i = 0; i < 40; ++i) CHECK(deliveries[static_cast<std::size_t>(i)].at("line") == i + 1);
}

TEST_CASE("--speed keeps the recorded spacing, max does not") {
  Peer peer;
  auto at = [&](const char* time) {
    return recorded("x@10.0.0.1:1", "m",
                    std::string(",\"body_text\":\"\",\"time\":\"") + time + "\"");
  };
  auto input = at("2026-01-01T00:00:00.000000000Z") + at("2026-01-01T00:00:00.300000000Z");
  auto paced =
      run({"send", "--batch", "-", "--to", peer.pid(), "--speed", "1", "--json"}, {.input = input});
  CHECK(paced.exit == 0);
  CHECK(paced.out_json().back().at("duration_s").get<double>() >= 0.29);
  auto fast = at("2026-01-01T00:00:00Z") + at("2027-01-01T00:00:00Z");
  CHECK(run({"send", "--batch", "-", "--to", peer.pid(), "--speed", "max"}, {.input = fast}).exit ==
        0);
  CHECK(run({"send", "--batch", "-", "--to", peer.pid(), "--speed", "0"}, {.input = fast}).exit ==
        2);
}

TEST_CASE("a pipe that gives its lines slowly is sent as they come") {
  Peer peer;
  Background send({"send", peer.pid(), "--batch", "-", "--json", "--timeout", "300ms"});
  send.write("{\"name\":\"a\"}\n{\"na");
  CHECK(send.event("delivery").at("name") == "a");
  send.write("me\":\"b\"}\n");
  CHECK(send.event("delivery").at("name") == "b");
  send.close_input();
  CHECK(send.finish().exit == 0);
}

TEST_CASE("an empty batch is nothing done, and interrupting a waiting one is 130") {
  CHECK(run({"send", "a@127.0.0.1:1", "m", "--batch", "/dev/null", "--json"}).exit == 0);
  Peer peer;
  Background send({"send", peer.pid(), "--batch", "-", "--json"});
  send.write("{\"name\":\"a\"}\n");
  send.event("delivery");
  send.signal(SIGINT);
  auto result = send.finish();
  CHECK(result.exit == 130);
  CHECK(result.out_json().back().at("sent") == 1);
}

TEST_CASE("--dry-run of a batch") {
  auto result = run({"send", "a@127.0.0.1:5", "--batch", "-", "--dry-run", "--id", "me"},
                    {.input = "{\"name\":\"one\"}\n{\"name\":\"two\"}\n"});
  CHECK(result.exit == 0);
  CHECK(result.out.find("POST /a/one HTTP/1.1\r\n") == 0);
  CHECK(result.out.find("POST /a/two HTTP/1.1\r\n") != std::string::npos);
}

TEST_CASE("a line that cannot be read is exit 2 and named, whatever is wrong with it") {
  Served served({"sink"});
  const std::string good = line(served.pid(), "a", "");
  const std::string deep =
      R"({"name":"mesos.internal.PingSlaveMessage","body":{"a":)" + std::string(100'000, '[');
  for (const std::string& bad :
       {std::string(R"({"name":"m","size":1e5669})"), std::string(R"({"name":"m","name":"n"})"),
        deep + std::string(100'000, ']') + "}}",
        std::string(R"({"name":"mesos.internal.PingSlaveMessage","body":{"connected":1e9999}})")}) {
    CAPTURE(bad.substr(0, 100));
    std::string input;
    for (int i = 0; i < 500; ++i) input += good;
    const auto stopped =
        run({"send", served.pid(), "--batch", "-", "--json"}, {.input = input + bad + "\n" + good});
    CHECK(stopped.exit == 2);
    REQUIRE(stopped.errors().size() == 1);
    CHECK(stopped.errors()[0].at("message").get<std::string>().starts_with("line 501: "));
    CHECK(stopped.out_json().back().at("accepted") == 500);
    CHECK(stopped.out_json().back().at("not_sent") == 1);
    const auto all = run({"send", served.pid(), "--batch", "-", "--json", "--keep-going"},
                         {.input = input + bad + "\n" + good});
    CHECK(all.exit == 2);
    CHECK(all.out_json().back().at("accepted") == 501);
    CHECK(all.out_json().back().at("failed") == 1);
  }
}

TEST_CASE("after the first failure the rest is counted, and not read or looked up") {
  const std::string input = "{broken\n" + line("a@localhost:1", "m", "") +
                            R"({"type":"answer","conn":1})" + "\n" + R"(  { "type" : "summary" })" +
                            "\n\n" + recorded("a@localhost:1", "m") +
                            line("a@localhost:1", "m", "");
  const auto result =
      run({"send", "--batch", "-", "--use-recorded-to", "--json", "-v"}, {.input = input});
  CHECK(result.exit == 2);
  CHECK(result.out_json().back().at("not_sent") == 3);
  CHECK(result.out_json().back().at("ignored") == 2);
  CHECK(result.err.find("localhost is") == std::string::npos);
}

TEST_CASE("after the first failure the rest is not parsed, and its counting can be ended") {
  const auto broken_too =
      run({"send", "--batch", "-", "--json"}, {.input = "{broken\n{\"type\":\"answer\", broken\n"});
  CHECK(broken_too.exit == 2);
  CHECK(broken_too.out_json().back().at("ignored") == 1);
  Peer peer;
  Background endless({"send", "--batch", "-", "--json"});
  endless.write(line(peer.pid(), "m", ""));
  endless.event("delivery");
  endless.write("{broken\n");
  endless.signal(SIGTERM);
  endless.write(line("a@127.0.0.1:1", "m", ""));
  const auto result = endless.finish();  // its input is still open
  // The signal may have come before the line that is none.
  CHECK((result.exit == 2 || result.exit == 143));
  CHECK(result.events("summary").size() == 1);
}

TEST_CASE("a line longer than any body is passed over; the next one is a line again") {
  Peer peer;
  Background send({"send", peer.pid(), "m", "--batch", "-", "--json", "--keep-going"});
  send.write("{\"body_text\":\"before\"}\n{\"body_text\":\"");
  CHECK(send.event("delivery").at("line") == 1);
  const std::string piece(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 129; ++i) send.write(piece);
  send.write("\"}\n{\"body_text\":\"after\"}\n");
  CHECK(send.event("delivery").at("line") == 3);
  send.close_input();
  const auto result = send.finish();
  CHECK(result.exit == 2);
  REQUIRE(result.errors().size() == 1);
  CHECK(result.errors()[0].at("message") == "line 2 is longer than 128 MiB");
  CHECK(peer.wait_requests(2)[1].body == "after");
}

TEST_CASE("a batch that has no end and no message can be ended") {
  Peer peer;
  const auto send = [&](const std::string& bytes) {
    // A descriptor of its own, and the process of the test's.
    return Arguments{"-c", "exec " COMPACTOR_PROGRAM " send " + peer.pid() +
                               " m --batch <(echo '{}'; " + bytes +
                               " 2>/dev/null) --keep-going --json -q"};
  };
  for (const std::string bytes : {"yes '{bad'", "cat /dev/zero", "yes '{\"type\":\"answer\"}'"}) {
    CAPTURE(bytes);
    Background endless(send(bytes), {.program = "/bin/bash"});
    CHECK(endless.event("delivery").at("line") == 1);
    endless.signal(SIGTERM);
    const auto result = endless.finish();
    CHECK(result.exit == 143);
    CHECK(result.errors().size() == 1);
    CHECK(result.out_json().back().at("accepted") == 1);
  }
  const auto zeros = run({"send", peer.pid(), "m", "--batch", "/dev/zero", "--json"});
  CHECK(zeros.exit == 2);
  CHECK(zeros.errors().size() == 1);
}

}  // namespace e2e_batch_test
