// The lines that people read: one for each message, which fits and says by itself what happened.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_lines_test {

using namespace e2e;

namespace {

const std::string captures = TEST_DATA "/captures/mesos/";
const std::string v1_capture = TEST_DATA "/v1/framework-executor.pcap";

std::vector<std::string> shown(const Arguments& more) {
  Arguments arguments{"sniff", "-t", "u"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return lines_of(run(arguments).out);
}

/// Of those with an arrow, which messages have.
std::vector<std::string> messages_of(const std::vector<std::string>& lines) {
  std::vector<std::string> found;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(found),
               [](const std::string& line) { return line.find(" → ") != std::string::npos; });
  return found;
}

}  // namespace

TEST_CASE("every message of real captures is one line of 100 columns at most") {
  for (const char* file : {"test-framework.pcap", "agent-register.pcap", "execute.pcap",
                           "master-restart.pcap", "framework-teardown.pcap", "http-get.pcap"}) {
    const auto lines = shown({"-r", captures + file, "--http"});
    CHECK(!messages_of(lines).empty());
    for (const auto& line : lines) CHECK_MESSAGE(columns_of(line) <= 100, line);
  }
  const auto lines = messages_of(shown({"-r", v1_capture, "--http"}));
  for (const auto& line : lines) CHECK_MESSAGE(columns_of(line) <= 100, line);
}

TEST_CASE("each says by itself what happened") {
  const auto lines = shown({"-r", captures + "test-framework.pcap"});
  CHECK(any_has(lines, "scheduler → master  Call SUBSCRIBE \"Test Framework (C++)\" roles *"));
  CHECK(any_has(lines, "master → agent  RunTask 1 \"Task 1\": cpus 1 mem 128  3.40 ms"));
  CHECK(any_has(lines, "executor → agent  StatusUpdate 1 TASK_FINISHED 7692efe8  635 us"));
  CHECK(any_has(lines, "master → scheduler  ResourceOffers O0: cpus 8 mem 4096"));
  CHECK(any_has(lines, "slave-observer(1) → agent  Ping connected true  partial, 2 B"));
  const auto v1 = shown({"-r", v1_capture, "--http"});
  CHECK(any_has(v1, "master → framework 0004  Event OFFERS O3: cpus 4"));
  CHECK(any_has(v1, "framework 0004 → master  Call ACCEPT 0, 1, 2 … (4) of O3"));
  CHECK(any_has(v1, "executor default → agent  Call UPDATE 0 TASK_RUNNING 50fbd6b0"));
}

TEST_CASE("of files the legend stands first, and has every name that is used, and no other") {
  const auto lines = shown({"-r", captures + "test-framework.pcap"});
  std::set<std::string> told;
  std::size_t at = 0;
  for (; at < lines.size() && lines[at].find(" = ") != std::string::npos; ++at)
    told.insert(lines[at].substr(0, lines[at].find(' ')));
  REQUIRE(at < lines.size());
  CHECK(lines[at] == "2026-11-22 (UTC)");
  std::set<std::string> used;
  for (const auto& line : messages_of(lines)) {
    const auto arrow = line.find(" → ");
    const auto from = line.rfind(' ', arrow - 1) + 1;
    const auto to = arrow + std::string(" → ").size();
    used.insert(line.substr(from, arrow - from));
    used.insert(line.substr(to, line.find(' ', to) - to));
  }
  CHECK(told == used);
  CHECK(any_has(lines, "agent              = slave(1)@127.0.0.1:5051"));
  // Of what was not shown, no name is told.
  const auto one = shown({"-r", captures + "test-framework.pcap", "-c", "1"});
  CHECK(one[0].starts_with("slave-observer(1)  = "));
  CHECK(one[1].starts_with("agent  "));
  CHECK(one[2] == "2026-11-22 (UTC)");
}

TEST_CASE("through a pipe a legend line comes before the first line that uses it") {
  const auto file = run({"sniff", "-r", captures + "test-framework.pcap", "--json"});
  const auto lines = lines_of(run({"sniff", "-r", "-", "-t", "u"}, {.input = file.out}).out);
  REQUIRE(lines.size() > 20);
  CHECK(lines[2] == "2026-11-22 (UTC)");
  CHECK(lines[3].find("slave-observer(1) → agent") != std::string::npos);
  const auto position = [&](const std::string& text) {
    return std::find_if(
               lines.begin(), lines.end(),
               [&](const std::string& line) { return line.find(text) != std::string::npos; }) -
           lines.begin();
  };
  CHECK(position("executor           = executor(1)@") > 5);
  CHECK(position("executor           = executor(1)@") < position("executor → agent"));
}

