#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "support/harness.h"
#include "support/place.h"

namespace e2e_sniff_test {

using namespace e2e;

namespace {

const std::string framework = TEST_DATA "/captures/mesos/test-framework.pcap";
const std::string ping_pong = TEST_DATA "/captures/compactor/01-ping-pong.pcap";
const std::string leader = BUILD_ROOT "/example_leader";

std::string address_of(const Served& served) {
  return "127.0.0.1:" + std::to_string(served.port());
}

std::string contents(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What stands in an SVG, a line for each text; fails the test when it is no XML.
std::string texts_of(const std::string& svg) {
  const auto read =
      run({"-c",
           "import sys, xml.etree.ElementTree as xml\n"
           "for text in xml.parse(sys.argv[1]).iter('{http://www.w3.org/2000/svg}text'):\n"
           "    print(text.text or '')\n",
           svg},
          {.environment = {{"PYTHONIOENCODING", "utf-8"}}, .program = "python3"});
  CAPTURE(read.err);
  CHECK(read.exit == 0);
  return read.out;
}

}  // namespace

TEST_CASE("live: a message on the loopback interface, with its answer") {
  NEEDS(place::live_capture());
  Served served({"x"});
  Background sniff(
      {"sniff", "-i", "lo", "--port", std::to_string(served.port()), "--json", "-c", "1"});
  // Again and again, as nothing tells when the capture has begun.
  Background send({"send", served.pid(), "greet", "hello", "--repeat", "600", "--rate", "20/s"});
  const Json seen = sniff.event("message");
  CHECK(seen.at("to") == served.pid());
  CHECK(seen.at("name") == "greet");
  CHECK(seen.at("body_text") == "hello");
  CHECK(seen.at("status") == 202);
  const Result result = sniff.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("kernel_drops") == 0);
}

TEST_CASE("live and as a proxy: on what it listens and as whom stands on stderr") {
  NEEDS(place::live_capture());
  Background live(
      {"sniff", "-i", "lo", "--port", "1", "--port", "2", "--json", "host", "10.0.0.1"});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  live.signal(SIGTERM);
  const auto notes = live.finish().err_json();
  REQUIRE_FALSE(notes.empty());
  CHECK(has(notes[0].at("message"), "listening on lo, ports 1, 2, filter host 10.0.0.1 as nobody"));
  CHECK(has(notes[0].at("message"), "no longer root (-Z)"));
  const auto port = std::to_string(free_port());
  Background proxy({"sniff", "--proxy", "127.0.0.1:" + port + "=127.0.0.1:1", "--json"});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  proxy.signal(SIGTERM);
  const auto told = proxy.finish().err_json();
  REQUIRE_FALSE(told.empty());
  CHECK(told[0].at("message") == "listening on port " + port + " as nobody, no longer root (-Z)");
  const Result quiet = run({"sniff", "-r", ping_pong, "--json"});
  CHECK(quiet.err == "");
}

TEST_CASE("TLS is told, and counted") {
  const Result result = run({"sniff", "-r", TEST_DATA "/tls/both-on-one-port.pcap", "--json"});
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("tls") == 6);
  REQUIRE(result.err_json().size() == 1);
  CHECK(has(result.err_json()[0].at("message"), "speaks TLS"));
  const Result plain = run({"sniff", "-r", ping_pong, "--json"});
  CHECK(plain.out_json().back().at("tls") == 0);
  CHECK(plain.err == "");
}

TEST_CASE("live: what the kernel dropped is told, with the remedy") {
  NEEDS(place::live_capture());
  Served served({"x"});
  // Room for the first message, and not for the flood: 4k would lose nearly all.
  Background sniff({"sniff", "-i", "lo", "--port", std::to_string(served.port()), "--json", "-B",
                    "1m", "--body", "none"});
  Background send({"send", served.pid(), "greet", "hello", "--repeat", "600", "--rate", "20/s"});
  sniff.event("message");
  send.signal(SIGTERM);
  send.finish();
  sniff.signal(SIGSTOP);
  CHECK(run({"send", served.pid(), "load", "--repeat", "5000", "--size", "1k"}).exit == 0);
  sniff.signal(SIGCONT);
  sniff.signal(SIGTERM);
  const Result result = sniff.finish();
  CHECK(result.out_json().back().at("kernel_drops") > 0);
  CHECK(has(result.err, "dropped by the kernel: -B makes its buffer larger"));
}

