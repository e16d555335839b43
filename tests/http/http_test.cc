#include <doctest/doctest.h>

#include <future>
#include <string>

#include "compactor/compactor.h"
#include "http/introspection.h"
#include "support/canned_server.h"

namespace http_http_test {

using namespace compactor::http;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

Server server_at(std::uint16_t port) {
  Server server;
  server.ip = "127.0.0.1";
  server.port = port;
  return server;
}

/// What get() makes of an answer.
Answer answer_to(const CannedAnswer& answer, const std::function<void(Server&)>& change = {}) {
  CannedServer canned([&](const std::string&) { return answer; });
  Server server = server_at(canned.port());
  if (change) change(server);
  return get(server, "/x");
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// `[]`, and 10,000 bytes of zero, as gzip(1) writes them.
const std::string kTwoBrackets =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x8b\x8e\x05\x00\x29\xbb\x4c\x0d\x02\x00\x00\x00"s;
const std::string kManyZeros =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7\x4f\x6d\x0e"
    "\x37\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\xdf\x00\x2e\xca\x3b\x4d\x10\x27\x00\x00"s;

std::string gzip_ok(const std::string& compressed) {
  return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
         std::to_string(compressed.size()) + "\r\n\r\n" + compressed;
}

}  // namespace

TEST_CASE("a body comes by length, by chunks, and up to the end of the connection") {
  CHECK(answer_to({ok("hello")}).body == "hello");
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";
  CHECK(answer_to({chunked}).body == "hello");
  CHECK(answer_to({gzip_ok(kTwoBrackets)}).body == "[]");
  const Answer to_the_end =
      answer_to({"HTTP/1.0 200 OK\r\nContent-Type: text/x\r\n\r\nhel\0lo"s.substr(0, 200)});
  CHECK(to_the_end.ok());
  CHECK(to_the_end.body == "hel\0lo"s);
  CHECK(to_the_end.content_type == "text/x");
}

TEST_CASE("a status that is not 200 is an answer, not a fault") {
  const Answer answer =
      answer_to({"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n404 Not Found."});
  CHECK(answer.fault == Fault::none);
  CHECK(answer.status == 404);
  CHECK(answer.body == "404 Not Found.");
  CHECK_FALSE(answer.ok());
}

TEST_CASE("answers of odd but legal form are read") {
  const auto body = [](const std::string& bytes) {
    CAPTURE(bytes);
    // The connection stays open: only the framing says where the answer ends.
    const Answer answer = answer_to({bytes, true});
    CHECK(answer.fault == Fault::none);
    CHECK(answer.status == 200);
    return answer.body;
  };
  CHECK(body("HTTP/1.1 100 Continue\r\n\r\n" + ok("[]")) == "[]");
  CHECK(body("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + ok("[]")) == "[]");
  CHECK(body("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
             ok("[]")) == "[]");
  CHECK(body("HTTP/1.1 200 OK\nContent-Length: 2\n\n[]") == "[]");
  CHECK(body("HTTP/1.1 200 OK\r\nContent-Length: 2\n\n[]") == "[]");
  CHECK(body("\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]") == "[]");
  CHECK(body("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n[]") == "[]");
  CHECK(body("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n[]") == "[]");
  CHECK(body("HTTP/1.1 200 " + std::string(70'000, 'x') + "\r\nContent-Length: 2\r\n\r\n[]") ==
        "[]");
  CHECK(body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n[]\r\n0\r\n"
             "Trailer: x\r\n\r\n") == "[]");
}

TEST_CASE("an answer without a body ends with its head") {
  for (const int status : {204, 304}) {
    CAPTURE(status);
    const Answer answer =
        answer_to({"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 5\r\n\r\n", true});
    CHECK(answer.fault == Fault::none);
    CHECK(answer.status == status);
    CHECK(answer.body.empty());
  }
}

TEST_CASE("what was not asked for is garbage with its reason") {
  const auto reason = [](const std::string& bytes) {
    CAPTURE(bytes);
    const Answer answer = answer_to({bytes, true});
    CHECK(answer.fault == Fault::garbage);
    CHECK(answer.body.empty());
    return answer.reason;
  };
  CHECK(reason("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI *").find("101") !=
        std::string::npos);
  CHECK(
      reason("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n[]").find("br") !=
      std::string::npos);
  CHECK(reason("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]")
            .find("not gzip") != std::string::npos);
  CHECK(reason("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]")
            .find("Content-Length") != std::string::npos);
  CHECK(reason("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n").find("Content-Length") !=
        std::string::npos);
  CHECK(reason("[]\r\n") == "the answer is not usable: not an HTTP response");
  CHECK(reason("ICY 200 OK\r\n\r\n") == "the answer is not usable: not an HTTP response");
}

TEST_CASE("each way to fail has its name") {
  CHECK(answer_to({""}).fault == Fault::closed);
  CHECK(answer_to({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"}).fault == Fault::cut);
  CHECK(answer_to({"HTTP/1.1 200 OK\r\nConte"}).fault == Fault::cut);
  CHECK(answer_to({"HTTP/1.1 100 Continue\r\n\r\n"}).fault == Fault::cut);
  CHECK(answer_to({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[]"}).fault ==
        Fault::cut);
  CHECK(answer_to({"SSH-2.0-OpenSSH_9.2\r\n"}).fault == Fault::garbage);
  CHECK(answer_to({"\x15\x03\x01\x00\x02\x02\x46"s}).fault == Fault::tls);
  const auto soon = [](Server& server) { server.timeout = 50ms; };
  CHECK(answer_to({"", true}, soon).fault == Fault::timed_out);
  CHECK(answer_to({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true}, soon).fault ==
        Fault::timed_out);

  std::uint16_t closed_port = 0;
  {
    closed_port = CannedServer([](const std::string&) { return CannedAnswer{}; }).port();
  }
  const Answer refused = get(server_at(closed_port), "/x");
  CHECK(refused.fault == Fault::unreachable);
  CHECK(refused.reason == "Connection refused");
  Server no_ip = server_at(1);
  no_ip.ip = "not an ip";
  CHECK(get(no_ip, "/x").fault == Fault::unreachable);
}

TEST_CASE("a request that waits can be cancelled") {
  int cancel[2];
  REQUIRE(::pipe(cancel) == 0);
  CannedServer silent([&](const std::string&) {
    ::close(cancel[1]);  // readable from now on
    return CannedAnswer{"", true};
  });
  Server server = server_at(silent.port());
  server.timeout = 1h;
  server.cancel_fd = cancel[0];
  CHECK(get(server, "/x").fault == Fault::cancelled);
  ::close(cancel[0]);
}

TEST_CASE("what a server makes us hold is bounded") {
  const auto small = [](Server& server) { server.max_body = 1000; };
  CHECK(answer_to({ok(std::string(1000, 'x'))}, small).ok());
  CHECK(answer_to({ok(std::string(1001, 'x'))}, small).fault == Fault::too_large);
  const std::string endless_head =
      "HTTP/1.1 200 OK\r\nX: " + std::string(std::size_t{1} << 20, 'x');
  CHECK(answer_to({endless_head, true}, small).fault == Fault::too_large);
  std::string many_headers = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 20000; ++i) many_headers += "X: y\r\n";
  CHECK(answer_to({many_headers, true}, small).fault == Fault::too_large);
  const std::string endless_chunk_size = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                         std::string(std::size_t{1} << 20, '0');
  CHECK(answer_to({endless_chunk_size, true}, small).fault == Fault::too_large);
  CHECK(answer_to({gzip_ok(kManyZeros)}, small).fault == Fault::too_large);
}

TEST_CASE("credentials are read from a line and sent as Basic authentication") {
  CHECK_FALSE(Credentials::parse("no colon"));
  CHECK_FALSE(Credentials::parse(":nobody"));
  CHECK_FALSE(Credentials::parse("a:b\x01"));
  const auto credentials = Credentials::parse("Aladdin:open:sesame\r\nsecond line\n");
  REQUIRE(credentials);
  CHECK(credentials->user == "Aladdin");
  CHECK(credentials->password == "open:sesame");

  CannedServer canned([](const std::string&) { return CannedAnswer{ok("")}; });
  Server server = server_at(canned.port());
  server.credentials = credentials;
  CHECK(get(server, "/a%20b?c=d").ok());
  const auto requests = canned.requests();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].starts_with("GET /a%20b?c=d HTTP/1.1\r\n"));
  CHECK(requests[0].find("Authorization: Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==\r\n") !=
        std::string::npos);
}

TEST_CASE("the recorded answers of the real libprocess are read") {
  CannedServer node(recorded({
      {"/__processes__", "libprocess/http-get-__processes__.txt"},
      {"/metrics/snapshot", "libprocess/http-get-metrics_snapshot.txt"},
      {"/help?format=json", "libprocess/http-get-help_format_json.txt"},
  }));
  const Server server = server_at(node.port());

  const auto processes = get_processes(server);
  REQUIRE(processes.value);
  CHECK(processes.value->size() == 12);
  CHECK(processes.value->at(9).id == "echo");
  CHECK(processes.value->at(9).events.empty());

  const auto metrics = get_metrics(server);
  REQUIRE(metrics.value);
  REQUIRE(metrics.value->size() == 6);
  CHECK(metrics.value->front().name == "system/cpus_total");
  CHECK(metrics.value->front().value == 2.0);

  const auto endpoints = get_endpoints(server);
  REQUIRE(endpoints.value);
  CHECK(endpoints.value->at(0).process == "echo");
  CHECK(endpoints.value->at(0).path == "/vars");
  CHECK(endpoints.value->at(1).summary ==
        "Sets the logging verbosity level for a specified duration.");

  const auto master = get_master_state(server);
  CHECK_FALSE(master.value);
  CHECK(master.answer.status == 404);
}

TEST_CASE("a recorded Mesos master is summarised") {
  CannedServer node(recorded({{"/master/state", "mesos/get-5050_master_state.txt"},
                              {"/__processes__", "mesos/get-5050___processes__.txt"},
                              {"/metrics/snapshot", "mesos/get-5050_metrics_snapshot.txt"}}));
  const auto state = get_master_state(server_at(node.port())).value;
  REQUIRE(state);
  CHECK(state->pid == "master@127.0.0.1:5050");
  CHECK(state->leader == "master@127.0.0.1:5050");
  CHECK(state->version == "1.12.0");
  CHECK(state->agents_active == 1);
  CHECK(state->agents_inactive == 0);
  CHECK(state->frameworks == 0);
  CHECK(state->elected_time > 1.79e9);
  CHECK(state->resources.at("cpus") == 8);
  CHECK(state->used_resources.at("mem") == 0);
  CHECK(get_processes(server_at(node.port())).value->size() == 30);
  CHECK(get_metrics(server_at(node.port())).value->size() > 100);
}

TEST_CASE("a recorded Mesos agent is summarised") {
  CannedServer node(recorded({{"/slave(1)/state", "mesos/get-5051_slave_1__state.txt"}}));
  const auto state = get_agent_state(server_at(node.port()), "slave(1)").value;
  REQUIRE(state);
  CHECK(state->pid == "slave(1)@127.0.0.1:5051");
  CHECK(state->id == "b1fe3be9-9a46-4b27-98b1-a93e73c26be6-S0");
  CHECK(state->version == "1.12.0");
  CHECK(state->master == "localhost");
  CHECK(state->frameworks == 0);
  CHECK(state->tasks == 0);
  CHECK(state->resources.at("cpus") == 8);
  CHECK(state->used_resources.empty());
  CHECK(get_agent_state(server_at(node.port()), "slave(2)").answer.status == 404);
}

TEST_CASE("bytes of a queued body come through JSON that is no UTF-8") {
  // libprocess escapes controls, and writes everything else as it is.
  const std::string body =
      R"([{"id":"p","events":[{"type":"MESSAGE","name":"n","from":"f@1.2.3.4:5","to":"p@1.2.3.4:6",)"
      R"("body":"\n\u0004)"
      "\xc3\x28\xff\xc3\xa9"
      R"(\u0000\u20ac"},{"type":"EXITED","pid":"q@1.2.3.4:5"},)"
      R"({"type":"HTTP","method":"GET","url":"/x"},{"type":"DISPATCH"},17,)"
      // A node of this library writes the bytes too.
      R"({"type":"MESSAGE","name":"n","body":"\b\ufffd","body_base64":"CP8="}]}])";
  CannedServer node([&](const std::string&) { return CannedAnswer{ok(body)}; });
  const auto processes = get_processes(server_at(node.port())).value;
  REQUIRE(processes);
  const auto& events = processes->at(0).events;
  REQUIRE(events.size() == 5);
  CHECK(events[4].body == "\x08\xff");
  CHECK(events[0].is_message());
  CHECK(events[0].body == "\x0a\x04\xc3\x28\xff\xc3\xa9\0\xe2\x82\xac"s);
  CHECK(events[1].from == "q@1.2.3.4:5");
  CHECK(events[2].name == "/x");
  CHECK(events[3].kind == "DISPATCH");
}

TEST_CASE("an answer that is not what the path answers is garbage with a reason") {
  const std::string deep(100'000, '[');
  for (const std::string& body : {""s, "<html>"s, "[1,2]"s, "{}"s, "[[[[[["s, "\"text\""s, "null"s,
                                  "[1e5669]"s, "[]\0[]"s, deep}) {
    CAPTURE(body);
    CannedServer node([&](const std::string&) { return CannedAnswer{ok(body)}; });
    const Server server = server_at(node.port());
    const auto processes = get_processes(server);
    CHECK_FALSE(processes.value);
    CHECK(processes.answer.fault == Fault::garbage);
    CHECK_FALSE(processes.answer.reason.empty());
    CHECK_FALSE(get_endpoints(server).value);
    CHECK_FALSE(get_master_state(server).value);
  }
}

TEST_CASE("an answer of more values than any node has is not parsed") {
  std::string body = "[0";
  for (int i = 0; i < 10'000'000; ++i) body += ",0";
  CannedServer node([&](const std::string&) { return CannedAnswer{ok(body + "]")}; });
  const auto processes = get_processes(server_at(node.port()));
  CHECK(processes.answer.reason == "the answer is JSON of too many values");
}

TEST_CASE("a node of this library is read") {
  compactor::Options options;
  options.ip = "127.0.0.1";
  compactor::Context context(options);
  context.route("/sleepy", [](const compactor::HttpRequest&) { return compactor::HttpResponse{}; });
  context.spawn<compactor::Process>("busy");
  const Server server = server_at(context.address().port);

  const auto processes = get_processes(server);
  REQUIRE(processes.value);
  REQUIRE(processes.value->size() == 1);
  CHECK(processes.value->at(0).id == "busy");
  const auto metrics = get_metrics(server);
  REQUIRE(metrics.value);
  const auto endpoints = get_endpoints(server);
  REQUIRE(endpoints.value);
  CHECK(std::any_of(endpoints.value->begin(), endpoints.value->end(),
                    [](const Endpoint& e) { return e.process == "sleepy" && e.path == "/"; }));
  CHECK(get_master_state(server).answer.status == 404);
}

}  // namespace http_http_test
