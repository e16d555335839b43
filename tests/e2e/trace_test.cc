// trace on recorded traffic, and on what is said in the test.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_trace_test {

using namespace e2e;

namespace {

const std::string captures = TEST_DATA "/captures/mesos/";

std::vector<Json> of_type(const std::vector<Json>& events, const std::string& type) {
  std::vector<Json> found;
  for (const auto& event : events)
    if (event["type"] == type) found.push_back(event);
  return found;
}

std::vector<Json> traced(const std::string& file, const Arguments& more = {}) {
  Arguments arguments{"trace", "-r", captures + file, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = run(arguments);
  CHECK(result.exit == 0);
  return result.out_json();
}

const Arguments live = {"trace", "--json"};

}  // namespace

TEST_CASE("healthy captures give no finding above info") {
  for (const char* file :
       {"agent-register.pcap", "http-get.pcap", "execute.pcap", "test-framework.pcap",
        "framework-teardown.pcap", "../../v1/framework-executor.pcap"}) {
    CAPTURE(file);
    for (const auto& finding : of_type(traced(file), "finding")) {
      CHECK(finding["severity"] == "info");
      for (const char* code : {"missing_required", "unknown_fields", "deprecated_field"})
        CHECK(finding["code"] != code);
    }
    CHECK(run({"trace", "-r", captures + file, "--fail-on", "warning"}).exit == 0);
  }
}

TEST_CASE("a capture in which something is wrong fails in CI, and says what") {
  const auto findings = of_type(traced("master-restart.pcap"), "finding");
  std::set<std::string> codes;
  for (const auto& finding : findings) codes.insert(finding["code"].get<std::string>());
  CHECK(codes.contains("exited"));
  CHECK(run({"trace", "-r", captures + "master-restart.pcap", "--fail-on", "warning"}).exit == 1);
  CHECK(run({"trace", "-r", captures + "master-restart.pcap", "--fail-on", "error"}).exit == 0);
}

TEST_CASE("an operator's POST to /master/teardown is a step of the framework's story") {
  const auto steps = of_type(traced("framework-teardown.pcap", {"--framework", "*"}), "step");
  const auto asked = std::find_if(steps.begin(), steps.end(), [](const Json& step) {
    return step["name"] == "mesos.v1.master.Call";
  });
  REQUIRE(asked != steps.end());
  CHECK((*asked)["says"].get<std::string>().find("Call TEARDOWN ") == 0);
  CHECK((*asked)["from_role"] == "127.0.0.1:37440");
  REQUIRE(std::next(asked) != steps.end());
  CHECK((*std::next(asked))["name"] == "mesos.internal.ShutdownFrameworkMessage");
}

TEST_CASE("the story is drawn, too: the same steps, in roles that are their PIDs") {
  const auto picture = temporary_file("story.mmd", "");
  CHECK(traced("test-framework.pcap", {"--task", "1", "--diagram", picture}).size() > 15);
  std::ifstream file(picture);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  CHECK(text.find("sequenceDiagram") == 0);
  CHECK(text.find("RunTask 1") != std::string::npos);
  CHECK(text.find("RunTask 2") == std::string::npos);
  // Without a selector it is everything, and no step is printed.
  CHECK(of_type(traced("test-framework.pcap", {"--diagram", picture}), "step").empty());
  std::ifstream whole(picture);
  const std::string all((std::istreambuf_iterator<char>(whole)), {});
  CHECK(all.find("RunTask 2") != std::string::npos);
}

TEST_CASE("SIGQUIT prints who is there so far, and the run goes on") {
  Served served({"slave(1)", "master"});
  Proxied trace(live, served.port());
  CHECK(run({"send", "master@127.0.0.1:" + std::to_string(trace.port()),
             "mesos.internal.UnregisterSlaveMessage", R"({"slave_id":{"value":"S1"}})"})
            .exit == 0);
  CHECK(run({"send", "nobody@127.0.0.1:" + std::to_string(trace.port()), "greet", "hello"}).exit ==
        1);
  CHECK(trace.process().event("finding")["code"] == "refused");  // so all of it was looked at
  trace.process().signal(SIGQUIT);
  CHECK(trace.process().event("entity")["kind"] == "master");
  const auto result = trace.stop();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back()["type"] == "summary");
  CHECK(result.err.find("so far") != std::string::npos);
}

TEST_CASE("what is known is bounded by --memory, and what is forgotten is counted") {
  const auto events = traced("test-framework.pcap", {"--memory", "1m"});
  CHECK(events.back()["forgotten"] == 0);
  const auto refused = run({"trace", "-r", captures + "test-framework.pcap", "--memory", "100"});
  CHECK(refused.exit == 2);
}

TEST_CASE("who died, when, and who noticed") {
  std::vector<Json> died;
  for (const auto& finding : of_type(traced("master-restart.pcap"), "finding"))
    if (finding["code"] == "exited") died.push_back(finding);
  REQUIRE(died.size() == 1);
  const auto text = died[0]["message"].get<std::string>();
  CHECK(died[0]["severity"] == "warning");
  CHECK(died[0]["time"].get<std::string>().find("01:32:45.622") != std::string::npos);
  CHECK(text.find("master@127.0.0.1:5050 ended") == 0);
  CHECK(text.find("slave(1)@127.0.0.1:5051") != std::string::npos);
  CHECK(text.find("scheduler-") != std::string::npos);
}