TEST_CASE("without the privilege to capture: exit 6 and the command that grants it") {
  NEEDS(place::another_user());
  const Result result = run({"sniff", "-i", "lo", "--json"}, {.unprivileged = true});
  CHECK(result.exit == 6);
  REQUIRE(result.errors().size() == 1);
  const std::string hint = result.errors()[0].at("hint");
  // That and no more: to see packets, not to change the network.
  CHECK(has(hint, "sudo setcap cap_net_raw=ep /"));
  CHECK(hint.find("cap_") == hint.rfind("cap_"));
}

TEST_CASE("-D lists the interfaces, for people and for programs") {
  const Result text = run({"sniff", "-D"});
  CHECK(text.exit == 0);
  CHECK(text.out.find("lo  up  loopback") != std::string::npos);
  bool found = false;
  for (const Json& device : run({"sniff", "-D", "--json"}).events("interface")) {
    if (device.at("name") == "lo") found = device.at("loopback").get<bool>();
  }
  CHECK(found);
}

TEST_CASE("bodies are decoded by their names, and matched at any depth") {
  const auto running =
      run({"sniff", "-r", framework, "--json", "--match", "status.state=TASK_RUNNING"})
          .events("message");
  REQUIRE(!running.empty());
  for (const Json& message : running)
    CHECK(message.at("body").dump().find("TASK_RUNNING") != std::string::npos);
  CHECK(run({"sniff", "-r", framework, "--match", "status.state=TASK_LOST"}).exit == 1);
  const auto all = run({"sniff", "-r", framework, "--json"}).events("message");
  CHECK(all.size() == 79);
  for (const Json& message : all) CHECK(message.at("body_type") == message.at("name"));
}

TEST_CASE("what sniff records, send repeats byte for byte") {
  const Result recorded = run({"sniff", "-r", framework, "--json"});
  std::string input;
  std::size_t whole = 0;
  for (const Json& line : recorded.events("message")) {
    if (line.contains("partial")) continue;
    ++whole;
    input += line.dump() + "\n";
  }
  Served served({"x", "--no-pong", "--body", "base64", "--count", std::to_string(whole)});
  const Result sent =
      run({"send", "--batch", "-", "--to", served.pid(), "--json"}, {.input = input});
  CHECK(sent.exit == 0);
  CHECK(sent.events("delivery").size() == whole);
  const auto again = served.process().finish().events("message");
  const auto bytes =
      run({"sniff", "-r", framework, "--json", "--body", "base64"}).events("message");
  REQUIRE(again.size() == whole);
  std::size_t at = 0;
  for (const Json& original : bytes) {
    if (original.contains("partial")) continue;
    CHECK(again[at].value("body_base64", "") == original.value("body_base64", ""));
    CHECK(again[at++].at("name") == original.at("name"));
  }
}

TEST_CASE("a recording is not sent where it came from by accident") {
  const Json line = run({"sniff", "-r", framework, "--json"}).events("message").back();
  const Result result =
      run({"send", "a@127.0.0.1:1", "--batch", "-", "--json"}, {.input = line.dump() + "\n"});
  CHECK(result.exit == 2);
}

TEST_CASE("through a proxy: what passes is shown, and passes") {
  Served served({"x"});
  const std::string port = std::to_string(free_port());
  Background sniff({"sniff", "--proxy", "127.0.0.1:" + port + "=" + address_of(served), "--json"});
  Result sent;
  // Until the proxy listens.
  for (int i = 0; i < 300 && sent.exit != 0; ++i) {
    sent = run({"send", "x@127.0.0.1:" + port, "greet", "hello"});
  }
  CHECK(sent.exit == 0);
  CHECK(served.message().at("body_text") == "hello");
  const Json seen = sniff.event("message");
  CHECK(seen.at("to") == served.pid());
  CHECK(seen.at("status") == 202);
  sniff.signal(SIGINT);
  CHECK(sniff.finish().exit == 0);
}

