#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "support/harness.h"

namespace e2e_exec_test {

using namespace e2e;

namespace {

/// A serve whose actor is this shell script; `$line` is the line that came.
Served actor(const std::string& on_line, Arguments more = {}) {
  more.insert(more.begin(),
              {"x", "--no-pong", "--exec-shell", "while read -r line; do " + on_line + "; done"});
  return Served(more);
}

}  // namespace

TEST_CASE("a reply goes to the sender of the message") {
  auto served = actor(R"(echo '{"reply":{"name":"answer","body_text":"hi"}}')");
  auto result = run({"send", served.pid(), "hello", "--expect", "answer", "--json"});
  CHECK(result.exit == 0);
  CHECK(result.events("message").at(0).at("body_text") == "hi");
  CHECK(result.events("message").at(0).at("from") == served.pid());
}

TEST_CASE("the child gets the message object with its number") {
  Peer peer;
  auto served = actor("printf '%s\\n' \"{\\\"send\\\":{\\\"to\\\":\\\"" + peer.pid() +
                      "\\\",\\\"name\\\":\\\"got\\\",\\\"body_base64\\\":\\\"$(printf '%s' "
                      "\"$line\" | base64 -w0)\\\"}}\"");
  Client client(served.port());
  client.send(message("x", "m1", "one") + message("x", "m2", "\x01"));
  auto requests = peer.wait_requests(2);
  auto first = Json::parse(requests[0].body);
  CHECK(first.at("type") == "message");
  CHECK(first.at("n") == 1);
  CHECK(first.at("name") == "m1");
  CHECK(first.at("body_text") == "one");
  CHECK(first.at("to") == served.pid());
  auto second = Json::parse(requests[1].body);
  CHECK(second.at("n") == 2);
  CHECK(second.at("body_base64") == "AQ==");
}

TEST_CASE("n names an older message") {
  Peer one;
  Peer two;
  auto served = actor(R"(case "$line" in *m2*) echo '{"reply":{"name":"to-one","n":1}}';; esac)");
  Client client(served.port());
  client.send(message("x", "m1", "", one.pid()) + message("x", "m2", "", two.pid()));
  CHECK(one.wait_requests(1)[0].line == "POST /peer/to-one HTTP/1.1");
}

TEST_CASE("delivery lines come when asked for, exited lines after a link") {
  Peer peer;
  auto log = temporary_file("child.log", "");
  auto served = actor("printf '%s\\n' \"$line\" >> " + log + R"(; case "$line" in
    *start*) echo '{"link":")" +
                      peer.pid() + R"("}'; echo '{"send":{"to":"nobody@127.0.0.1:)" +
                      std::to_string(peer.port()) + R"(","name":"m","report":true}}';;
    *exited*) echo '{"terminate":true}';; esac)");
  Client client(served.port());
  client.send(message("x", "start", ""));
  peer.wait_requests(1);
  peer.wait_connections(1);
  // Closed once the child has heard of its delivery.
  auto content = [&] { return run({log}, {.program = "cat"}).out; };
  while (content().find("\"delivery\"") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  peer.close_connections();
  auto result = served.process().finish();
  CHECK(result.exit == 0);
  CHECK(content().find("\"outcome\":\"accepted\"") != std::string::npos);
  CHECK(content().find("\"reason\":\"closed\"") != std::string::npos);
}

TEST_CASE("bodies that the receiver has taken are not kept until it answers" *
          doctest::skip(!std::string_view(COMPACTOR_SANITIZE).empty())) {
  std::atomic<std::size_t> taken = 0;
  Peer mute([&](const Request& request) {
    taken += request.body.size();
    return std::string();
  });
  constexpr std::size_t size = 1'000'000;
  const std::string line = "{\"send\":{\"to\":\"" + mute.pid() +
                           "\",\"name\":\"m\",\"body_text\":\"" + std::string(size, 'x') + "\"}}\n";
  constexpr std::size_t count = 60;
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += line;
  const auto file = temporary_file("lines", lines);
  Served served({"x", "--exec-shell", "read -r line; cat " + file + "; exec sleep 60"});
  Client client(served.port());
  client.send(message("x", "go", ""));
  const auto end = std::chrono::steady_clock::now() + patience;
  while (taken < count * size && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(taken == count * size);
  CHECK(resident_mb(served.process().pid()) < 45);
}

TEST_CASE("a bad line is reported and not fatal") {
  auto served = actor(
      R"(echo 'no json'; echo '{}'; echo '{"reply":5}'; echo '{"send":{"to":"x","name":"m"}}'; echo '{"reply":{"name":"answer"}}')");
  CHECK(run({"send", served.pid(), "hello", "--expect", "answer"}).exit == 0);
  auto result = served.stop(SIGTERM);
  CHECK(result.exit == 0);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 4);
  CHECK(result.err.find("no json") != std::string::npos);
}

