#include <doctest/doctest.h>
#include <signal.h>

#include <fstream>
#include <regex>

#include "support/harness.h"

namespace e2e_inspect_test {

using namespace e2e;

namespace {

/// A node that answers as a recorded one did; any other path is 404.
Peer::Answer recorded(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const Request& request) {
    const auto begin = request.line.find(' ') + 1;
    const auto file = files.find(request.line.substr(begin, request.line.find(' ', begin) - begin));
    if (file == files.end()) return response(404, "404 Not Found.");
    std::ifstream in(std::string(TEST_DATA) + "/captures/" + file->second, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
}

Peer::Answer libprocess() {
  return recorded({{"/__processes__", "libprocess/http-get-__processes__.txt"},
                   {"/metrics/snapshot", "libprocess/http-get-metrics_snapshot.txt"},
                   {"/help?format=json", "libprocess/http-get-help_format_json.txt"}});
}

Peer::Answer processes(const std::string& json) {
  return [json](const Request& request) {
    return request.line.starts_with("GET /__processes__ ") ? response(200, json) : response(404);
  };
}

std::string at(const Peer& peer) {
  return "127.0.0.1:" + std::to_string(peer.port());
}

const std::string three_queued =
    R"([{"id":"idle","events":[]},{"id":"busy","events":[)"
    R"({"type":"MESSAGE","name":"greet","from":"a@127.0.0.1:1","to":"busy@127.0.0.1:2","body":"hello"},)"
    R"({"type":"DISPATCH"},)"
    R"({"type":"MESSAGE","name":"greet","from":"\u001b[2Jb@127.0.0.1:1","to":"busy@127.0.0.1:2","body":")"
    R"(\u0008)"
    "\xff"
    R"("}]}])";

}  // namespace

TEST_CASE("a node of ours is shown") {
  Served served({"echo", "other"});
  const auto result = run({"inspect", "127.0.0.1:" + std::to_string(served.port()), "--json"});
  CHECK(result.exit == 0);
  const auto found = result.events("process");
  REQUIRE(found.size() == 2);
  CHECK(found[0]["id"] == "echo");
  CHECK(found[0]["queued"] == 0);
  CHECK(result.events("metric").size() > 10);
  CHECK(result.events("endpoint").size() >= 4);
  CHECK(result.events("master").empty());
  CHECK(result.out_json().back()["type"] == "summary");
  CHECK(result.out_json().back()["processes"] == 2);
}

TEST_CASE("the recorded libprocess is shown") {
  Peer node(libprocess());
  const auto result = run({"inspect", at(node), "--json"});
  CHECK(result.exit == 0);
  CHECK(result.events("process").size() == 12);
  CHECK(result.events("metric").size() == 6);
  CHECK(result.events("endpoint").at(1)["summary"] ==
        "Sets the logging verbosity level for a specified duration.");
  CHECK(result.err.empty());
  const auto only = run({"inspect", "echo@" + at(node), "--json", "--only", "processes"});
  CHECK(only.exit == 0);
  CHECK(only.events("process").size() == 1);
  CHECK(only.out_json().size() == 2);
  const auto none = run({"inspect", "nobody@" + at(node), "--json", "--only", "processes"});
  CHECK(none.exit == 1);
  CHECK(none.errors().empty());
  const auto some =
      run({"inspect", at(node), "--only", "metrics", "--metric", "*load_1min", "--json"});
  REQUIRE(some.events("metric").size() == 1);
  CHECK(some.events("metric")[0]["value"] == 3.0);
  const auto none_such = run({"inspect", at(node), "--only", "metrics", "--metric", "no_such*"});
  CHECK(none_such.exit == 1);
  CHECK(none_such.out.empty());
  CHECK(none_such.err.find("no metric no_such*") != std::string::npos);
  const auto text = run({"inspect", at(node)});
  CHECK(text.out.find(" \n") == std::string::npos);
}

TEST_CASE("a recorded Mesos master is summarised") {
  Peer node(recorded({{"/__processes__", "mesos/get-5050___processes__.txt"},
                      {"/metrics/snapshot", "mesos/get-5050_metrics_snapshot.txt"},
                      {"/master/state", "mesos/get-5050_master_state.txt"}}));
  const auto json = run({"inspect", at(node), "--json"});
  CHECK(json.exit == 0);
  REQUIRE(json.events("master").size() == 1);
  const auto master = json.events("master")[0];
  CHECK(master["leader"] == "master@127.0.0.1:5050");
  CHECK(master["agents_active"] == 1);
  CHECK(master["resources"]["cpus"] == 8.0);
  const auto text = run({"inspect", at(node), "--only", "master"});
  CHECK(text.out.find("Mesos 1.12.0 master master@127.0.0.1:5050, the leader") !=
        std::string::npos);
  CHECK(text.out.find("agents      1 active, 0 inactive, 0 unreachable") != std::string::npos);
  CHECK(text.out.find("cpus 0 of 8") != std::string::npos);
}

