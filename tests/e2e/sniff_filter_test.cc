// Which lines sniff shows: filters on messages, on plain HTTP and the v1 API, and what is said of
// one that matches nothing.
#include <doctest/doctest.h>

#include <set>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_sniff_filter_test {

using namespace e2e;

namespace {

const std::string v1 = TEST_DATA "/v1/framework-executor.pcap";
const std::string mesos = TEST_DATA "/captures/mesos/test-framework.pcap";

Result sniff(const std::string& file, Arguments more) {
  more.insert(more.begin(), {"sniff", "-r", file, "--json"});
  return run(more);
}

/// What the lines are about, but for the summary.
std::multiset<std::string> shown(const Result& result) {
  std::multiset<std::string> lines;
  for (const auto& line : result.out_json()) {
    const auto type = line.at("type").get<std::string>();
    if (type == "message") lines.insert(line.at("name"));
    if (type == "http") lines.insert("http " + line.value("call_type", std::string("-")));
    if (type == "http_event") lines.insert("event " + line.value("event_type", std::string()));
  }
  return lines;
}

/// The notes on stderr of a run that shows nothing.
std::string hint(const std::string& file, const Arguments& more) {
  CAPTURE(more);
  const auto result = sniff(file, more);
  CHECK(result.exit == 1);
  CHECK(shown(result).empty());
  std::string notes;
  for (const auto& line : result.err_json()) {
    CHECK(line.at("type") == "note");
    notes += line.at("message").get<std::string>() + "\n";
  }
  return notes;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("calls and events of the v1 API are called by their names") {
  const auto all = shown(sniff(v1, {"--http"}));
  for (const auto& [line, count] : std::map<std::string, std::size_t>{{"event SUBSCRIBED", 2},
                                                                      {"event HEARTBEAT", 1},
                                                                      {"event OFFERS", 2},
                                                                      {"event LAUNCH", 5},
                                                                      {"event UPDATE", 10},
                                                                      {"http SUBSCRIBE", 2},
                                                                      {"http ACCEPT", 2},
                                                                      {"http UPDATE", 10},
                                                                      {"http UPDATE_QUOTA", 1},
                                                                      {"http TEARDOWN", 1}}) {
    const std::string shown_line = line;
    CAPTURE(shown_line);
    CHECK(all.count(shown_line) == count);
  }
  for (const auto& event : sniff(v1, {"--http"}).events("http_event")) {
    const bool executor = event.at("url") == "/slave(1)/api/v1/executor";
    CHECK(event.at("content_type") == "application/x-protobuf");
    CHECK(event.at("src") == (executor ? "127.0.0.1:5051" : "127.0.0.1:5050"));
  }
}

TEST_CASE("filters select HTTP too: by path, type, kind, process and field") {
  using Lines = std::multiset<std::string>;
  const auto of = [](Arguments filter) {
    filter.emplace_back("--http");
    const auto result = sniff(v1, filter);
    CHECK(result.exit == 0);
    CHECK(result.out_json().back().at("shown") == shown(result).size());
    return shown(result);
  };
  CHECK(of({"--name", "OFFERS"}) == Lines{"event OFFERS", "event OFFERS"});
  CHECK(of({"--name", "mesos.v1.scheduler.Call/ACCEPT"}) == Lines{"http ACCEPT", "http ACCEPT"});
  CHECK(of({"--name", "mesos.v1.executor.Event"}).count("event LAUNCH") == 5);
  CHECK(of({"--name", "/api/v1"}).count("http GET_QUOTA") == 1);
  CHECK(of({"--name", "*.RunTaskMessage", "--name", "TEARDOWN"}).count("http TEARDOWN") == 1);
  CHECK(of({"--name", "HEARTBEAT", "--from", "master@127.0.0.1:5050"}) == Lines{"event HEARTBEAT"});
  CHECK(of({"--to", "slave(1)@*", "--name", "SUBSCRIBE"}) == Lines{"http SUBSCRIBE"});
  CHECK(of({"--from", "*:5050", "--name", "OFFERS"}).size() == 2);
  CHECK(of({"--match", "offers.agent_id.value=*-S0"}) == Lines{"event OFFERS", "event OFFERS"});
  CHECK(of({"--match", "type=UPDATE_QUOTA"}) == Lines{"http UPDATE_QUOTA"});
}

TEST_CASE("a filter hides the HTTP that it does not match") {
  CHECK(hint(v1, {"--http", "--name", "OFFERZ"}) != "");
  const auto messages = shown(sniff(v1, {"--http", "--name", "*.RunTaskMessage"}));
  CHECK(messages.count("mesos.internal.RunTaskMessage") == messages.size());
}

TEST_CASE("JSON bodies are looked into, also of plain HTTP") {
  const std::string file = TEST_DATA "/captures/mesos/http-get.pcap";
  const auto state = sniff(file, {"--http", "--match", "flags.port=5050"});
  CHECK(state.exit == 0);
  for (const auto& line : state.events("http"))
    CHECK(line.at("url").get<std::string>().find("state") != std::string::npos);
}

TEST_CASE("a UUID matches as it is shown, and as the base64 that it is in JSON") {
  const auto updates = sniff(mesos, {"--name", "*.StatusUpdateMessage"}).events("message");
  REQUIRE_FALSE(updates.empty());
  const auto& first = updates.at(0);
  const std::string uuid = first.at("body_inner").at("update.uuid");
  const std::string base64 = first.at("body").at("update").at("uuid");
  for (const auto& value : {uuid, base64, uuid.substr(0, 13) + "*"}) {
    CAPTURE(value);
    const auto found = sniff(mesos, {"--match", "uuid=" + value}).events("message");
    CHECK(found.size() >= 2);  // the update on its way, and its acknowledgement
    for (const auto& message : found) CHECK(contains(message.dump(), uuid));
  }
}

TEST_CASE("a filter that looks right and matches nothing is told what would") {
  CHECK(contains(hint(mesos, {"--to", "slave"}), "--to 'slave(*)' matches slave(1)@127.0.0.1"));
  CHECK(contains(hint(mesos, {"--from", "127.0.0.1"}), "--from '127.0.0.1:*' matches "));
  CHECK(contains(hint(mesos, {"--name", "StatusUpdat"}), "did you mean mesos.internal.StatusUpd"));
  CHECK(contains(hint(mesos, {"--name", "Call/SUBSCRIB"}), "Call/SUBSCRIBE"));
  CHECK(contains(hint(mesos, {"--match", "state=TASK_LOSTT"}), "did you mean TASK_LOST?"));
  CHECK(contains(hint(mesos, {"--match", "state!=TASK_*"}), "state is TASK_RUNNING"));
  CHECK(contains(hint(mesos, {"--status", "4xx"}), "there is 202"));
  CHECK(contains(hint(mesos, {"--name", "mesos.internal.statusupdatemessage"}),
                 "there is mesos.internal.StatusUpdateMessage"));
  CHECK(contains(hint(mesos, {"--name", "*[RS]tatusUpdateMessage"}), "no [classes]"));
  CHECK(contains(hint(mesos, {"--name", "wibble"}), "there is mesos."));
  CHECK(contains(hint(mesos, {"--match", "task_id=3"}), "--match task_id.value=3 matches"));
  CHECK(contains(hint(mesos, {"--match", "state=TASK_L*"}), "state is TASK_RUNNING"));
  CHECK(contains(hint(mesos, {"--match", "state=TASK_[RF]*"}), "no [classes]"));
  CHECK(contains(hint(mesos, {"--match", "sate=TASK_LOST"}), "did you mean state?"));
  CHECK(contains(hint(mesos, {"--match", "status=x"}), "status holds fields of its own"));
  CHECK(contains(hint(mesos, {"--name", "*.RunTaskMessage", "--match", "connected=true"}),
                 "there is no field connected"));
  CHECK(contains(hint(mesos, {"--name", "*.RunTaskMessage", "--to", "master@*"}), "at once"));
  CHECK(contains(hint(TEST_DATA "/captures/compactor/01-ping-pong.pcap", {"--match", "a=b"}),
                 "--type ping=TYPE"));
  CHECK(contains(hint(v1, {"--name", "OFFERS"}), "--http shows them"));
  CHECK(hint(mesos, {"--port", "1"}) == "");
  // Nothing of the kind where something matched, or only results are wanted.
  CHECK(sniff(mesos, {"--name", "*.RunTaskMessage"}).err == "");
  CHECK(sniff(mesos, {"--from", "slave", "-q"}).err == "");
}

TEST_CASE("messages are found by short names, bare ids and addresses") {
  const auto count = [](const Arguments& filter) {
    CAPTURE(filter);
    return sniff(mesos, filter).events("message").size();
  };
  CHECK(count({"--name", "StatusUpdate"}) == 30);
  CHECK(count({"--name", "StatusUpdateMessage"}) == 30);
  CHECK(count({"--name", "StatusUpdate", "--name", "RunTask"}) == 40);
  CHECK(count({"--name", "StatusUpdate", "--from", "slave(1)"}) == 10);
  CHECK(count({"--from", "master"}) == count({"--from", "master@*"}));
  CHECK(count({"--from", "master"}) == 27);
  CHECK(count({"--to", "127.0.0.1:5050"}) == count({"--to", "*@127.0.0.1:5050"}));
  CHECK(count({"--to", "127.0.0.1:5050"}) == 23);
  CHECK(count({"--name", "Call"}) == 12);
  CHECK(count({"--name", "Call/SUBSCRIBE"}) == 1);
  CHECK(count({"--name", "scheduler.Call/A*"}) == 11 - count({"--name", "TEARDOWN"}));
  CHECK(sniff(mesos, {"--name", "Call/SUBSCRIBE", "--body", "none"}).events("message").size() == 1);
}

TEST_CASE("fields are compared, and answers") {
  const auto values = [](const Arguments& filter) {
    CAPTURE(filter);
    std::multiset<std::string> all;
    for (const auto& message : sniff(mesos, filter).events("message")) {
      const auto& body = message.at("body");
      all.insert(body.contains("update") ? body["update"]["status"]["state"] : message.at("name"));
    }
    return all;
  };
  const auto not_running = values({"--match", "state!=TASK_RUNNING"});
  CHECK(not_running.size() == 15);
  CHECK(not_running.count("TASK_FINISHED") == 15);
  CHECK(values({"--match", "state~^TASK_(RUN|FIN)"}).size() == 30);
  CHECK(values({"--match", "state~RUNNING$"}).count("TASK_RUNNING") == 15);
  CHECK(values({"--match", "state=TASK_RUNNING", "--match", "state=TASK_FINISHED"}).size() == 30);
  CHECK(values({"--match", "state=TASK_RUNNING", "--match", "task_id.value=3"}).size() == 3);
  CHECK(values({"--name", "ResourceOffers", "--match", "scalar.value>1000"}).size() == 1);
  CHECK(values({"--match", "scalar.value>=1e12"}).empty());
  CHECK(values({"--status", "202"}).size() == values({}).size());
  CHECK(values({"--status", "404", "--status", "none"}).empty());
  const auto slow = sniff(mesos, {"--slower", "3ms"}).events("message");
  CHECK_FALSE(slow.empty());
  CHECK(slow.size() < values({}).size());
  for (const auto& message : slow) CHECK(message.at("latency_us") > 3000);
  // Of the calls of this capture two were cut off before their answer.
  CHECK(shown(sniff(v1, {"--http", "--status", "none", "--name", "/master/*"})) ==
        std::multiset<std::string>{"http ACKNOWLEDGE", "http TEARDOWN"});
}

TEST_CASE("trace takes the same names and ids") {
  const auto messages = [](Arguments filter) {
    filter.insert(filter.begin(), {"trace", "-r", mesos, "--json"});
    return run(filter).out_json().back().at("messages").get<std::size_t>();
  };
  CHECK(messages({"--name", "Call/SUBSCRIBE"}) == 1);
  CHECK(messages({"--name", "StatusUpdate", "--from", "slave(1)"}) == 10);
  CHECK(messages({"--name", "Call/NONE"}) == 0);
  for (const Arguments& filter :
       {Arguments{"--match", "a=b"}, {"--match=a=b"}, {"--status", "404"}, {"--slower", "1s"}}) {
    Arguments arguments{"trace", "-r", mesos, "--json"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    const auto refused = run(arguments);
    CHECK(refused.exit == 2);
    CHECK(contains(refused.errors().at(0).at("message"), "is for sniff"));
    CHECK(contains(refused.errors().at(0).at("hint"), "--task"));
  }
}

TEST_CASE("what does not read is a usage error that says how it is written") {
  const std::pair<const char*, const char*> faults[] = {
      {"a==b", "a=b is how"}, {"a~=b", "a~b is how"},        {"a!b", "PATH=VALUE"},
      {"a", "PATH=VALUE"},    {"=b", "PATH=VALUE"},          {"a..b=1", "PATH=VALUE"},
      {"a<x", "PATH=VALUE"},  {"a~(", "compactor-sniff(1)"}, {"a~(x)\\1", "compactor-sniff(1)"}};
  for (const auto& [match, hint_text] : faults) {
    const std::string shown(match);  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const auto result = sniff(mesos, {"--match", match});
    CHECK(result.exit == 2);
    CHECK(contains(result.errors().at(0).at("hint"), hint_text));
  }
  CHECK(contains(sniff(mesos, {"--status", "2"}).errors().at(0).at("hint"), "4xx"));
}

TEST_CASE("a body that is too long for a regular expression does not match, and is counted") {
  const std::string line =
      R"({"type":"message","time":"2026-01-31T12:00:00Z","from":"a@1.1.1.1:1","to":"b@1.1.1.1:2",)"
      R"("name":"mesos.TaskID","size":200003,"src":"1.1.1.1:1","dst":"1.1.1.1:2","status":202,)"
      R"("conn":1,"seq":1,"body":{"value":")" +
      std::string(200'000, 'x') + "\"}}\n";
  const auto found = run({"sniff", "-r", "-", "--json", "--match", "value~(x?){400}(x?){400}y"},
                         {.input = line + line});
  CHECK(found.exit == 1);
  CHECK(contains(found.err, "2 messages not searched to the end"));
  CHECK_FALSE(contains(found.err, "matches no body"));
  const auto quick = run({"sniff", "-r", "-", "--json", "--match", "value~x$"}, {.input = line});
  CHECK(quick.exit == 0);
  CHECK(quick.err == "");
}

TEST_CASE("what no type knows is told at the start of what is listened to") {
  const auto result = run({"sniff", "--proxy", "127.0.0.1:0=127.0.0.1:1", "--for", "1ms", "--json",
                           "--name", "StatusUpdat", "--match", "sate=1"});
  CHECK(result.exit == 1);
  CHECK(contains(result.err, "did you mean mesos.internal.StatusUpdate"));
  CHECK(contains(result.err, "no known type has a field sate"));
}

TEST_CASE("calls, answers and events of the v1 API are decoded, with their client") {
  std::size_t scheduler = 0, executor = 0, calls = 0, streams = 0;
  const std::string framework = "0d49ab02-3043-4de5-8f26-13b958a128fd-0004";
  for (const auto& line : sniff(v1, {"--http"}).out_json()) {
    const bool api = line.value("url", "").find("/api/v1/") != std::string::npos;
    if (line.at("type") == "http_event") {
      line.at("body_type") == "mesos.v1.scheduler.Event" ? ++scheduler : ++executor;
      CHECK(line.at("body").at("type") == line.at("event_type"));
      CHECK(line.at("framework_id") == framework);
    } else if (line.at("type") == "http") {
      ++calls;
      CHECK(line.at("request_body").at("type") == line.at("call_type"));
      CHECK(line.at("client") == (api ? line.at("src").get<std::string>() : "curl/7.88.1"));
      if (api && line.at("status") != 200) CHECK(line.at("framework_id") == framework);
    }
    if (line.contains("stream_id")) ++streams;
  }
  CHECK(scheduler == 14);
  CHECK(executor == 17);
  CHECK(calls == 32);
  CHECK(streams == 14 + 14);
  const auto quota = sniff(v1, {"--http", "--name", "GET_QUOTA"}).events("http");
  REQUIRE(quota.size() == 1);
  CHECK(quota[0].at("body").at("get_quota").at("status").at("infos").at(0).at("role") == "dev");
  CHECK(quota[0].at("body_type") == "mesos.v1.master.Response");
  CHECK(quota[0].at("request_body_type") == "mesos.v1.master.Call");
}

TEST_CASE("each call and event of the v1 API is found by --match, and by who talks") {
  const auto of = [](Arguments filter) {
    filter.emplace_back("--http");
    return sniff(v1, filter);
  };
  for (const auto& line : sniff(v1, {"--http"}).out_json()) {
    const bool event = line.at("type") == "http_event";
    if (!event && line.at("type") != "http") continue;
    const std::string kind = line.at(event ? "event_type" : "call_type");
    CAPTURE(kind);
    const auto found = of({"--name", line.at("url"), "--name", "v1.*", "--match", "type=" + kind});
    const auto lines = found.out_json();
    CHECK(std::find(lines.begin(), lines.end(), line) != lines.end());
  }
  CHECK(of({"--from", "curl/*"}).events("http").size() == 7);
  CHECK(of({"--from", "*-0004", "--name", "ACCEPT"}).events("http").size() == 2);
  CHECK(of({"--to", "default", "--name", "LAUNCH"}).events("http_event").size() == 5);
  CHECK(of({"--to", "master", "--name", "ACCEPT"}).events("http").size() == 2);
  CHECK(
      of({"--match", "uuid~^[0-9a-f]{8}-", "--name", "ACKNOWLEDGED"}).events("http_event").size() ==
      10);
  CHECK(of({"--match", "limits.cpus.value=2.0", "--name", "GET_QUOTA"}).events("http").size() == 1);
}

TEST_CASE("--stats counts HTTP by endpoint and client, and calls by their type") {
  for (const bool shown_too : {false, true}) {
    CAPTURE(shown_too);
    Arguments options{"--stats"};
    if (shown_too) options.emplace_back("--http");
    const auto result = sniff(v1, options);
    CHECK(result.events("http").empty() != shown_too);
    std::map<std::string, Json> rows;
    for (const auto& row : result.events("statistics")) {
      const auto kind = row.value("call_type", row.value("event_type", std::string()));
      if (row.at("by") == "endpoint")
        rows[row.at("endpoint").get<std::string>() + ' ' + kind] = row;
      if (row.at("by") == "name") rows[row.at("name")] = row;
    }
    const auto& update = rows["POST /slave(*)/api/v1/executor UPDATE"];
    CHECK(update.at("messages") == 10);
    CHECK(update.at("outcomes") == Json{{"202", 10}});
    CHECK(update.at("latency").at("samples") == 10);
    CHECK(update.at("client") == "127.0.0.1");
    CHECK(rows["POST /api/v1 GET_QUOTA"].at("client") == "curl/7.88.1");
    CHECK(rows["/master/api/v1/scheduler OFFERS"].at("messages") == 2);
    CHECK(rows["/master/api/v1/scheduler OFFERS"].at("outcomes").empty());
    CHECK(rows["mesos.scheduler.Call/SUBSCRIBE"].at("messages") == 1);
  }
}

TEST_CASE("--stats keeps no name of any length: those over 1000 bytes count together") {
  const auto line = [](const std::string& name) {
    return R"({"type":"message","time":"2026-01-31T12:00:00Z","from":"a@1.1.1.1:1","to":"b@1.1.1.1:2",)"
           R"("size":0,"src":"1.1.1.1:1","dst":"1.1.1.1:2","status":202,"conn":1,"seq":1,"name":")" +
           name + "\"}\n";
  };
  const std::string longest(1000, 'n');
  const auto result = run({"sniff", "-r", "-", "--json", "--stats"},
                          {.input = line(longest) + line(longest + "x") + line(longest + "y")});
  std::map<std::string, int> rows;
  for (const auto& row : result.events("statistics"))
    if (row.at("by") == "name") rows[row.at("name")] = row.at("messages");
  CHECK(rows == std::map<std::string, int>{{longest, 1}, {"(others)", 2}});
}

TEST_CASE("--diagram draws calls and events between framework, executor, master and agent") {
  const auto drawn =
      run_in_folder("compactor sniff -r " + v1 +
                    " --http --name 'v1.*' --diagram t.mmd -q >/dev/null; cat t.mmd");
  for (const char* part :
       {"as 0d49ab02-3043-4de5-8f26-13b958a128fd-0004<br/>127.0.0.1",
        "as master<br/>127.0.0.1:5050", "as executor default<br/>", "as curl/7.88.1<br/>",
        "p1->>p2: SUBSCRIBE · 76 B", "p2->>p1: SUBSCRIBED", "p2->>p1: OFFERS",
        "p1--xp2: TEARDOWN · 47 B · no answer"}) {
    CAPTURE(part);
    CHECK(contains(drawn.out, part));
  }
  CHECK_FALSE(contains(drawn.out, "127.0.0.1:41940"));
  CHECK(contains(run_in_folder("compactor sniff -r " + mesos +
                               " --name SUBSCRIBE --diagram t.mmd -q >/dev/null; cat t.mmd")
                     .out,
                 "mesos.scheduler.Call/SUBSCRIBE"));
}

}  // namespace e2e_sniff_filter_test