TEST_CASE("a line of a child that nests without end is reported, and serve goes on") {
  constexpr std::size_t deep = 100'000;
  std::string objects, lists(deep, '[');
  for (std::size_t i = 0; i < deep; ++i) objects += "{\"labels\":";
  const auto with_body = [](const std::string& body) {
    return R"({"send":{"to":"x@127.0.0.1:9","name":"mesos.TaskInfo","body":)" + body + "}}\n";
  };
  const auto lines = temporary_file("deep", with_body(objects + "1" + std::string(deep, '}')) +
                                                with_body(lists + std::string(deep, ']')) +
                                                with_body(lists) + lists + "\n");
  auto served = actor("cat " + lines + R"(; echo '{"reply":{"name":"answer"}}')");
  CHECK(run({"send", served.pid(), "hello", "--expect", "answer"}).exit == 0);
  const auto result = served.stop(SIGTERM);
  CHECK(result.exit == 0);
  CHECK(result.err_json().size() == 4);
  for (const auto& line : result.err_json()) {
    CHECK(line.at("type") == "warning");
    CHECK(has(line.at("message"), "256"));
  }
}

TEST_CASE("what is wrong with a line of a child is said in plain words") {
  const std::pair<const char*, const char*> lines[] = {
      {R"({"reply":{"name":"m","n":"x"}})", "n is no number"},
      {R"({"reply":{"name":"m","report":5}})", "report is neither true nor false"},
      {R"({"terminate":"yes"})", "terminate is neither true nor false"},
      {R"({"reply":{}})", "it has no \"name\""},
      {R"({"reply":{"name":"m","bodytext":"x"}})", "\"bodytext\" alone is no body"},
      {R"({"reply":{"name":"a b"}})", "the message name has a blank"},
      {R"(no json)", "no JSON: column"},
  };
  for (const auto& pair : lines) {
    const auto* line = pair.first;
    CAPTURE(line);
    Peer peer;
    auto served = actor(std::string("echo '") + line + "'; echo '{\"reply\":{\"name\":\"end\"}}'");
    Client client(served.port());
    client.send(message("x", "m", "", peer.pid()));
    CHECK(peer.wait_requests(1)[0].line == "POST /peer/end HTTP/1.1");
    auto result = served.stop(SIGTERM);
    REQUIRE(result.err_json().size() == 1);
    auto told = result.err_json()[0].at("message").get<std::string>();
    CHECK(told.find(pair.second) != std::string::npos);
    CHECK(told.find("json.exception") == std::string::npos);
  }
}

TEST_CASE("a child that ends ends serve with 6, its last lines count") {
  Peer peer;
  Served served({"x", "--exec-shell",
                 "read -r line; echo '{\"send\":{\"to\":\"" + peer.pid() +
                     "\",\"name\":\"last\"}}'; exit 3"});
  Client client(served.port());
  client.send(message("x", "m", ""));
  auto result = served.process().finish();
  CHECK(result.exit == 6);
  CHECK(result.errors().at(0).at("kind") == "child");
  CHECK(result.errors().at(0).at("message").get<std::string>().find("status 3") !=
        std::string::npos);
  CHECK(peer.wait_requests(1)[0].line == "POST /peer/last HTTP/1.1");
  auto killed = run({"serve", "x", "--exec-shell", "kill -9 $$", "--json"});
  CHECK(killed.exit == 6);
  CHECK(killed.errors().at(0).at("message").get<std::string>().find("signal 9") !=
        std::string::npos);
}

TEST_CASE(
    "a child that closes its input ends serve with 6, as one that ends; no message vanishes") {
  const std::pair<const char*, const char*> ways[] = {
      {"exec <&-; exec sleep 60", "closed its standard input"},
      {"exit 3", "ended with status 3"},
  };
  for (const auto& [leaves, told] : ways) {
    const std::string shown(leaves);  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    const auto go = temporary_file("go", "");
    std::filesystem::remove(go);
    Served served({"x", "--exec-shell",
                   "read -r line; until [ -e " + go + " ]; do sleep 0.01; done; " + leaves});
    Client client(served.port());
    std::string messages;
    for (int i = 0; i < 100; ++i) messages += message("x", "m", "");
    client.send(messages);
    CHECK(client.statuses(100) == std::vector<int>(100, 202));
    std::ofstream(go).put('\n');
    client.send(messages);
    const auto statuses = client.statuses(200);
    const auto accepted = std::count(statuses.begin(), statuses.end(), 202);
    const auto result = served.process().finish();
    CHECK(result.exit == 6);
    REQUIRE(result.errors().size() == 1);
    CHECK(has(result.errors()[0].at("message"), told));
    // It has read one; each other is told of, or was not acknowledged.
    CHECK(accepted >= 100);
    CHECK(has(result.err, "has left " + std::to_string(accepted - 1) + " messages unread"));
  }
}

