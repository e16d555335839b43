#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>

#include "support/harness.h"
#include "support/place.h"

namespace e2e_send_test {

using namespace e2e;

namespace {

Json only_delivery(const Result& result) {
  REQUIRE(result.events("delivery").size() == 1);
  return result.events("delivery")[0];
}

/// Sends to a peer that answers so, and checks what is said of it.
void check_answer(const std::string& answer, int exit, const std::string& outcome,
                  const std::string& kind) {
  CAPTURE(answer);
  Peer peer([&](const Request&) { return answer; });
  auto result = run({"send", peer.pid(), "m", "hello", "--json", "--timeout", "2s"});
  CHECK(result.exit == exit);
  auto delivery = only_delivery(result);
  CHECK(delivery.at("to") == peer.pid());
  CHECK(delivery.at("name") == "m");
  CHECK(delivery.at("size") == 5);
  CHECK(delivery.at("outcome") == outcome);
  CHECK(result.out_json().back().at("type") == "summary");
  REQUIRE(result.errors().size() == (exit >= 2 ? 1U : 0U));
  if (exit >= 2) CHECK(result.errors()[0].at("kind") == kind);
  auto text = run({"send", peer.pid(), "m", "hello", "--timeout", "2s"});
  CHECK(text.exit == exit);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 1);
  CHECK(std::count(text.err.begin(), text.err.end(), '\n') == (exit >= 2 ? 1 : 0));
}

}  // namespace

TEST_CASE("each answer has its outcome and its exit") {
  check_answer(response(202), 0, "accepted", "");
  // What a web server says to any POST: it has not queued a message to a process.
  for (const int status : {200, 201, 204, 302})
    check_answer(response(status), 5, "refused", "refused");
  check_answer(response(404, "404 Not Found."), 1, "no_such_process", "");
  check_answer(response(405), 1, "not_handled", "");
  check_answer(response(400, "no!"), 5, "refused", "refused");
  check_answer(response(500), 5, "refused", "refused");
  check_answer(response(503), 5, "refused", "refused");
}

TEST_CASE("garbage for an answer is exit 5 and says so") {
  for (const char* garbage : {"SSH-2.0-OpenSSH\r\n", "\x15\x03\x01\x02\x02\x02\x46"}) {
    Peer peer([&](const Request&) { return garbage; });
    auto result = run({"send", peer.pid(), "m", "--json"});
    CHECK(result.exit == 5);
    REQUIRE(result.errors().size() == 1);
    CHECK(result.errors()[0].at("exit") == 5);
    bool tls = garbage[0] == '\x15';
    CHECK(has(result.errors()[0].at("hint"), "this port seems to speak TLS: --tls") == tls);
  }
}

TEST_CASE("a peer that closes without an answer is exit 5") {
  Peer peer([](const Request&) { return std::string("HTTP/1.1 "); });
  Background send({"send", peer.pid(), "m", "--json"});
  peer.wait_requests(1);
  peer.close_connections();
  auto result = send.finish();
  CHECK(result.exit == 5);
  CHECK(only_delivery(result).at("outcome") == "no_answer");
}

TEST_CASE("a peer that ends at the first bytes, as a TLS server does, is told as one") {
  for (const std::string command : {"send", "ping", "link", "send RST", "ping RST", "link RST"}) {
    CAPTURE(command);
    const auto verb = command.substr(0, 4);
    Peer peer([](const Request&) { return std::string(); });
    Arguments arguments{verb, peer.pid(), "--json"};
    if (verb == "send") arguments.emplace_back("m");
    if (verb == "ping") arguments.insert(arguments.end(), {"-c", "1"});
    if (verb == "link") arguments.insert(arguments.end(), {"--for", "1m"});
    Background background(arguments);
    peer.wait_requests(1);
    verb == command ? peer.close_connections() : peer.reset_connections();
    auto result = background.finish();
    CHECK(result.exit == 5);
    REQUIRE(result.errors().size() == 1);
    CHECK(result.errors()[0].at("hint").get<std::string>().starts_with(
        "this port seems to speak TLS"));
  }
}

TEST_CASE("a port where nobody listens is exit 3") {
  auto result = run({"send", "a@127.0.0.1:" + std::to_string(free_port()), "m", "--json"});
  CHECK(result.exit == 3);
  CHECK(only_delivery(result).at("outcome") == "failed");
  CHECK(result.errors().at(0).at("kind") == "connect");
  CHECK(only_delivery(result).at("status").is_null());
}