TEST_CASE("a Mesos agent is summarised where there is one") {
  const std::string at_work =
      R"j({"pid":"slave(3)@10.0.0.7:5051","id":"S7","version":"1.9.0","hostname":"a7","start_time":1,)j"
      R"("resources":{"cpus":8,"mem":4096,"ports":"[1-2]"},"completed_frameworks":[{}],"frameworks":[)"
      R"({"executors":[{"resources":{"cpus":1.5},"tasks":[{},{}],"queued_tasks":[{}]},)"
      R"({"resources":{"cpus":1},"tasks":[{}]}]}]})";
  Peer node([&](const Request& request) {
    if (request.line.starts_with("GET /__processes__ "))
      return response(200, R"j([{"id":"slave-x","events":[]},{"id":"slave(3)","events":[]}])j");
    return request.line.starts_with("GET /slave(3)/state ") ? response(200, at_work)
                                                            : response(404);
  });
  const auto json = run({"inspect", at(node), "--json"});
  CHECK(json.exit == 0);
  REQUIRE(json.events("agent").size() == 1);
  const auto agent = json.events("agent")[0];
  CHECK(agent["id"] == "S7");
  CHECK(agent["executors"] == 2);
  CHECK(agent["tasks"] == 4);
  CHECK(agent["frameworks_completed"] == 1);
  CHECK(agent["resources"] == Json{{"cpus", 8.0}, {"mem", 4096.0}});
  CHECK(agent["used_resources"] == Json{{"cpus", 2.5}});
  const auto text = run({"inspect", "slave(3)@" + at(node), "--only", "agent"});
  CHECK(text.out.find("Mesos 1.9.0 agent slave(3)@10.0.0.7:5051\n  registered  S7") !=
        std::string::npos);
  CHECK(text.out.find("cpus 2.5 of 8, mem 0 of 4096 in use") != std::string::npos);
  const auto other = run({"inspect", "slave(1)@" + at(node), "--only", "agent", "--json"});
  CHECK(other.exit == 1);
  CHECK(other.err.find("not a Mesos agent") != std::string::npos);

  Peer recorded_node(recorded({{"/slave(1)/state", "mesos/get-5051_slave_1__state.txt"}}));
  const auto idle = run({"inspect", at(recorded_node), "--only", "agent", "--json"});
  CHECK(idle.events("agent").at(0)["master"] == "localhost");
  // A node without an agent is not asked for its state.
  Peer other_node(libprocess());
  CHECK(run({"inspect", at(other_node)}).exit == 0);
  for (const auto& request : other_node.requests())
    CHECK(request.line.find("slave") == std::string::npos);
}

TEST_CASE("queued Mesos messages are decoded") {
  const std::string queued =
      R"j([{"id":"slave(1)","events":[{"type":"MESSAGE","name":"mesos.internal.PingSlaveMessage",)j"
      R"j("from":"m@127.0.0.1:1","to":"slave(1)@127.0.0.1:2","body":"\u0008\u0001"},)j"
      R"j({"type":"MESSAGE","name":"status","from":"m@127.0.0.1:1","to":"slave(1)@127.0.0.1:2",)j"
      R"("body":"\u0010\u0005"}]}])";
  Peer node(processes(queued));
  const auto json = run({"inspect", at(node), "--only", "processes", "--json", "--type",
                         "status=mesos.TaskStatus"})
                        .events("queued");
  REQUIRE(json.size() == 2);
  CHECK(json[0]["body"] == Json{{"connected", true}});
  CHECK(json[0]["body_type"] == "mesos.internal.PingSlaveMessage");
  CHECK(json[1]["body"] == Json{{"state", "TASK_LOST"}});
  const auto text = run({"inspect", at(node), "--only", "processes"});
  CHECK(text.out.find("{\"connected\":true}") != std::string::npos);
  const auto hex = run({"inspect", at(node), "--only", "processes", "--json", "--body", "hex"});
  CHECK(hex.events("queued")[0]["body_hex"] == "0801");
}

TEST_CASE("what is queued comes oldest first, counted by name, bodies to the byte") {
  Peer node(processes(three_queued));
  const auto result = run({"inspect", at(node), "--json", "--only", "processes"});
  CHECK(result.exit == 0);
  CHECK(result.events("process").at(0)["id"] == "busy");  // the busiest first
  CHECK(result.events("process").at(0)["queued"] == 3);
  const auto queued = result.events("queued");
  REQUIRE(queued.size() == 3);
  CHECK(queued[0]["position"] == 1);
  CHECK(queued[0]["body_text"] == "hello");
  CHECK(queued[1]["event"] == "DISPATCH");
  CHECK(queued[2]["body_base64"] == "CP8=");
  CHECK(result.out_json().back()["by_name"] == Json{{"greet", 2}, {"DISPATCH", 1}});
  const auto text = run({"inspect", at(node)});
  CHECK(text.out.find('\x1b') == std::string::npos);
  CHECK(text.out.find("\\x1b[2Jb@127.0.0.1:1") != std::string::npos);
}