TEST_CASE("--diagram: the messages of a file as a picture, which is well-formed") {
  const auto svg = temporary_file("ping-pong.svg", "an old one, and longer than what comes");
  const auto drawn = run({"sniff", "-r", ping_pong, "--diagram", svg});
  CHECK(drawn.exit == 0);
  CHECK(drawn.out == run({"sniff", "-r", ping_pong}).out);
  CHECK(texts_of(svg) ==
        "+0.000000 s\nping · 5 B\n+0.002005 s\npong · 5 B\n"
        "client\n127.0.0.1:15052\necho\n127.0.0.1:15051\n"
        "client\n127.0.0.1:15052\necho\n127.0.0.1:15051\n");
}

TEST_CASE("--diagram: every message that is shown is drawn, and no other") {
  const auto svg = temporary_file("framework.svg", "");
  const auto seen =
      run({"sniff", "-r", framework, "--json", "--name", "*Message", "--diagram", svg});
  std::map<std::string, std::size_t> told, drawn;
  for (const Json& message : seen.events("message")) ++told[message.at("name")];
  std::istringstream texts(texts_of(svg));
  for (std::string line; std::getline(texts, line);) {
    if (const auto end = line.find(" · "); end != std::string::npos) ++drawn[line.substr(0, end)];
  }
  CHECK(told.size() > 1);
  CHECK(drawn == told);
}

TEST_CASE("--diagram: source for Mermaid") {
  const auto mmd = temporary_file("unknown.mmd", "");
  const std::string capture = TEST_DATA "/captures/compactor/10-unknown-mailbox.pcap";
  CHECK(run({"sniff", "-r", capture, "--diagram", mmd}).exit == 0);
  CHECK(contents(mmd) ==
        "sequenceDiagram\n"
        "    participant p1 as client<br/>127.0.0.1:15052\n"
        "    participant p2 as echo<br/>127.0.0.1:15051\n"
        "    p1-xp2: nosuch · 5 B · 405\n");
}

TEST_CASE("--diagram: gaps, also where no message was seen") {
  const auto svg = temporary_file("gaps.svg", "");
  const std::string capture = TEST_DATA "/captures/compactor/03-body-100k.pcap";
  CHECK(run({"sniff", "-r", capture, "less 20000", "--diagram", svg}).exit == 1);
  CHECK(texts_of(svg) ==
        "gap of 100117 bytes not captured, 127.0.0.1:40092 → 127.0.0.1:15052\n"
        "gap of 100117 bytes not captured, 127.0.0.1:54814 → 127.0.0.1:15051\n"
        "no message seen\n");
}

TEST_CASE("--diagram: an answer that came later than it was waited for") {
  std::promise<void> shown;
  Peer peer([&](const Request&) {
    shown.get_future().wait_for(patience);
    return response(404);
  });
  const std::string port = std::to_string(free_port());
  const auto svg = temporary_file("late.svg", "");
  Background sniff({"sniff", "--proxy",
                    "127.0.0.1:" + port + "=127.0.0.1:" + std::to_string(peer.port()), "--json",
                    "--answer-wait", "50ms", "--diagram", svg});
  Background send({"send", "x@127.0.0.1:" + port, "greet", "hello", "--retry", "300",
                   "--retry-delay", "100ms", "--timeout", "30s"});
  CHECK(sniff.event("message").at("status").is_null());
  shown.set_value();
  CHECK(sniff.event("answer").at("status") == 404);
  sniff.signal(SIGINT);
  CHECK(sniff.finish().exit == 0);
  CHECK(has(texts_of(svg), "\ngreet · 5 B · 404\n"));
}