TEST_CASE("no answer in time is exit 4") {
  Peer mute([](const Request&) { return std::string(); });
  auto result = run({"send", mute.pid(), "m", "--json", "--timeout", "300ms"});
  CHECK(result.exit == 4);
  CHECK(only_delivery(result).at("reason") == "no answer in 300ms");
  CHECK(only_delivery(result).at("outcome") == "no_answer");
  CHECK(result.errors().at(0).at("kind") == "timeout");
}

TEST_CASE("an interrupted send is 130 or 143, with its summary") {
  Peer mute([](const Request&) { return std::string(); });
  for (int signal : {SIGINT, SIGTERM}) {
    Background send({"send", mute.pid(), "m", "--json", "--timeout", "1m"});
    auto before = mute.requests().size();
    mute.wait_requests(before == 0 ? 1 : before + 1);
    send.signal(signal);
    auto result = send.finish();
    CHECK(result.exit == 128 + signal);
    CHECK(result.out_json().back().at("type") == "summary");
    CHECK(result.errors().at(0).at("exit") == 128 + signal);
  }
}

TEST_CASE("bodies in every form arrive as bytes") {
  auto file = temporary_file("body.bin", std::string("\0\xff\n@x", 5));
  struct Case {
    std::string typed;
    std::string bytes;
    std::string input;
  };
  const Case cases[] = {{"plain text", "plain text", ""},
                        {"", "", ""},
                        {"hex:0801 ff", "\x08\x01\xff", ""},
                        {"base64:CAE=", "\x08\x01", ""},
                        {"text:hex:0801", "hex:0801", ""},
                        {"text:@" + file, "@" + file, ""},
                        {"text:-", "-", ""},
                        {"text:text:", "text:", ""},
                        {"text:", "", ""},
                        {"@" + file, std::string("\0\xff\n@x", 5), ""},
                        {"-", "from stdin", "from stdin"},
                        {"{\"a\":1}", "{\"a\":1}", ""},
                        {"[1]", "[1]", ""},
                        {"{}", "{}", ""}};
  for (const auto& one : cases) {
    CAPTURE(one.typed);
    Peer peer;
    auto result = run({"send", peer.pid(), "m", one.typed, "-q"}, {.input = one.input});
    CHECK(result.exit == 0);
    CHECK(peer.wait_requests(1)[0].body == one.bytes);
  }
}

TEST_CASE("a body that does not read is exit 2, a file that cannot be read 6; nothing is sent") {
  Peer peer;
  CHECK(run({"send", peer.pid(), "m", "hex:0"}).exit == 2);
  CHECK(run({"send", peer.pid(), "m", "hex:0g"}).exit == 2);
  CHECK(run({"send", peer.pid(), "m", "base64:*"}).exit == 2);
  auto missing = run({"send", peer.pid(), "m", "@/no/such/file", "--json"});
  CHECK(missing.exit == 6);
  CHECK(missing.errors().at(0).at("kind") == "file");
  CHECK(run({"send", peer.pid(), "m", "@/"}).exit == 6);
  CHECK(peer.requests().empty());
}

TEST_CASE("a file that may not be read is exit 6, and nothing is sent") {
  NEEDS(place::another_user());
  Peer peer;
  const auto secret = temporary_file("secret", "x");
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  CHECK(run({"send", peer.pid(), "m", "@" + secret}, {.unprivileged = true}).exit == 6);
  CHECK(peer.requests().empty());
}

TEST_CASE("JSON for a dotted name of no known type is refused, but for --raw") {
  Peer peer;
  auto result = run({"send", peer.pid(), "no.such.Type", "{\"a\":1}", "--json"});
  CHECK(result.exit == 2);
  CHECK(result.errors().at(0).at("kind") == "body");
  CHECK(peer.requests().empty());
  CHECK(run({"send", peer.pid(), "no.such.Type", "{\"a\":1}", "--raw"}).exit == 0);
  CHECK(peer.wait_requests(1)[0].body == "{\"a\":1}");
}

TEST_CASE("--style picks the dialect") {
  for (const std::string style : {"libprocess", "compactor", "legacy"}) {
    Peer peer;
    CHECK(run({"send", peer.pid(), "m", "b", "--style", style, "--id", "me"}).exit == 0);
    auto request = peer.wait_requests(1)[0];
    bool old = style != "libprocess";
    CHECK(request.line == std::string("POST /peer/m HTTP/1.") + (old ? "0" : "1"));
    CHECK(request.header("Libprocess-From").empty() == (style == "legacy"));
    CHECK(request.header("User-Agent").empty() == (style == "compactor"));
    CHECK(request.header("Content-Length") == (old ? "1" : ""));
    CHECK(request.body == "b");
  }
}

