#include <doctest/doctest.h>
#include <httplib.h>
#include <signal.h>

#include "support/harness.h"

namespace e2e_serve_test {

using namespace e2e;

namespace {

/// Delivers one message and returns the status.
int deliver(const Served& served, const std::string& id, const std::string& name,
            const std::string& body, const std::string& from = "sender@127.0.0.1:1") {
  Client client(served.port());
  client.send(message(id, name, body, from));
  auto statuses = client.statuses(1);
  return statuses.empty() ? 0 : statuses[0];
}

}  // namespace

TEST_CASE("a message is told with all its parts") {
  Served served({"x"});
  CHECK(deliver(served, "x", "some/name", "hello", " who(1)@10.0.0.1:5 ") == 202);
  auto message = served.message();
  CHECK(message.at("from") == "who(1)@10.0.0.1:5");
  CHECK(message.at("to") == served.pid());
  CHECK(message.at("name") == "some/name");
  CHECK(message.at("size") == 5);
  CHECK(message.at("body_text") == "hello");
  auto time = message.at("time").get<std::string>();
  CHECK(time.size() == 30);
  CHECK(time.back() == 'Z');
  CHECK_FALSE(message.contains("n"));
}

TEST_CASE("several processes, each with its PID; an unknown one is 404 and counted") {
  Background process({"serve", "a", "b(1)", "--id", "c", "--json"});
  auto first = process.event("serving").at("pid").get<std::string>();
  CHECK(first.starts_with("a@"));
  CHECK(process.event("serving").at("pid").get<std::string>().starts_with("b(1)@"));
  CHECK(process.event("serving").at("pid").get<std::string>().starts_with("c@"));
  Client client(static_cast<std::uint16_t>(std::stoul(first.substr(first.rfind(':') + 1))));
  client.send(message("nobody", "m", "") + message("b(1)", "m", ""));
  CHECK(client.statuses(2) == std::vector<int>{404, 202});
  CHECK(process.event("message").at("to").get<std::string>().starts_with("b(1)@"));
  process.signal(SIGTERM);
  auto result = process.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("messages") == 1);
}

TEST_CASE("bodies are shown as asked for") {
  struct Case {
    std::string mode, body, key, value;
  };
  const Case cases[] = {{"auto", "caf\xc3\xa9\n", "body_text", "caf\xc3\xa9\n"},
                        {"auto", "\x01", "body_base64", "AQ=="},
                        {"auto", "", "body_text", ""},
                        {"json", "{}", "body_text", "{}"},
                        {"text", "\xff", "body_base64", "/w=="},
                        {"hex", "ab", "body_hex", "6162"},
                        {"base64", "ab", "body_base64", "YWI="},
                        {"none", "ab", "", ""},
                        {"summary", "ab", "", ""}};
  for (const auto& one : cases) {
    CAPTURE(one.mode);
    Served served({"x", "--body", one.mode});
    deliver(served, "x", "m", one.body);
    auto message = served.message();
    int keys = 0;
    for (const char* key : {"body", "body_text", "body_base64", "body_hex"})
      keys += message.contains(key);
    CHECK(keys == (one.key.empty() ? 0 : 1));
    if (!one.key.empty()) CHECK(message.at(one.key) == one.value);
  }
}

TEST_CASE("control bytes of a peer never reach the terminal") {
  Background served({"serve", "x"});
  auto first = served.line();
  REQUIRE(first);
  auto port = static_cast<std::uint16_t>(std::stoul(first->substr(first->rfind(':') + 1)));
  Client body(port);
  body.send(message("x", "m", "bad\x1b[31m\r\x07"));
  CHECK(body.statuses(1) == std::vector<int>{202});
  Client sender(port);
  sender.send(message("x", "m",
                      "\xc2\x9b"
                      "31m",
                      "a\xc2\x9b"
                      "31m@127.0.0.1:1"));
  CHECK(sender.statuses(1) == std::vector<int>{202});
  Client garbage(port);
  garbage.send("\x1b[2J\x07\r\n\r\n");
  CHECK(garbage.statuses(1).empty());
  served.line();
  auto told = served.line();
  REQUIRE(told);
  served.signal(SIGTERM);
  auto result = served.finish();
  for (const auto& text : {*told, result.out, result.err}) {
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\x07') == std::string::npos);
    CHECK(text.find("\xc2\x9b") == std::string::npos);
  }
}

