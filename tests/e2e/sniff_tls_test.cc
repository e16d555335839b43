// sniff and trace on connections that speak TLS: named, counted, and opened with keys.
#include <doctest/doctest.h>
#include <signal.h>

#include <fstream>

#include "support/harness.h"
#include "support/json_schema.h"

namespace e2e_sniff_tls_test {

using namespace e2e;

namespace {

const std::string ping_pong = TEST_DATA "/tls/pingpong-both-linked.pcap";
const std::string ping_pong_key = TEST_DATA "/tls/pingpong-both-linked.key";
const std::string both = TEST_DATA "/tls/both-on-one-port.pcap";

void check_ledger(const Json& summary) {
  CHECK(summary.at("stream_bytes") == summary.at("message_bytes").get<std::uint64_t>() +
                                          summary.at("http_bytes").get<std::uint64_t>() +
                                          summary.at("passed_over_bytes").get<std::uint64_t>() +
                                          summary.at("gap_bytes").get<std::uint64_t>() +
                                          summary.at("tls_bytes").get<std::uint64_t>());
}

void check_schema(const Result& result) {
  static const JsonSchemas schemas(SOURCE_ROOT "/tools/json");
  for (const auto& line : result.out_json()) CHECK(schemas.fault_of(line) == "");
}

}  // namespace

TEST_CASE("TLS is named as what it is, and is no trouble") {
  const Result result = run({"sniff", "-r", ping_pong, "--json", "--strict"});
  check_schema(result);
  const auto found = result.events("tls");
  REQUIRE(found.size() == 3);
  std::uint64_t bytes = 0;
  for (const auto& each : found) {
    CHECK(each.at("version") == "TLSv1.2");
    CHECK(each.at("cipher") == "AES128-SHA");
    CHECK_FALSE(each.contains("server_name"));
    CHECK_FALSE(each.contains("opened"));
    CHECK_FALSE(each.contains("reason"));
    bytes += each.at("bytes").get<std::uint64_t>();
  }
  const Json summary = result.out_json().back();
  CHECK(summary.at("tls") == 3);
  CHECK(summary.at("tls_bytes") == bytes);
  CHECK(summary.at("passed_over_bytes") == 0);
  check_ledger(summary);
  REQUIRE(result.err_json().size() == 1);
  CHECK(has(result.err_json()[0].at("message"), "cannot be read without a key"));
}

TEST_CASE("a server's key opens what a libprocess at its defaults has said") {
  const Result result = run({"sniff", "-r", ping_pong, "--json", "--strict", "--connections",
                             "--tls-key", ping_pong_key});
  CHECK(result.exit == 0);
  CHECK(result.err == "");
  check_schema(result);
  std::map<std::string, int> names;
  for (const auto& message : result.events("message")) {
    ++names[message.at("name").get<std::string>()];
    CHECK(message.at("status") == 202);
    CHECK(message.at("latency_us") > 50.0);
    CHECK(message.at("latency_us") < 50'000.0);
    CHECK_FALSE(message.contains("partial"));
    CHECK_FALSE(message.contains("uncertain"));
  }
  CHECK(names["ping"] == 20);
  CHECK(names["pong"] == 20);
  for (const auto& each : result.events("tls")) {
    CHECK(each.at("opened") == true);
    CHECK_FALSE(each.contains("reason"));
  }
  const auto connections = result.events("connection");
  CHECK(std::count_if(connections.begin(), connections.end(),
                      [](const Json& each) { return each.value("tls", "") == "TLSv1.2"; }) == 3);
  const Json summary = result.out_json().back();
  CHECK(summary.at("tls") == 3);
  CHECK(summary.at("http") == 1);
  CHECK(summary.at("passed_over_bytes") == 0);
  CHECK(summary.at("tls_bytes") > 5'000);
  CHECK(summary.at("message_bytes") > 10'000);
  check_ledger(summary);
}

TEST_CASE("the plain GET of curl over TLS is plain HTTP, and filters look inside") {
  const Result result = run({"sniff", "-r", ping_pong, "--json", "--http", "--name", "*/vars",
                             "--tls-key", ping_pong_key});
  REQUIRE(result.events("http").size() == 1);
  CHECK(result.events("http")[0].at("url") == "/echo/vars");
  CHECK(result.events("message").empty());
}

TEST_CASE("what is not opened says why") {
  const auto other = temporary_file("other.key", "");
  REQUIRE(run({"genrsa", "-out", other, "2048"}, {.program = "openssl"}).exit == 0);
  const Result wrong = run({"sniff", "-r", ping_pong, "--json", "--tls-key", other});
  CHECK(wrong.exit == 1);
  check_schema(wrong);
  REQUIRE(wrong.events("tls").size() == 3);
  for (const auto& each : wrong.events("tls")) {
    CHECK(each.at("opened") == false);
    CHECK(each.at("reason") == "no key that was given is its server's");
  }
  // Of several keys any may fit.
  const Result right =
      run({"sniff", "-r", ping_pong, "--json", "--tls-key", other, "--tls-key", ping_pong_key});
  CHECK(right.events("message").size() == 41);
  const auto log = temporary_file("other.log", "CLIENT_RANDOM " + std::string(64, '0') + " 00\n");
  const Result unknown = run({"sniff", "-r", ping_pong, "--json", "--tls-keylog", log});
  CHECK(unknown.events("tls").at(0).at("reason") == "the key log has no secret of it");
}

TEST_CASE("plain and TLS on one port: hellos that nobody answers, and text beside them") {
  const Result result = run({"sniff", "-r", both, "--json", "--tls-key", ping_pong_key});
  CHECK(result.exit == 0);
  check_schema(result);
  REQUIRE(result.events("tls").size() == 6);
  for (const auto& each : result.events("tls")) CHECK(each.at("version") == "TLSv1.2");
  CHECK(result.events("message").size() == 10);
  const Json summary = result.out_json().back();
  CHECK(summary.at("passed_over_bytes") == 0);
  check_ledger(summary);
}

TEST_CASE("files that are no keys are exit 6, and name the option and the file") {
  const auto log = temporary_file("keys.log", "this is no key log\n");
  const std::pair<std::string, std::string> bad[] = {{"--tls-key", "/nonexistent.key"},
                                                     {"--tls-key", ping_pong},
                                                     {"--tls-keylog", "/nonexistent"},
                                                     {"--tls-keylog", log},
                                                     {"--tls-keylog", ping_pong_key}};
  for (const std::string command : {"sniff", "trace"}) {
    for (const auto& each : bad) {
      const auto& option = each.first;  // clang 14 cannot capture a structured binding
      const auto& file = each.second;
      CAPTURE(option);
      CAPTURE(file);
      const Result result = run({command, "-r", ping_pong, "--json", option, file});
      CHECK(result.exit == 6);
      CHECK(result.out == "");
      REQUIRE(result.errors().size() == 1);
      CHECK(has(result.errors()[0].at("message"), option + " " + file + ": "));
    }
  }
}

TEST_CASE("as text: one line for each, which fits, and the last lines count it") {
  const Result closed = run({"sniff", "-r", ping_pong});
  CHECK(has(closed.out, "127.0.0.1:41818 → 127.0.0.1:7641  #1 TLSv1.2 AES128-SHA, 12.0 kB\n"));
  CHECK(
      has(closed.out, "0 passed over, 25606 of TLS, 0 in 0 gaps\n3 reset, 3 connections of TLS\n"));
  const Result opened = run({"sniff", "-r", ping_pong, "--tls-key", ping_pong_key});
  CHECK(has(opened.out, "#1 TLSv1.2 AES128-SHA, 12.0 kB, opened\n"));
  const Result failed = run({"sniff", "-r", both, "--tls-key", ping_pong_key});
  CHECK(has(failed.out, "not opened: the\n    handshake failed: decode_error (alert 50)"));
}

TEST_CASE("what was printed of TLS can be read again") {
  const Result first = run({"sniff", "-r", ping_pong, "--json", "--tls-key", ping_pong_key});
  const auto recording = temporary_file("recording.ndjson", first.out);
  const Result again = run({"sniff", "-r", recording, "--json"});
  CHECK(again.err == "");
  CHECK(again.events("message") == first.events("message"));
  auto sorted = [](std::vector<Json> events) {
    std::sort(events.begin(), events.end());
    return events;
  };
  CHECK(sorted(again.events("tls")) == sorted(first.events("tls")));
}

TEST_CASE("trace reads what is inside, and tells of what it could not") {
  const Result opened = run({"trace", "-r", ping_pong, "--json", "--tls-key", ping_pong_key});
  CHECK(opened.exit == 0);
  check_schema(opened);
  CHECK(opened.events("tls").empty());
  for (const auto& finding : opened.events("finding")) CHECK(finding.at("code") == "exited");
  const Json summary = opened.events("summary").at(0);
  CHECK(summary.at("messages") == 41);
  CHECK(summary.at("tls") == 3);
  const Result closed = run({"trace", "-r", ping_pong, "--json", "--fail-on", "info"});
  CHECK(closed.exit == 0);
  check_schema(closed);
  CHECK(closed.events("tls").size() == 3);
  CHECK(closed.events("summary").at(0).at("tls_bytes") == 25'606);
}

TEST_CASE("through a proxy it is told while the connection lives") {
  const auto port = std::to_string(free_port());
  const auto upstream = std::to_string(free_port());
  // A server that only listens, and a client that says half of a hello.
  Background silent({"-c",
                     "import socket, time\n"
                     "l = socket.create_server(('127.0.0.1', " +
                         upstream +
                         "))\n"
                         "for i in range(300):\n"
                         "  try: s = socket.create_connection(('127.0.0.1', " +
                         port +
                         ")); break\n"
                         "  except OSError: time.sleep(.1)\n"
                         "s.sendall(bytes.fromhex('16030102000100'))\n"
                         "time.sleep(60)\n"},
                    {.program = "python3"});
  Background sniff({"sniff", "--json", "--proxy", "127.0.0.1:" + port + "=127.0.0.1:" + upstream});
  const Json told = sniff.event("tls");
  CHECK(told.at("bytes") == 7);
  CHECK_FALSE(told.contains("version"));
  silent.signal(SIGKILL);
  sniff.signal(SIGTERM);
  CHECK(sniff.finish().events("tls").empty());
}

TEST_CASE("through a proxy it is opened while it passes") {
  const auto port = std::to_string(free_port());
  const auto upstream = std::to_string(free_port());
  const auto key = temporary_file("server.key", "");
  const auto certificate = temporary_file("server.pem", "");
  REQUIRE(run({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key,
               "-out", certificate},
              {.program = "openssl"})
              .exit == 0);
  // As a libprocess at its defaults.
  Background both_ends(
      {"-c",
       "import socket, ssl, sys, threading, time\n"
       "port, upstream, key, certificate = sys.argv[1:]\n"
       "def context(side):\n"
       "  made = ssl.SSLContext(side)\n"
       "  made.check_hostname = False\n"
       "  made.verify_mode = ssl.CERT_NONE\n"
       "  made.maximum_version = ssl.TLSVersion.TLSv1_2\n"
       "  made.set_ciphers('AES128-SHA:@SECLEVEL=0')\n"
       "  return made\n"
       "server = context(ssl.PROTOCOL_TLS_SERVER)\n"
       "server.load_cert_chain(certificate, key)\n"
       "listening = socket.create_server(('127.0.0.1', int(upstream)))\n"
       "def serve():\n"
       "  connection = server.wrap_socket(listening.accept()[0], server_side=True)\n"
       "  for status in (b'202 Accepted', b'404 Not Found'):\n"
       "    connection.recv(65536)\n"
       "    connection.sendall(b'HTTP/1.1 ' + status + b'\\r\\nContent-Length: 0\\r\\n\\r\\n')\n"
       "threading.Thread(target=serve).start()\n"
       "for i in range(300):\n"
       "  try: plain = socket.create_connection(('127.0.0.1', int(port))); break\n"
       "  except OSError: time.sleep(.1)\n"
       "client = context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain)\n"
       "for name in (b'greet', b'nosuch'):\n"
       "  client.sendall(b'POST /x/' + name + b' HTTP/1.1\\r\\nUser-Agent: "
       "libprocess/a@127.0.0.1:1'\n"
       "                 b'\\r\\nContent-Length: 2\\r\\n\\r\\nhi')\n"
       "  client.recv(65536)\n"
       "time.sleep(60)\n",
       port, upstream, key, certificate},
      {.program = "python3"});
  Background sniff({"sniff", "--json", "--proxy", "127.0.0.1:" + port + "=127.0.0.1:" + upstream,
                    "--tls-key", key});
  const Json first = sniff.event("message");
  CHECK(first.at("name") == "greet");
  CHECK(first.at("body_text") == "hi");
  CHECK(first.at("status") == 202);
  const Json second = sniff.event("message");
  CHECK(second.at("name") == "nosuch");
  CHECK(second.at("status") == 404);
  const Json told = sniff.event("tls");
  CHECK(told.at("opened") == true);
  CHECK(told.at("cipher") == "AES128-SHA");
  sniff.signal(SIGTERM);
  const Json summary = sniff.finish().out_json().back();
  CHECK(summary.at("passed_over_bytes") == 0);
  check_ledger(summary);
}

}  // namespace e2e_sniff_tls_test