TEST_CASE("--dry-run writes the bytes that would be sent, and sends nothing") {
  Peer peer;
  auto result =
      run({"send", peer.pid("tgt"), "m", "hello", "--dry-run", "--id", "me", "--port", "77"});
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  std::string host = "127.0.0.1:" + std::to_string(peer.port());
  CHECK(result.out ==
        "POST /tgt/m HTTP/1.1\r\nUser-Agent: libprocess/me@127.0.0.1:77\r\nLibprocess-From: "
        "me@127.0.0.1:77\r\n"
        "Connection: Keep-Alive\r\nHost: " +
            host + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  auto without_port = run({"send", peer.pid("tgt"), "m", "--dry-run", "--id", "me"});
  CHECK(without_port.out.find("Libprocess-From: me@127.0.0.1:0\r\n") != std::string::npos);
  auto thrice = run({"send", peer.pid("tgt"), "m", "--dry-run", "--repeat", "3", "--size", "10"});
  CHECK(thrice.out.size() % 3 == 0);
  CHECK(peer.requests().empty());
}

TEST_CASE("--expect waits for the reply and prints it") {
  Served served({"echo", "--reply", "ask=answer:text", "--reply", "bin=answer:hex:00ff"});
  auto result = run({"send", served.pid(), "ask", "--expect", "answ*", "--json"});
  CHECK(result.exit == 0);
  auto message = result.events("message").at(0);
  CHECK(message.at("name") == "answer");
  CHECK(message.at("from") == served.pid());
  CHECK(message.at("body_text") == "text");
  CHECK(message.at("size") == 4);
  CHECK(message.at("time").get<std::string>().back() == 'Z');
  auto binary = run({"send", served.pid(), "bin", "--expect", "answer", "--json"});
  CHECK(binary.events("message").at(0).at("body_base64") == "AP8=");
  auto hex = run({"send", served.pid(), "bin", "--expect", "answer", "--json", "--body", "hex"});
  CHECK(hex.events("message").at(0).at("body_hex") == "00ff");
  auto none = run({"send", served.pid(), "bin", "--expect", "answer", "--json", "--body", "none"});
  for (const char* key : {"body", "body_text", "body_base64", "body_hex"}) {
    CHECK_FALSE(none.events("message").at(0).contains(key));
  }
}

TEST_CASE("the outcome is printed before the reply, whichever comes first") {
  // The reply is here before the 202: its connection is another one.
  Peer peer([](const Request& request) {
    const auto from = request.header("Libprocess-From");
    Client client(static_cast<std::uint16_t>(std::stoul(from.substr(from.rfind(':') + 1))));
    client.send(message(from.substr(0, from.find('@')), "answer", "x"));
    client.statuses(1);
    return response(202);
  });
  for (int round = 0; round < 5; ++round) {
    const auto lines = run({"send", peer.pid(), "m", "--expect", "answer", "--json"}).out_json();
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].at("type") == "delivery");
    CHECK(lines[1].at("type") == "message");
    CHECK(lines[2].at("type") == "summary");
  }
}

TEST_CASE("--expect without a reply is exit 4") {
  Served served({"echo", "--no-pong"});
  auto result =
      run({"send", served.pid(), "ping", "--expect", "pong", "--timeout", "300ms", "--json"});
  CHECK(result.exit == 4);
  CHECK(only_delivery(result).at("outcome") == "accepted");
  CHECK(result.errors().at(0).at("kind") == "timeout");
}

TEST_CASE("--expect does not wait when the message was not delivered") {
  Served served({"echo"});
  CHECK(run({"send", served.with_id("nobody"), "ping", "--expect", "pong", "--timeout", "20s"})
            .exit == 1);
}

TEST_CASE("--expect-from takes only that sender, and another one is noted") {
  Served other({"other"});
  // A peer whose answer comes from somebody else: it makes `other` look like the sender by forging.
  Peer peer([&](const Request& request) {
    auto from = request.header("Libprocess-From");
    auto port = static_cast<std::uint16_t>(std::stoul(from.substr(from.rfind(':') + 1)));
    auto id = from.substr(0, from.find('@'));
    std::thread([id, port, sender = other.pid()] {
      Client client(port);
      client.send(message(id, "answer", "x", sender));
      client.statuses(1);
    }).join();
    return response(202);
  });
  auto any = run({"send", peer.pid(), "ask", "--expect", "answer", "--json", "--id", "me"});
  CHECK(any.exit == 0);
  CHECK(any.err.find("not from " + peer.pid()) != std::string::npos);
  auto glob =
      run({"send", peer.pid(), "ask", "--expect", "answer", "--expect-from", "oth*", "--id", "me"});
  CHECK(glob.exit == 0);
  auto wrong = run({"send", peer.pid(), "ask", "--expect", "answer", "--expect-from", peer.pid(),
                    "--id", "me", "--timeout", "300ms"});
  CHECK(wrong.exit == 4);
}