TEST_CASE("ping and PingSlaveMessage are answered, --no-pong stops both") {
  Peer peer;
  Served served({"x"});
  deliver(served, "x", "ping", "token", peer.pid());
  deliver(served, "x", "mesos.internal.PingSlaveMessage", "\x08\x01", peer.pid());
  auto requests = peer.wait_requests(2);
  CHECK(requests[0].line == "POST /peer/pong HTTP/1.1");
  CHECK(requests[0].body == "token");
  CHECK(requests[0].header("Libprocess-From") == served.pid());
  CHECK(requests[1].line == "POST /peer/mesos.internal.PongSlaveMessage HTTP/1.1");
  CHECK(requests[1].body.empty());
  Peer silent;
  Served mute({"x", "--no-pong", "--reply", "last=done"});
  deliver(mute, "x", "ping", "token", silent.pid());
  deliver(mute, "x", "last", "", silent.pid());
  CHECK(silent.wait_requests(1)[0].line == "POST /peer/done HTTP/1.1");
}

TEST_CASE("--echo sends the same bytes back") {
  Peer peer;
  Served served({"x", "--echo"});
  std::string body("\0\xff\r\n0\r\n\r\n", 9);
  deliver(served, "x", "any.Name", body, peer.pid("who"));
  auto request = peer.wait_requests(1)[0];
  CHECK(request.line == "POST /who/any.Name HTTP/1.1");
  CHECK(request.body == body);
}

TEST_CASE("--reply answers by glob, with a body in every form") {
  Peer peer;
  auto file = temporary_file("reply.bin", "from file");
  Served served({"x", "--reply", "a*=one:text:with:colons", "--reply", "b=two:hex:00ff", "--reply",
                 "c=three:@" + file, "--reply", "d=four"});
  for (const char* name : {"abc", "b", "c", "d"}) deliver(served, "x", name, "", peer.pid());
  auto requests = peer.wait_requests(4);
  CHECK(requests[0].line == "POST /peer/one HTTP/1.1");
  CHECK(requests[0].body == "with:colons");
  CHECK(requests[1].body == std::string("\0\xff", 2));
  CHECK(requests[2].body == "from file");
  CHECK(requests[3].body.empty());
  CHECK(run({"serve", "x", "--reply", "a=b:@/no/such"}).exit == 6);
}

TEST_CASE("an answer that cannot be delivered is told") {
  Served served({"x"});
  deliver(served, "x", "ping", "", "gone@127.0.0.1:" + std::to_string(free_port()));
  deliver(served, "x", "ping", "", "garbage");
  served.message();
  served.message();
  auto again = run({"ping", served.pid(), "-c", "1"});
  CHECK(again.exit == 0);
  auto result = served.stop(SIGTERM);
  CHECK(result.out_json().back().at("replies_failed") == 2);
  CHECK(result.err.find("was not delivered") != std::string::npos);
}

TEST_CASE("compactor.Probe is answered and invisible, but for -v") {
  Served served({"x", "--expect", "end", "-v"});
  CHECK(deliver(served, "x", "compactor.Probe", "") == 202);
  CHECK(deliver(served, "x", "end", "") == 202);
  auto result = served.process().finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("messages") == 1);
  CHECK(result.err.find("probed by") != std::string::npos);
}

TEST_CASE("--count, --expect and --for end it") {
  Served counted({"x", "--count", "2"});
  Client client(counted.port());
  client.send(message("x", "a", "") + message("x", "b", "") + message("x", "c", ""));
  auto result = counted.process().finish();
  CHECK(result.exit == 0);
  CHECK(result.events("message").size() == 2);
  CHECK(result.out_json().back().at("messages") == 2);

  Served expecting({"x", "--expect", "go*"});
  deliver(expecting, "x", "no", "");
  deliver(expecting, "x", "gone", "");
  CHECK(expecting.process().finish().exit == 0);

  CHECK(run({"serve", "x", "--for", "100ms"}).exit == 0);
  auto unmet = run({"serve", "x", "--for", "100ms", "--count", "1", "--json"});
  CHECK(unmet.exit == 4);
  CHECK(unmet.errors().size() == 1);
  CHECK(run({"serve", "x", "--timeout", "100ms", "--expect", "m"}).exit == 4);
}

TEST_CASE("signals: 0 without a goal, 130 and 143 with one, SIGQUIT tells how it stands") {
  for (int signal : {SIGINT, SIGTERM}) {
    Served open({"x"});
    CHECK(open.stop(signal).exit == 0);
    Served bound({"x", "--count", "5"});
    auto result = bound.stop(signal);
    CHECK(result.exit == 128 + signal);
    CHECK(result.errors().at(0).at("exit") == 128 + signal);
    CHECK(result.out_json().back().at("type") == "summary");
  }
  Served served({"x"});
  deliver(served, "x", "m", "12345");
  served.message();
  served.process().signal(SIGQUIT);
  deliver(served, "x", "m", "");
  served.message();
  auto result = served.stop(SIGTERM);
  CHECK(result.err.find(" messages, 5 B") != std::string::npos);
}