TEST_CASE("-v: whole PIDs and ids, and nothing is cut") {
  const auto lines = shown({"-r", captures + "test-framework.pcap", "-v"});
  CHECK_FALSE(any_has(lines, " = "));
  CHECK(any_has(lines,
                "master@127.0.0.1:5050 → slave(1)@127.0.0.1:5051  RunTask 1 \"Task 1\": cpus 1"));
  const auto is_long = [](const std::string& line) { return columns_of(line) > 120; };
  CHECK(std::any_of(lines.begin(), lines.end(), is_long));
}

TEST_CASE("-t: what the time of a line is") {
  const Arguments file{"-r", captures + "execute.pcap", "-c", "3", "--body", "none"};
  auto with = [&](const char* style) {
    Arguments arguments{"sniff", "-t", style};
    arguments.insert(arguments.end(), file.begin(), file.end());
    return lines_of(run(arguments).out);
  };
  CHECK(with("u")[4].starts_with("01:31:51.169              agent → master  "));
  CHECK(with("u")[5].starts_with("01:31:51.476     +308 ms  "));
  CHECK(with("d")[5].starts_with("   +308 ms  slave-observer(1) → agent  "));
  CHECK(with("r")[5].starts_with("    0.307748  slave-observer(1) → agent  "));
  const auto wrong = run({"sniff", "-t", "x", "-r", captures + "execute.pcap"});
  CHECK(wrong.exit == 2);
}

TEST_CASE("the date is told again at midnight") {
  const std::string before = R"({"type":"message","time":"2026-01-31T23:59:59.9Z","from":)";
  const std::string after = R"({"type":"message","time":"2026-02-01T00:00:00.1Z","from":)";
  const std::string rest = R"("a@1.1.1.1:1","to":"b@1.1.1.1:2","name":"x","size":0,"body_text":"",)"
                           R"("src":"1.1.1.1:1","dst":"1.1.1.1:2","conn":1,"status":202,)"
                           R"("latency_us":5,"seq":)";
  const auto lines = lines_of(run({"sniff", "-r", "-", "-t", "u"},
                                  {.input = before + rest + "1}\n" + after + rest + "2}\n"})
                                  .out);
  REQUIRE(lines.size() >= 6);
  CHECK(lines[2] == "2026-01-31 (UTC)");
  CHECK(lines[4] == "2026-02-01 (UTC)");
  CHECK(lines[5].starts_with("00:00:00.100     +200 ms  a → b  x  0 B  5.00 us"));
}

TEST_CASE("bodies come on lines of their own, with --body json on one, with pretty on several") {
  const Arguments file{"-r", captures + "execute.pcap", "-c", "1", "--body"};
  auto with = [&](const char* mode) {
    Arguments arguments = file;
    arguments.emplace_back(mode);
    return shown(arguments);
  };
  const auto json = with("json");
  CHECK(json[3].find("ExitedExecutor default status 9") != std::string::npos);
  CHECK(json[4].starts_with("    {\"slave_id\":{\"value\":\""));
  const auto pretty = with("pretty");
  CHECK(pretty[3].find("ExitedExecutor default status 9") != std::string::npos);
  CHECK(pretty[4] == "    {");
  CHECK(pretty[5] == "      \"slave_id\": {");
  CHECK(pretty[14] == "      \"status\": 9");
  const auto hex = with("hex");
  CHECK(hex[3].find("ExitedExecutorMessage  partial, 101 B") == std::string::npos);
  CHECK(hex[3].find("ExitedExecutorMessage  101 B") != std::string::npos);
  CHECK(hex[4].starts_with("    0a29"));
}