TEST_CASE("what a child leaves unread until its end is told, also when it is serve that ends") {
  struct Way {
    const char* reads;
    std::size_t unread;
  };
  const Way ways[] = {
      {"exec sleep 60", 300},  // nothing, and has to be ended by force
      {"read -r a; read -r b; exec sleep 60", 298},
      {"trap '' TERM; while read -r a; do :; done; sleep 0.1", 0},  // all, at its own pace
      {"exec 3<&0; (sleep 0.2; cat <&3 >/dev/null) & wait", 0}};    // leaves it to another
  for (const auto& way : ways) {
    CAPTURE(way.reads);
    Served served({"x", "--no-pong", "--exec-shell", way.reads});
    Client client(served.port());
    std::string messages;
    for (int i = 0; i < 300; ++i) messages += message("x", "m", "");
    client.send(messages);
    CHECK(client.statuses(300) == std::vector<int>(300, 202));
    const auto result = served.stop(SIGTERM);
    CHECK(result.exit == 0);
    const auto told = "the child of --exec has left " + std::to_string(way.unread) +
                      " messages unread that had been accepted";
    CHECK(has(result.err, told) == (way.unread != 0));
    CHECK(has(result.err, "unread") == (way.unread != 0));
  }
}

TEST_CASE("more than a pipe holds, of which a child reads nothing, is counted whole") {
  Served served({"x", "--no-pong", "--exec-shell", "exec sleep 60"});
  Client client(served.port());
  const auto one = message("x", "m", std::string(1000, 'b'));
  constexpr std::size_t at_once = 100;
  for (std::size_t sent = at_once; sent <= 10 * at_once; sent += at_once) {
    std::string messages;
    for (std::size_t i = 0; i < at_once; ++i) messages += one;
    client.send(messages);
    CHECK(client.statuses(sent).size() == sent);
  }
  const auto result = served.stop(SIGTERM);
  CHECK(has(result.err, "has left 1000 messages unread"));
}

TEST_CASE("a child that closes its input is noticed when no message comes") {
  const auto result =
      run({"serve", "x", "--exec-shell", "exec <&-; exec sleep 60", "--for", "60s", "--json"});
  CHECK(result.exit == 6);
  REQUIRE(result.errors().size() == 1);
  CHECK(has(result.errors()[0].at("message"), "closed its standard input"));
}

TEST_CASE("with --json what a child writes to stderr are notes, else its own lines") {
  const Arguments words = {"serve", "x", "--exec-shell",
                           "echo one >&2; printf 'two \\377' >&2; echo no action; exit 3"};
  auto with_json = words;
  with_json.push_back("--json");
  const auto json = run(with_json);
  CHECK(json.exit == 6);
  std::vector<std::string> notes, types;
  for (const auto& line : json.err_json()) {
    types.push_back(line.at("type"));
    if (line.at("type") == "note") notes.push_back(line.at("message"));
  }
  CHECK(notes == std::vector<std::string>{"one", "two \xef\xbf\xbd"});
  CHECK(types.size() == 4);  // a warning of the line that is no action, the error
  auto quiet = with_json;
  quiet.push_back("-q");
  std::vector<std::string> still;  // what the child says is no note of ours
  for (const auto& line : run(quiet).err_json()) {
    if (line.at("type") == "note") still.push_back(line.at("message"));
  }
  CHECK(still == notes);
  const auto text = run(words);
  CHECK(text.exit == 6);
  CHECK(has(text.err, "one\ntwo \377"));
}

TEST_CASE(
    "a grandchild that goes on writing holds up neither the end of serve nor its last lines") {
  const auto result = run({"serve", "x", "--json", "--exec-shell",
                           "(while sleep 0.01; do echo '{}'; echo e >&2; done) & echo last >&2"});
  CHECK(result.exit == 6);
  CHECK(has(result.err, "\"last\""));
}

TEST_CASE("a program that cannot be started is exit 6") {
  auto result = run({"serve", "x", "--exec", "/no/such/program with arguments", "--json"});
  CHECK(result.exit == 6);
  CHECK(result.errors().size() == 1);
}

TEST_CASE("--exec splits words by quotes and expands nothing; COMPACTOR_PID is its PID") {
  auto script =
      temporary_file("show.sh", "printf '%s|' \"$@\" \"$COMPACTOR_PID\" > \"$1\"; exec sleep 60\n");
  auto shown = temporary_file("shown", "");
  Served served({"x", "--exec", "sh " + script + " " + shown + " 'a b' \"c\\\"d\" e\\ f $HOME *"});
  std::string expected = shown + "|a b|c\"d|e f|$HOME|*|" + served.pid() + "|";
  std::string got;
  for (int i = 0; i < 500 && got != expected; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    got = run({shown}, {.program = "cat"}).out;
  }
  CHECK(got == expected);
}

TEST_CASE("the end of serve is the end of its input for the child, which is waited for") {
  auto log = temporary_file("end.log", "");
  Served served({"x", "--exec-shell", "cat > /dev/null; echo ended > " + log});
  CHECK(served.stop(SIGTERM).exit == 0);
  CHECK(run({log}, {.program = "cat"}).out == "ended\n");
}

TEST_CASE("--count with a child: its answer to the last message is still sent") {
  Peer peer;
  auto served = actor(R"(sleep 0.1; echo '{"reply":{"name":"answer"}}')", {"--count", "1"});
  Client client(served.port());
  client.send(message("x", "m", "", peer.pid()));
  CHECK(served.process().finish().exit == 0);
  CHECK(peer.wait_requests(1)[0].line == "POST /peer/answer HTTP/1.1");
}

}  // namespace e2e_exec_test