TEST_CASE("a signal told twice in the same moment is one: the summary still comes") {
  // The child takes a while to end, so that the second finds serve ending.
  for (int signal : {SIGINT, SIGTERM}) {
    Background served({"serve", "x", "--json", "--exec-shell", "cat >/dev/null; sleep 0.3"});
    served.event("serving");
    // As timeout(1) does: to the process, and then to its group.
    served.signal(signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    served.signal(signal);
    auto result = served.finish();
    CHECK(result.exit == 0);
    CHECK(result.events("summary").size() == 1);
  }
}

TEST_CASE("two signals that wait together are one: the summary still comes") {
  Served served({"x"});
  for (int signal : {SIGSTOP, SIGINT, SIGTERM}) served.process().signal(signal);
  auto result = served.stop(SIGCONT);
  CHECK(result.exit == 0);
  CHECK(result.events("summary").size() == 1);
}

TEST_CASE("a second signal ends it at once") {
  // Nobody reads its output, which is more than a pipe holds: it cannot end cleanly.
  Background served({"serve", "x"});
  auto first = served.line();
  REQUIRE(first);
  Client client(static_cast<std::uint16_t>(std::stoul(first->substr(first->rfind(':') + 1))));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += message("x", "m", std::string(150, 'y'));
  client.send(many);
  CHECK(client.statuses(2000).size() == 2000);
  served.signal(SIGTERM);
  // The second can only count once the first was taken.
  std::thread insist([&] {
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      served.signal(SIGTERM);
    }
  });
  insist.join();
  auto result = served.finish();
  CHECK(result.exit == 143);
}

TEST_CASE("--link reports the exit of what it linked") {
  Peer peer;
  Served served({"x", "--link", peer.pid("linked")});
  peer.wait_connections(1);
  peer.close_connections();
  auto exited = served.process().event("exited");
  CHECK(exited.at("pid") == peer.pid("linked"));
  CHECK(exited.at("reason") == "closed");
}

TEST_CASE("--route serves a file, and what libprocess serves is there") {
  auto file = temporary_file("page.html", "<p>hello</p>");
  Served served({"x", "--route", "/page=" + file});
  httplib::Client client("127.0.0.1", served.port());
  auto page = client.Get("/page");
  REQUIRE(page);
  CHECK(page->status == 200);
  CHECK(page->body == "<p>hello</p>");
  CHECK(page->get_header_value("Content-Type") == "text/html; charset=utf-8");
  temporary_file("page.html", "changed");
  CHECK(client.Get("/page")->body == "changed");
  // libprocess serves a file whatever the method is.
  CHECK(client.Post("/page", "x", "text/plain")->body == "changed");
  CHECK(client.Get("/nosuch")->status == 404);
  for (const char* path : {"/__processes__", "/metrics/snapshot"}) {
    auto answer = client.Get(path);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(Json::accept(answer->body));
  }
  CHECK(client.Get("/help")->status == 200);
  CHECK(Json::parse(client.Get("/__processes__")->body).dump().find("\"x\"") != std::string::npos);
  CHECK(run({"serve", "x", "--route", "/a=/no/such/file"}).exit == 6);
  CHECK(run({"serve", "x", "--route", "/a=/"}).exit == 6);
}

TEST_CASE("the examples of serve --help answer as they say") {
  const auto help = run({"serve", "--help"}).out;
  const std::string example = "--reply 'register=registered:welcome'";
  REQUIRE(has(help, example));
  Served served({"leader", "--reply", "register=registered:welcome"});
  const auto sent = run({"send", served.pid(), "register", "--expect", "registered", "--json"});
  CHECK(sent.exit == 0);
  CHECK(sent.events("message").at(0).at("body_text") == "welcome");
}

TEST_CASE("--max-connections is of those that are accepted: links and answers are none") {
  Served target({"x"});
  Served served({"y", "--echo", "--max-connections", "1", "--link", target.pid()});
  CHECK(run({"send", served.pid(), "m", "back", "--expect", "m", "--timeout", "5s"}).exit == 0);
}

TEST_CASE("--require-peer-ip-match refuses a forged address") {
  Served served({"x", "--require-peer-ip-match"});
  CHECK(deliver(served, "x", "m", "", "a@10.0.0.1:5") == 400);
  CHECK(deliver(served, "x", "m", "", "a@127.0.0.1:5") == 202);
  auto result = served.stop(SIGTERM);
  CHECK(result.out_json().back().at("messages") == 1);
  CHECK(result.out_json().back().at("rejected") == 1);
}