TEST_CASE("each way to fail has its exit and says what to try") {
  const auto refused = run({"inspect", "127.0.0.1:" + std::to_string(free_port()), "--json"});
  CHECK(refused.exit == 3);
  REQUIRE(refused.errors().size() == 1);
  CHECK(refused.errors()[0]["message"].get<std::string>().find("Connection refused") !=
        std::string::npos);
  CHECK(run({"inspect", "127.0.0.1:" + std::to_string(free_port())}).out.empty());

  Peer silent([](const Request&) { return ""; });
  const auto late = run({"inspect", at(silent), "--timeout", "100ms", "--json"});
  CHECK(late.exit == 4);
  CHECK(late.errors().at(0)["hint"].get<std::string>().find("blocked process") !=
        std::string::npos);

  Peer no_node([](const Request&) { return response(404); });
  CHECK(run({"inspect", at(no_node), "--json"}).exit == 1);
  Peer broken([](const Request&) { return response(200, "<html>"); });
  CHECK(run({"inspect", at(broken), "--json"}).exit == 5);
  Peer tls([](const Request&) { return std::string("\x15\x03\x01\x00\x02\x02\x46", 7); });
  const auto hint = run({"inspect", at(tls), "--json"}).errors().at(0)["hint"];
  CHECK(has(hint, "this port seems to speak TLS: --tls"));
  Peer large(processes("[" + std::string(100000, ' ') + "]"));
  CHECK(run({"inspect", at(large), "--only", "processes", "--max-body", "1k"}).exit == 5);
  CHECK(run({"inspect", at(large), "--only", "processes"}).exit == 0);
  const auto no_port = run({"inspect", "127.0.0.1"});
  CHECK(no_port.exit == 2);
  CHECK(no_port.err == "compactor: \"127.0.0.1\" is no HOST:PORT (as in 10.0.0.5:5050)\n");
  CHECK(run({"inspect"}).exit == 2);
  CHECK(run({"inspect", at(silent), "--count", "2"}).exit == 2);
}

TEST_CASE("odd but legal answers are read, and a body that is missing is not waited for") {
  Peer early([](const Request&) {
    return "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + response(200, "[]");
  });
  CHECK(run({"inspect", at(early), "--only", "processes"}).exit == 0);
  Peer bare([](const Request&) { return "HTTP/1.1 200 OK\nContent-Length: 2\n\n[]"; });
  CHECK(run({"inspect", at(bare), "--only", "processes"}).exit == 0);
  Peer empty([](const Request&) { return "HTTP/1.1 204 No Content\r\n\r\n"; });
  const auto no_content = run({"inspect", at(empty), "--json"});
  CHECK(no_content.exit == 5);
  CHECK(no_content.errors().at(0)["message"].get<std::string>().ends_with("status 204"));
  Peer switching([](const Request&) { return "HTTP/1.1 101 Switching Protocols\r\n\r\n"; });
  const auto switched = run({"inspect", at(switching), "--json"});
  CHECK(switched.exit == 5);
  CHECK(switched.errors().at(0)["message"].get<std::string>().find("(101)") != std::string::npos);
}

TEST_CASE("a node cannot end inspect: not by a long line, not by more than there is room for") {
  Peer long_line([](const Request&) {
    return "HTTP/1.1 200 " + std::string(79'000, 'x') + "\r\nContent-Length: 2\r\n\r\n[]";
  });
  CHECK(run({"inspect", at(long_line), "--only", "processes"}).exit == 0);

  // The sanitizers reserve more addresses than any limit leaves.
  if (!std::string_view(COMPACTOR_SANITIZE).empty()) return;
  const auto in_little_room = [](const Peer& node) {
    return run({"-c", "ulimit -v 250000; exec \"$@\"", "bash", COMPACTOR_PROGRAM, "inspect",
                at(node), "--only", "processes", "--timeout", "60s", "--json"},
               {.program = "bash"});
  };
  Peer small(processes("[]"));
  CHECK(in_little_room(small).exit == 0);
  std::string numbers;
  numbers.resize(10'000'000, '1');
  for (std::size_t i = 1; i < numbers.size(); i += 2) numbers[i] = ',';
  Peer wide(processes("[" + numbers + "1]"));
  const auto full = in_little_room(wide);
  CHECK(full.exit == 6);
  CHECK(full.errors().at(0)["kind"] == "memory");
}

TEST_CASE("a round of --watch that has no room leaves what the rounds before have printed") {
  if (!std::string_view(COMPACTOR_SANITIZE).empty()) return;  // they reserve too many addresses
  std::string many = "[";
  for (int i = 0; i < 5'000; ++i) {
    many += std::string(i == 0 ? "" : ",") + R"({"id":")" + std::string(100, 'x') +
            std::to_string(i) + R"(","events":[]})";
  }
  std::string wide;
  for (int i = 0; i < 5'000'000; ++i) wide += "1,";
  std::atomic<int> round = 0;
  Peer node(
      [&](const Request&) { return response(200, round++ == 0 ? many + "]" : "[" + wide + "1]"); });
  // Who reads begins late: what was printed waits in the program when the second round fails.
  const std::string script =
      "ulimit -v 250000; \"$@\" --only processes --watch 1ms --json --timeout 60s | "
      "(sleep 5; cat); exit ${PIPESTATUS[0]}";
  const auto result =
      run({"-c", script, "bash", COMPACTOR_PROGRAM, "inspect", at(node)}, {.program = "bash"});
  CHECK(result.exit == 6);
  CHECK(result.errors().at(0)["kind"] == "memory");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 5'000);
}

