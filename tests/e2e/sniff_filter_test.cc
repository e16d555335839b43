// Which lines sniff shows: filters on messages, on plain HTTP and the v1 API, and what is said of
// one that matches nothing.
#include <doctest/doctest.h>

#include <set>

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
  CHECK(contains(hint(mesos, {"--from", "master"}), "--from 'master@*' matches master@127.0.0.1"));
  CHECK(contains(hint(mesos, {"--to", "slave"}), "--to 'slave(*)@*' matches slave(1)@127.0.0.1"));
  CHECK(contains(hint(mesos, {"--to", "127.0.0.1:5050"}), "--to '*@127.0.0.1:5050' matches "));
  CHECK(contains(hint(mesos, {"--from", "127.0.0.1"}), "--from '*@127.0.0.1:*' matches "));
  CHECK(contains(hint(mesos, {"--name", "StatusUpdateMessage"}),
                 "--name '*.StatusUpdateMessage' matches mesos.internal.StatusUpdateMessage"));
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
                 "--type NAME=TYPE"));
  CHECK(contains(hint(v1, {"--name", "OFFERS"}), "--http shows them"));
  CHECK(hint(mesos, {"--port", "1"}) == "");
  // Nothing of the kind where something matched, or only results are wanted.
  CHECK(sniff(mesos, {"--name", "*.RunTaskMessage"}).err == "");
  CHECK(sniff(mesos, {"--from", "master", "-q"}).err == "");
}

TEST_CASE("comparisons that there are none of are refused, not taken for a path") {
  for (const char* match :
       {"state!=TASK_LOST", "value>=3", "value<=3", "state==TASK_LOST", "a~=b"}) {
    CAPTURE(match);
    const auto result = sniff(mesos, {"--match", match});
    CHECK(result.exit == 2);
    CHECK(contains(result.errors().at(0).at("hint"), "only PATH=VALUE"));
  }
  CHECK(contains(sniff(mesos, {"--match", "state!=X"}).errors()[0].at("hint"), "state='*' shows"));
}

}  // namespace e2e_sniff_filter_test