TEST_CASE("each conversation has its request, and its answer what the request asked for") {
  const auto events = traced("test-framework.pcap");
  std::map<std::string, int> answered;
  for (const auto& each : of_type(events, "conversation")) {
    if (each["outcome"] != "answered") continue;
    ++answered[each["kind"].get<std::string>()];
    CHECK(each["answer"]["time"].get<std::string>() >= each["request"]["time"].get<std::string>());
    CHECK(each["rtt_us"].get<double>() >= 0);
  }
  CHECK(answered["mesos.internal.StatusUpdateMessage"] == 28);
  CHECK(answered["mesos.scheduler.Call/SUBSCRIBE"] == 1);
  CHECK(answered["mesos.internal.RegisterExecutorMessage"] == 1);
  const auto& summary = events.back();
  CHECK(summary["type"] == "summary");
  CHECK(summary["answered"].get<int>() <= summary["conversations"].get<int>());
}

TEST_CASE("who is there, with what is known of it") {
  std::map<std::string, Json> by_kind;
  std::set<std::string> tasks;
  for (const auto& entity : of_type(traced("test-framework.pcap"), "entity")) {
    if (entity["kind"] == "task") tasks.insert(entity["id"].get<std::string>());
    by_kind[entity["kind"].get<std::string>()] = entity;
  }
  CHECK(tasks == std::set<std::string>{"0", "1", "2", "3", "4"});
  CHECK(by_kind["task"]["state"] == "TASK_FINISHED");
  CHECK(by_kind["framework"]["name"] == "Test Framework (C++)");
  CHECK(by_kind["master"]["version"] == "1.12.0");
  CHECK(by_kind["master"]["version_from"] == "FrameworkRegisteredMessage");
}

TEST_CASE("the story of a task, in order and in roles") {
  const auto result =
      run({"trace", "-r", captures + "test-framework.pcap", "--task", "1", "--color", "never"});
  CHECK(result.exit == 0);
  auto lines = lines_of(result.out);
  REQUIRE(lines.size() > 16);
  lines.erase(lines.begin());  // the date
  CHECK(lines[0].find("framework 0000 → master  Call ACCEPT 0, 1, 2 … (5) of O0") !=
        std::string::npos);
  CHECK(lines[1].find("master → agent S0  RunTask 1 \"Task 1\": cpus 1 mem 128") !=
        std::string::npos);
  CHECK(lines[14].find("master → agent S0  Acknowledge 1 7692efe8") != std::string::npos);
  const auto steps = of_type(traced("test-framework.pcap", {"--task", "1"}), "step");
  CHECK(steps.size() == 15);
  for (std::size_t i = 1; i < steps.size(); ++i)
    CHECK(steps[i - 1]["time"].get<std::string>() <= steps[i]["time"].get<std::string>());
}

TEST_CASE("no line of a story is wider than a terminal") {
  for (const char* selector : {"--framework", "--agent"}) {
    const auto result = run({"trace", "-r", captures + "test-framework.pcap", selector, "*"});
    for (const auto& line : lines_of(result.out)) {
      if (line.find(" → ") == std::string::npos) continue;
      CHECK_MESSAGE(columns_of(line) <= 100, line);
    }
  }
}

TEST_CASE("a framework that speaks HTTP has the same stories") {
  const Arguments arguments{"trace", "-r", TEST_DATA "/v1/framework-executor.pcap", "--json"};
  const auto events = run(arguments).out_json();
  std::map<std::string, int> answered;
  for (const auto& each : of_type(events, "conversation"))
    if (each["outcome"] == "answered") ++answered[each["kind"].get<std::string>()];
  CHECK(answered["mesos.v1.scheduler.Call/SUBSCRIBE"] == 1);
  CHECK(answered["mesos.v1.scheduler.Event/OFFERS"] == 2);
  CHECK(answered["mesos.v1.scheduler.Event/UPDATE"] == 10);
  CHECK(answered["mesos.v1.executor.Event/LAUNCH"] == 5);
  CHECK(answered["mesos.v1.executor.Call/UPDATE"] == 10);
  int frameworks = 0;
  int tasks = 0;
  for (const auto& entity : of_type(events, "entity")) {
    if (entity["kind"] == "framework") ++frameworks;
    if (entity["kind"] == "task") ++tasks;
    if (entity["kind"] == "task") CHECK(entity.contains("framework_id"));
  }
  CHECK(frameworks == 2);
  CHECK(tasks == 10);
  auto story = arguments;
  for (const char* more : {"--framework", "*-0004", "--task", "0"}) story.push_back(more);
  CHECK(of_type(run(story).out_json(), "step").size() == 15);
}