TEST_CASE("one part that does not come leaves the others") {
  auto node_answers = libprocess();
  Peer node([&](const Request& request) {
    return request.line.starts_with("GET /__processes__ ") ? std::string() : node_answers(request);
  });
  CHECK(run({"inspect", at(node), "--timeout", "0"}).exit == 2);
  const auto result = run({"inspect", at(node), "--timeout", "1s", "--json"});
  CHECK(result.exit == 4);
  CHECK(result.errors().size() == 1);
  CHECK(result.events("metric").size() == 6);
}

TEST_CASE("every part that does not come is told") {
  Peer node([](const Request&) { return response(200, "junk"); });
  const auto result =
      run({"inspect", at(node), "--only", "processes", "--only", "endpoints", "--only", "metrics"});
  CHECK(result.exit == 5);
  for (const char* path : {"/__processes__", "/help?format=json", "/metrics/snapshot"})
    CHECK(result.err.find(path) != std::string::npos);
}

TEST_CASE("Basic authentication from a file") {
  Peer node([](const Request& request) {
    const bool known = request.header("Authorization") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    return known ? response(200, "[]") : response(401);
  });
  const auto file = temporary_file("credentials", "Aladdin:open sesame\n");
  CHECK(run({"inspect", at(node), "--only", "processes", "--auth", file}).exit == 0);
  const auto without = run({"inspect", at(node), "--only", "processes", "--json"});
  CHECK(without.exit == 5);
  CHECK(without.errors().at(0)["kind"] == "authentication");
  CHECK(without.errors().at(0)["hint"].get<std::string>().find("--auth") != std::string::npos);
  CHECK(run({"inspect", at(node), "--auth", temporary_file("bad", "no colon")}).exit == 2);
  CHECK(run({"inspect", at(node), "--auth", "/nonexistent"}).exit == 6);
}

TEST_CASE("in text each round of a watch says when it was") {
  Served served({"echo"});
  const auto address = "127.0.0.1:" + std::to_string(served.port());
  const auto once = run({"inspect", address, "--only", "processes"});
  CHECK(once.out.starts_with("Processes\n"));
  const auto watched =
      run({"inspect", address, "--only", "processes", "--watch", "1ms", "-c", "2"});
  const std::regex title(R"((^|\n)\d\d:\d\d:\d\d\.\d{3}  Processes\n)");
  CHECK(std::distance(std::sregex_iterator(watched.out.begin(), watched.out.end(), title), {}) ==
        2);
}

TEST_CASE("watching goes on until the count, a signal, or a reader that goes away") {
  Served served({"echo"});
  const auto address = "127.0.0.1:" + std::to_string(served.port());
  const auto counted =
      run({"inspect", address, "--only", "processes", "--watch", "1ms", "-c", "3", "--json"});
  CHECK(counted.exit == 0);
  CHECK(counted.events("process").size() == 3);
  CHECK(counted.out_json().back()["rounds"] == 3);

  Background open_end({"inspect", address, "--only", "processes", "--watch", "1h", "--json"});
  open_end.event("process");
  open_end.signal(SIGINT);
  CHECK(open_end.finish().exit == 0);

  Background before_its_goal({"inspect", address, "--watch", "1h", "-c", "2", "--json"});
  before_its_goal.event("process");
  before_its_goal.signal(SIGTERM);
  CHECK(before_its_goal.finish().exit == 143);

  Peer silent([](const Request&) { return ""; });
  Background waiting({"inspect", at(silent), "--timeout", "1h", "--json"});
  silent.wait_requests(1);
  waiting.signal(SIGINT);
  CHECK(waiting.finish().exit == 130);
}

}  // namespace e2e_inspect_test