TEST_CASE("what came and was not delivered is counted, messages for nobody here apart too") {
  Served served({"x"});
  CHECK(deliver(served, "nobody", "m", "") == 404);
  CHECK(deliver(served, "nobody", "m", "") == 404);
  CHECK(deliver(served, "x%zz", "m", "") == 500);
  Client tls(served.port());
  tls.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  CHECK(tls.at_end());
  httplib::Client browser("127.0.0.1", served.port());
  CHECK(browser.Get("/favicon.ico")->status == 404);
  const auto result = served.stop(SIGTERM);
  CHECK(result.out_json().back().at("rejected") == 4);
  CHECK(result.out_json().back().at("no_such_process") == 2);
  CHECK(result.err.find("TLS (a ClientHello), not HTTP") != std::string::npos);
}

TEST_CASE("--max-body closes the connection of a larger one") {
  Served served({"x", "--max-body", "1k"});
  CHECK(deliver(served, "x", "m", std::string(1024, 'y')) == 202);
  Client client(served.port());
  client.send(message("x", "m", std::string(1025, 'y')));
  CHECK(client.statuses(1).empty());
  served.message();
  auto result = served.stop(SIGTERM);
  CHECK(result.out_json().back().at("messages") == 1);
  CHECK(result.out_json().back().at("rejected") == 1);
}

TEST_CASE("--max-connections pauses accepting and closes nobody") {
  Served served({"x", "--max-connections", "2"});
  auto first = std::make_unique<Client>(served.port());
  Client second(served.port());
  for (auto* client : {first.get(), &second}) {
    client->send(message("x", "m", ""));
    CHECK(client->statuses(1) == std::vector<int>{202});
  }
  Client third(served.port());  // the kernel takes it, serve does not yet
  third.send(message("x", "third", ""));
  second.send(message("x", "second", ""));
  CHECK(second.statuses(2).size() == 2);
  first.reset();
  CHECK(third.statuses(1) == std::vector<int>{202});
  CHECK(served.stop(SIGTERM).err.find("warning") != std::string::npos);
}

// UndefinedBehaviorSanitizer opens a pipe to look at an object, and takes it for none when it
// cannot.
TEST_CASE("out of file descriptors it serves those it has, and accepts when one is free" *
          doctest::skip(std::string_view(COMPACTOR_SANITIZE).find("undefined") !=
                        std::string_view::npos)) {
  Settings few;
  few.program = "/usr/bin/prlimit";
  Background served(
      {"--nofile=40:40", COMPACTOR_PROGRAM, "serve", "x", "--max-connections", "1000", "--json"},
      few);
  const std::string pid = served.event("serving").at("pid");
  const auto port = static_cast<std::uint16_t>(std::stoul(pid.substr(pid.rfind(':') + 1)));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(port));
    clients.back()->send(message("x", "m", ""));
  }
  while (!clients.empty()) {
    CHECK(clients.front()->statuses(1) == std::vector<int>{202});
    clients.erase(clients.begin());
  }
  served.signal(SIGTERM);
  const auto result = served.finish();
  CHECK(result.out_json().back().at("messages") == 60);
  CHECK(result.err.find("cannot accept connections: too many open files") != std::string::npos);
}

TEST_CASE("a slow reader of the output loses nothing") {
  Background served({"serve", "x", "--json"});
  auto pid = served.event("serving").at("pid").get<std::string>();
  Client client(static_cast<std::uint16_t>(std::stoul(pid.substr(pid.rfind(':') + 1))));
  // 30 MB of lines into a pipe of 64 kB that nobody reads yet.
  const int count = 300;
  for (int i = 0; i < count; ++i) client.send(message("x", "m", std::string(100'000, 'y')));
  CHECK(client.statuses(static_cast<std::size_t>(count)).size() == static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) CHECK(served.event("message").at("size") == 100'000);
}

TEST_CASE("text: one line per message") {
  Background served({"serve", "x", "--count", "1"});
  auto first = served.line();
  REQUIRE(first);
  CHECK(first->starts_with("serving x@127.0.0.1:"));
  Client client(static_cast<std::uint16_t>(std::stoul(first->substr(first->rfind(':') + 1))));
  client.send(message("x", "greet", "hello\nthere"));
  REQUIRE(served.line());  // the date
  auto told = served.line();
  REQUIRE(told);
  CHECK(told->ends_with("sender@127.0.0.1:1 → x  greet  11 B  hello\\nthere"));
}

}  // namespace e2e_serve_test