TEST_CASE("JSON that is no recording is told once, as no capture") {
  const auto file =
      temporary_file("page.har", "{\n  \"log\": {\n    \"version\": \"1.2\"\n  }\n}\n");
  for (const std::string command : {"sniff", "trace"}) {
    const auto result = run({command, "-r", file, "--json"});
    CHECK(result.exit == 6);
    CHECK(result.err_json().size() == 1);
    CHECK(has(result.errors().at(0).at("message"), "not a capture"));
  }
}

TEST_CASE("a recording is a source, and gives the same conversations") {
  const auto recorded = run({"sniff", "-r", captures + "execute.pcap", "--json"});
  const auto again = run({"trace", "-r", temporary_file("execute.ndjson", recorded.out), "--json"});
  std::multiset<std::string> first;
  std::multiset<std::string> second;
  for (const auto& each : of_type(traced("execute.pcap"), "conversation"))
    if (each["kind"].get<std::string>().find(".v1.") == std::string::npos)
      first.insert(each["request"].dump());
  for (const auto& each : of_type(again.out_json(), "conversation"))
    second.insert(each["request"].dump());
  CHECK(first == second);
}

TEST_CASE("through a proxy: a message to nobody is found") {
  Served served({"somebody"});
  auto proxied = free_port();
  Background trace({"trace", "--proxy",
                    std::to_string(proxied) + "=127.0.0.1:" + std::to_string(served.port()),
                    "--for", "4s", "--fail-on", "warning", "--json"});
  CHECK(
      run({"send", "nobody@127.0.0.1:" + std::to_string(proxied), "mesos.internal.PingSlaveMessage",
           R"({"connected":true})", "--retry", "50", "--retry-delay", "100ms"})
          .exit == 1);
  const auto result = trace.finish();
  CHECK(result.exit == 1);
  const auto findings = of_type(result.out_json(), "finding");
  REQUIRE(findings.size() == 1);
  CHECK(findings[0]["code"] == "refused");
}

TEST_CASE("a call that cannot be read ends nothing: it is told, and counted") {
  Served served({"somebody"});
  Proxied trace(live, served.port());
  for (const char* body : {"{ this is no JSON", R"({"type":"NO_SUCH_TYPE"})",
                           R"( {"type":"KILL","kill":{"task_id":7}})", "no protobuf either",
                           R"({"type":"REVIVE","framework_id":{"value":"F"}})"}) {
    const std::string text(body);
    Client client(trace.port());
    client.send(
        "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(text.size()) + "\r\n\r\n" + text);
    client.statuses(1);
  }
  const auto result = trace.stop();
  CHECK(result.exit == 0);
  auto findings = of_type(result.out_json(), "finding");
  std::erase_if(findings, [](const Json& finding) { return finding["code"] != "undecodable"; });
  REQUIRE(findings.size() == 1);
  CHECK(findings[0]["message"].get<std::string>().find("cannot be read: ") != std::string::npos);
  CHECK(result.out_json().back()["messages"] == 5);
  CHECK(result.out_json().back()["undecodable"] == 4);
}

TEST_CASE("a sender elsewhere is told; a name for its host says nothing") {
  Served served({"somebody"});
  Proxied trace(live, served.port());
  for (const char* from : {"x@localhost:1", "x@127.0.0.1:2", "x@10.9.9.9:1"}) {
    Client client(trace.port());
    client.send(message("somebody", "greet", "hello", from));
    client.statuses(1);
  }
  const auto findings = of_type(trace.stop().out_json(), "finding");
  REQUIRE(findings.size() == 1);
  CHECK(findings[0]["message"] == "x@10.9.9.9:1 sends from 127.0.0.1");
}

TEST_CASE("with a filter it is not told which process has ended") {
  const auto exits = [](const Arguments& more) {
    int found = 0;
    for (const auto& finding : of_type(traced("master-restart.pcap", more), "finding"))
      if (finding["code"] == "exited" && finding["severity"] == "warning") ++found;
    return found;
  };
  CHECK(exits({}) == 1);
  CHECK(exits({"--agent", "*"}) == 1);
  CHECK(exits({"--task", "nobody"}) == 0);
  CHECK(exits({"--port", "5051"}) == 0);
  CHECK(exits({"--name", "*Ping*"}) == 0);
}

TEST_CASE("through a proxy what is found is told at once, and not at the end") {
  Served served({"somebody"});
  Proxied trace(live, served.port());
  CHECK(run({"send", "nobody@127.0.0.1:" + std::to_string(trace.port()),
             "mesos.internal.PingSlaveMessage", R"({"connected":true})"})
            .exit == 1);
  CHECK(trace.process().event("finding")["code"] == "refused");
  CHECK(trace.stop().exit == 0);
}

TEST_CASE("selectors of several kinds are and-ed; what nobody has gives an empty story") {
  CHECK(of_type(traced("test-framework.pcap", {"--task", "1", "--framework", "*-0000"}), "step")
            .size() == 15);
  CHECK(of_type(traced("test-framework.pcap", {"--task", "1", "--framework", "*-9999"}), "step")
            .empty());
  CHECK(of_type(traced("test-framework.pcap", {"--task", "nobody"}), "step").empty());
}

}  // namespace e2e_trace_test
