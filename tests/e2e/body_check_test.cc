// What send says of a body that its receiver will not read; it is sent all the same.
#include <doctest/doctest.h>
#include <signal.h>

#include "support/harness.h"

namespace e2e_body_check_test {

using namespace e2e;

namespace {

const std::string ping = "mesos.internal.PingSlaveMessage";  // requires `connected`

/// The warnings of a send of that, and that it was sent.
std::vector<std::string> warnings(const Arguments& message, std::string* body = nullptr,
                                  const Settings& settings = {}) {
  CAPTURE(message);
  Peer peer;
  Arguments arguments{"send", peer.pid(), "--json"};
  arguments.insert(arguments.end(), message.begin(), message.end());
  const auto result = run(arguments, settings);
  CHECK(result.exit == 0);
  const auto requests = peer.wait_requests(1);
  if (body != nullptr) *body = requests.at(0).body;
  std::vector<std::string> texts;
  for (const auto& line : result.err_json()) {
    CHECK(line.at("type") == "warning");
    texts.push_back(line.at("message"));
  }
  return texts;
}

void check_warned(const Arguments& message, const std::string& words,
                  const Settings& settings = {}) {
  const auto texts = warnings(message, nullptr, settings);
  CAPTURE(message);
  REQUIRE(texts.size() == 1);
  CAPTURE(texts[0]);
  CHECK(texts[0].find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("a body that is not of the type that its name says is warned of and sent") {
  check_warned({ping, "hello"}, "is text, not a " + ping);
  check_warned({ping, "text:{\"connected\": true}"}, "is text, not a " + ping);
  check_warned({ping, "{\"connected\": true}", "--raw"}, "is text, not a " + ping);
  check_warned({ping, "hex:ff"}, "is not a " + ping);
  check_warned({ping}, "is empty: it lacks connected");
  check_warned({ping, "-"}, "is empty: it lacks connected");
  check_warned({ping, "@/dev/null"}, "is empty: it lacks connected");
  check_warned({ping, "hex:1001"}, "it lacks connected");
  check_warned({"mesos.internal.StatusUpdateMessage", "hex:0a00"}, "update.framework_id");
  check_warned({"status", "x", "--type", "status=mesos.TaskStatus"}, "is text, not a mesos.TaskSt");
  check_warned({ping, "--repeat", "3"}, "it lacks connected");
  check_warned({ping, "--size", "100"}, "is not a " + ping);
}

TEST_CASE("JSON for a name that nearly is a type goes as text, which is told") {
  check_warned({"PingSlaveMessage", "{\"connected\": true}"}, "did you mean " + ping);
  check_warned({"pingslavemesage", "{\"connected\": true}"}, "did you mean " + ping);
}

TEST_CASE("nothing is wrong with what fits, and nothing is known of other names") {
  for (const Arguments& fine : std::initializer_list<Arguments>{
           {ping, "{\"connected\": true}"},
           {ping, "hex:0801"},
           {ping, "hex:08011001"},  // a field that a later version may know
           {"mesos.internal.PongSlaveMessage"},
           {"greet"},
           {"greet", "hello"},
           {"greet", "{\"a\": 1}"},
           {"task", "{\"a\": 1}"},
           {"acme.Unknown", "hello"},
           {"PingSlaveMessage", "hello"}}) {
    CAPTURE(fine);
    CHECK(warnings(fine).empty());
  }
}

TEST_CASE("JSON that lacks a required field is refused, but for --force") {
  Peer peer;
  const auto refused = run({"send", peer.pid(), ping, "{}", "--json"});
  CHECK(refused.exit == 2);
  CHECK(refused.errors().at(0).at("message").get<std::string>().find("connected") !=
        std::string::npos);
  CHECK(refused.errors().at(0).at("hint").get<std::string>().find("--force") != std::string::npos);
  CHECK(peer.requests().empty());
  std::string body = "none";
  const auto texts = warnings({ping, "{}", "--force"}, &body);
  CHECK(texts.size() == 1);
  CHECK(body.empty());
  warnings({"mesos.TaskStatus", R"({"state": "TASK_LOST"})", "--force"}, &body);
  CHECK(body == "\x10\x05");
}

TEST_CASE("what serve answers, and what an actor says, is checked too") {
  Peer peer;
  Served served({"x", "--reply", "a=" + ping + ":hello", "--exec-shell",
                 "while read -r line; do echo '{\"send\":{\"to\":\"" + peer.pid() +
                     "\",\"name\":\"" + ping + "\"}}'; done"});
  Client client(served.port());
  client.send(message("x", "b", "") + message("x", "b", ""));
  CHECK(client.statuses(2).size() == 2);
  peer.wait_requests(2);
  const auto lines = served.stop(SIGTERM).err_json();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].at("message").get<std::string>().find("is not a " + ping) != std::string::npos);
  CHECK(lines[1].at("message").get<std::string>().find("it lacks connected") != std::string::npos);
}

TEST_CASE("what came incomplete is shown with what it lacks, as the schema says") {
  Served served({"x"});
  Client client(served.port());
  client.send(message("x", ping, ""));
  const auto shown = served.message();
  CHECK(shown.at("body_missing") == Json{"connected"});
  CHECK(shown.at("body_base64") == "");
  CHECK(served.stop(SIGTERM).exit == 0);
}

TEST_CASE("of a batch each trouble is told once for each name, and no more than some") {
  std::string lines;
  for (int i = 0; i < 3; ++i) {
    lines += R"({"name":")" + ping + "\"}\n";
    lines += R"({"name":")" + ping + R"(","body_text":"hello"})" + "\n";
    lines += R"({"name":")" + ping + R"(","body":{"connected":true}})" + "\n";
  }
  CHECK(warnings({"--batch", "-"}, nullptr, {.input = lines}).size() == 2);
  std::string many;
  for (std::size_t i = 0; i < 60; ++i)
    many += R"({"name":"mesos.TaskID","body_hex":"0f)" + std::string(2 * i, '0') + "\"}\n" +
            R"({"name":"m)" + std::to_string(i) + R"(","body_text":"x"})" + "\n";
  Arguments types{"--batch", "-"};
  for (int i = 0; i < 60; ++i) {
    types.emplace_back("--type");
    types.push_back("m" + std::to_string(i) + "=mesos.TaskID");
  }
  const auto texts = warnings(types, nullptr, {.input = many});
  CHECK(texts.size() == 21);
  CHECK(texts.back().find("not told") != std::string::npos);
}

}  // namespace e2e_body_check_test