TEST_CASE("--diagram, live, until SIGINT: a follower registers with its leader") {
  NEEDS(place::live_capture());
  Background lead({"lead"}, {.program = leader});
  const std::string pid = lead.line().value();
  const std::string port = std::to_string(free_port());
  const auto svg = temporary_file("leader.svg", "");
  Background sniff({"sniff", "-i", "lo", "--port", pid.substr(pid.rfind(':') + 1), "--port", port,
                    "--json", "--diagram", svg});
  // Again and again, as nothing tells when the capture has begun.
  Background knock({"send", pid, "knock", "--repeat", "600", "--rate", "20/s"});
  CHECK(sniff.event("message").at("name") == "knock");
  CHECK(
      run({"follow", pid}, {.environment = {{"LIBPROCESS_PORT", port}}, .program = leader}).exit ==
      0);
  while (sniff.event("message").at("name") != "registered") {
  }
  CHECK(contents(svg).empty());
  sniff.signal(SIGINT);
  CHECK(sniff.finish().exit == 0);
  const auto texts = texts_of(svg);
  for (const char* text : {"\nfollower\n", "\nleader\n", "\nknock · 0 B", "\nregister · 16 B\n",
                           "\nregistered · 16 B\n"}) {
    CAPTURE(text);
    CHECK(has(texts, text));
  }
}

TEST_CASE("--diagram, through a proxy: more than it can show is counted, with one warning") {
  Served served({"x", "-q"});
  const std::string port = std::to_string(free_port());
  // Its folder is closed to the user that sniff becomes.
  const auto svg = temporary_file("flood.svg", "");
  Background sniff({"sniff", "--proxy", "127.0.0.1:" + port + "=" + address_of(served), "--json",
                    "-c", "2003", "--diagram", svg});
  const auto sent = run({"send", "x@127.0.0.1:" + port, "greet", "hello", "--repeat", "2003",
                         "--retry", "300", "--retry-delay", "100ms"});
  CHECK(sent.exit == 0);
  const Result result = sniff.finish();
  CHECK(result.exit == 0);
  std::size_t warnings = 0;
  for (const Json& line : result.err_json()) {
    if (line.at("type") != "warning") continue;
    ++warnings;
    CHECK(has(line.at("message"), "3 more than"));
  }
  CHECK(warnings == 1);
  CHECK(has(texts_of(svg), "\nand 3 more not drawn\n"));
}

TEST_CASE("--diagram: other files than the two kinds are refused before anything is written") {
  for (const char* name : {"talk.png", "talk", "svg", "-", "talk.SVG", ""}) {
    CAPTURE(name);
    const Result result = run({"sniff", "-r", "/no/such/capture", "--json", "--diagram", name});
    CHECK(result.exit == 2);
    CHECK(result.out.empty());
    REQUIRE(result.errors().size() == 1);
    CHECK(has(result.errors()[0].at("message"), ".svg"));
    CHECK(has(result.errors()[0].at("message"), ".mmd"));
  }
}

TEST_CASE("--diagram: a file that cannot be written is exit 6, before anything is captured") {
  NEEDS(place::live_capture());
  const std::string nowhere = "/no/such/folder/talk.svg";
  for (const Arguments& source :
       {Arguments{"-r", ping_pong}, Arguments{"-i", "lo"}, Arguments{"--proxy", "0=127.0.0.1:1"}}) {
    CAPTURE(source);
    Arguments arguments{"sniff", "--json", "--diagram", nowhere};
    arguments.insert(arguments.end(), source.begin(), source.end());
    const Result result = run(arguments);
    CHECK(result.exit == 6);
    CHECK(result.out.empty());
    REQUIRE(result.errors().size() == 1);
    CHECK(has(result.errors()[0].at("message"), nowhere));
  }
}

TEST_CASE("--diagram: a full disk is exit 6") {
  const auto full = temporary_file("full.svg", "");
  std::filesystem::remove(full);
  std::filesystem::create_symlink("/dev/full", full);
  const Result result = run({"sniff", "-r", ping_pong, "--json", "--diagram", full});
  CHECK(result.exit == 6);
  CHECK(result.events("message").size() == 2);
  REQUIRE(result.errors().size() == 1);
  CHECK(has(result.errors()[0].at("message"), "No space left"));
}

}  // namespace e2e_sniff_test