TEST_CASE("what is wrong with a body stands in its line") {
  const std::string lines =
      R"({"type":"message","time":"2026-01-31T12:00:00Z","from":"a@1.1.1.1:1","to":)"
      R"("b@1.1.1.1:2","name":"mesos.internal.PingSlaveMessage","size":1,"body_base64":"CA==",)"
      R"("conn":1,"status":404,"latency_us":5,"seq":1})"
      "\n"
      R"({"type":"message","time":"2026-01-31T12:00:00Z","from":"a@1.1.1.1:1","to":)"
      R"("b@1.1.1.1:2","name":"mesos.internal.PingSlaveMessage","size":5,"body_base64":"CAH4BwE=",)"
      R"("conn":1,"status":null,"latency_us":null,"seq":2})"
      "\n";
  const auto result = run({"sniff", "-r", "-"}, {.input = lines});
  CHECK(has(result.out, "a → b  PingSlaveMess"));
  CHECK(has(result.out, "  bad body: cut off inside a varint"));
  CHECK(has(result.out, "  404  5.00 us\n"));
  CHECK(has(result.out, "  no answer\n"));
  CHECK(has(result.out, "Ping connected true  +3 B unknown  no answer\n"));
  CHECK(has(result.out, "1 undecodable"));
}

TEST_CASE("however long what a peer says is, its line fits") {
  const auto recorded = [](const std::string& from, const std::string& name,
                           const std::string& body) {
    return R"({"type":"message","time":"2026-01-31T12:00:00Z","conn":1,"seq":1,"status":null,)"
           R"("latency_us":null,"to":"b@1.1.1.1:2","from":")" +
           from + R"(","name":")" + name + R"(","size":1,)" + body + "}\n";
  };
  const std::string text(20'000, 'x');
  const std::string input =
      recorded("a@1.1.1.1:1", "mesos.internal.FrameworkErrorMessage",
               R"("body":{"message":")" + text + "\"}") +
      recorded("a@1.1.1.1:1", "mesos.internal.StatusUpdateMessage", R"("body_hex":"0a00")") +
      recorded(text + "@1.1.1.1:1", "name", R"("body_text":"")") +
      recorded("a@1.1.1.1:1", text, R"("body_text":"")");
  const auto shown = run({"sniff", "-r", "-"}, {.input = input});
  const auto lines = messages_of(lines_of(shown.out));
  CHECK(lines.size() == 4);
  for (const auto& line : lines) CHECK_MESSAGE(columns_of(line) <= 100, line);
  for (const auto& message :
       run({"sniff", "-r", "-", "--json"}, {.input = input}).events("message"))
    CHECK(message.value("says", "").size() <= 300);
}

TEST_CASE("says is in the JSON, too, where the body is decoded") {
  const auto events = run({"sniff", "-r", captures + "test-framework.pcap", "--json"});
  std::set<std::string> said;
  for (const auto& message : events.events("message")) {
    CHECK(message.contains("says") == message.contains("body"));
    said.insert(message.value("says", ""));
  }
  CHECK(said.contains("RunTask 1 \"Task 1\": cpus 1 mem 128"));
  const auto v1 = run({"sniff", "--http", "--json", "-r", v1_capture});
  std::set<std::string> spoken;
  for (const auto& event : v1.events("http_event")) spoken.insert(event.value("says", ""));
  for (const auto& call : v1.events("http")) spoken.insert(call.value("says", ""));
  CHECK(spoken.contains("Event HEARTBEAT"));
  CHECK(spoken.contains("Call UPDATE 0 TASK_RUNNING 50fbd6b0"));
  const auto none = run({"sniff", "-r", captures + "execute.pcap", "--json", "--body", "hex"});
  for (const auto& message : none.events("message")) CHECK_FALSE(message.contains("says"));
}

TEST_CASE("serve: our own process by its id, a short body on the line") {
  Background serve({"serve", "echo", "--ip", "127.0.0.1", "--port", "0", "--count", "2"});
  const auto pid = serve.line().value().substr(std::string("serving ").size());
  run({"send", pid, "greet", "hello, actor"});
  run({"send", pid, "mesos.internal.PingSlaveMessage", "{\"connected\":true}"});
  const auto lines = lines_of(serve.finish().out);
  CHECK(any_has(lines, " → echo  greet  12 B  hello, actor"));
  CHECK(any_has(lines, " → echo  Ping connected true"));
}

}  // namespace e2e_lines_test