TEST_CASE("--retry tries again while nobody listens") {
  auto port = free_port();
  auto to = "late@127.0.0.1:" + std::to_string(port);
  Background send({"send", to, "m", "b", "--json", "--retry", "1000", "--retry-delay", "20ms"});
  Served late({"late", "--port", std::to_string(port)});
  auto result = send.finish();
  CHECK(result.exit == 0);
  CHECK(only_delivery(result).at("outcome") == "accepted");
  auto given_up = run({"send", "a@127.0.0.1:" + std::to_string(free_port()), "m", "--retry", "2",
                       "--retry-delay", "10ms", "--json"});
  CHECK(given_up.exit == 3);
  CHECK(given_up.err_json().size() == 3);  // two notes, one error
}

TEST_CASE("--retry never sends bytes twice") {
  Peer peer([](const Request&) { return response(503); });
  CHECK(run({"send", peer.pid(), "m", "--retry", "5", "--retry-delay", "1ms"}).exit == 5);
  CHECK(peer.requests().size() == 1);
}

TEST_CASE("--repeat delivers each once and sums up") {
  Served served({"sink"});
  auto result = run({"send", served.pid(), "m", "--repeat", "3000", "--size", "100", "--json"});
  CHECK(result.exit == 0);
  CHECK(result.events("delivery").empty());
  auto summary = result.out_json().back();
  CHECK(summary.at("sent") == 3000);
  CHECK(summary.at("accepted") == 3000);
  CHECK(summary.at("failed") == 0);
  CHECK(summary.at("not_sent") == 0);
  CHECK(summary.at("messages_per_s").get<double>() > 0);
  CHECK(summary.at("ack").at("p50_us") <= summary.at("ack").at("p99_us"));
  auto end = served.stop(SIGTERM).out_json().back();
  CHECK(end.at("messages") == 3000);
  CHECK(end.at("bytes") == 300000);
}

TEST_CASE("--repeat -v tells every delivery, and the text has the rates") {
  Served served({"sink"});
  CHECK(
      run({"send", served.pid(), "m", "--repeat", "7", "--json", "-v"}).events("delivery").size() ==
      7);
  CHECK(run({"send", served.pid(), "m", "--repeat", "7"}).out.find("messages/s") !=
        std::string::npos);
}

TEST_CASE("--rate keeps the pace") {
  Served served({"sink"});
  auto result = run({"send", served.pid(), "m", "--repeat", "11", "--rate", "100/s", "--json"});
  CHECK(result.out_json().back().at("duration_s").get<double>() >= 0.1);
}

TEST_CASE("a failure stops --repeat, and what was not sent is counted") {
  std::atomic<int> count = 0;
  Peer peer([&](const Request&) { return response(++count == 3 ? 404 : 202); });
  auto result = run({"send", peer.pid(), "m", "--repeat", "50", "--rate", "100", "--json"});
  CHECK(result.exit == 1);
  auto summary = result.out_json().back();
  CHECK(summary.at("failed") == 1);
  CHECK(summary.at("sent").get<int>() + summary.at("not_sent").get<int>() == 50);
  CHECK(summary.at("not_sent").get<int>() > 0);
  count = 0;
  auto all = run({"send", peer.pid(), "m", "--repeat", "50", "--json", "--keep-going"});
  CHECK(all.exit == 1);
  CHECK(all.out_json().back().at("accepted") == 49);
}

TEST_CASE("-v shows both heads, -q nothing but the result") {
  Peer peer;
  auto loud = run({"send", peer.pid(), "m", "-v"});
  CHECK(loud.err.find("> POST /peer/m HTTP/1.1") != std::string::npos);
  CHECK(loud.err.find("< HTTP/1.1 202") != std::string::npos);
  CHECK(loud.err.find("our PID is") != std::string::npos);
  CHECK(run({"send", peer.pid(), "m", "-q"}).err.empty());
}

TEST_CASE("options may stand before and after the arguments") {
  Peer peer;
  CHECK(run({"send", "--json", "--timeout=3s", peer.pid(), "--id", "me", "m", "--raw", "b"}).exit ==
        0);
  CHECK(peer.wait_requests(1)[0].body == "b");
}

}  // namespace e2e_send_test
