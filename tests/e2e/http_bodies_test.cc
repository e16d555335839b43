// sniff --http: bodies that are not what their URL says, and bodies of which only the beginning is
// kept.
#include <doctest/doctest.h>
#include <signal.h>

#include "support/harness.h"

namespace e2e_http_bodies_test {

using namespace e2e;

namespace {

constexpr std::size_t kept = 65536;
const std::string call = R"({"type":"DECLINE","framework_id":{"value":"F"}})";

std::string answer(const std::string& head, const std::string& body) {
  return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string post(const std::string& url, const std::string& type, const std::string& body) {
  return "POST " + url + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// What sniff shows of such a request, through a proxy.
Result sniffed(const std::string& request, const std::string& reply, const Arguments& more = {}) {
  Peer peer([&](const Request&) { return reply; });
  Arguments command{"sniff", "--http", "-c", "1"};
  command.insert(command.end(), more.begin(), more.end());
  Proxied sniff(command, peer.port());
  Client client(sniff.port());
  client.send(request);
  client.statuses(1);
  return sniff.process().finish();
}

Json http(const std::string& request, const std::string& reply) {
  const auto result = sniffed(request, reply, {"--json"});
  const auto lines = result.events("http");
  REQUIRE(lines.size() == 1);
  auto line = lines[0];
  line["undecodable"] = result.events("summary").at(0).value("undecodable", 0);
  return line;
}

}  // namespace

TEST_CASE("an answer that cannot be read is not told as one that never came") {
  Peer peer([](const Request&) { return "HTTP/1.1 200 OK\r\nServer : x\r\n\r\n"; });
  for (const bool json : {true, false}) {
    Proxied sniff({"sniff", "--http", "-c", "1", json ? "--json" : "-q"}, peer.port());
    {
      Client client(sniff.port());
      client.send("GET /state HTTP/1.1\r\nHost: x\r\n\r\n");
      client.statuses(1);
      peer.close_connections();
    }
    const auto result = sniff.process().finish();
    if (!json) {
      CHECK(has(result.out, "GET /state  answer unknown"));
      continue;
    }
    CAPTURE(result.out);
    CAPTURE(result.err);
    REQUIRE(result.events("http").size() == 1);
    const auto line = result.events("http")[0];
    CHECK(line.at("status").is_null());
    CHECK(line.at("uncertain") == true);
    CHECK_FALSE(line.contains("unanswered"));
  }
}

TEST_CASE("a refusal in plain text is that, and no answer of the API that does not fit") {
  const std::string why = "Framework is not subscribed";
  const auto line = http(post("/api/v1/scheduler", "application/json", call),
                         answer("403 Forbidden\r\nContent-Type: text/plain; charset=utf-8", why));
  CHECK(line.at("request_body") == Json::parse(call));
  CHECK(line.at("body_text") == why);
  CHECK_FALSE(line.contains("body_error"));
  CHECK_FALSE(line.contains("body_type"));
  CHECK(line.at("undecodable") == 0);
}

TEST_CASE("a body that does not fit its type is one, however often it is looked at") {
  const Arguments looks{"--json", "--stats", "--match", "x!=1"};
  const std::string request = post("/api/v1", "application/x-protobuf", "\x08\x01\xff");
  const std::string reply = answer("200 OK\r\nContent-Type: application/json", R"({"x":"2"})");
  const auto line = sniffed(request, reply, looks);
  CHECK(line.events("summary").at(0).at("undecodable") == 1);
}

TEST_CASE(
    "of a body over 64 KiB the beginning is shown, as what it is, and is no fault of anybody") {
  const std::string big =
      R"({"type":"GET_STATE","get_state":{"x":")" + std::string(100'000, 'y') + "\"}}";
  const auto line = http(post("/api/v1", "application/json", big),
                         answer("200 OK\r\nContent-Type: application/json", big));
  CHECK(line.at("request_size") == big.size());
  CHECK(line.at("response_size") == big.size());
  CHECK(line.at("call_type") == "GET_STATE");  // that stands in the beginning
  for (const std::string key : {"request_body", "body"}) {
    CAPTURE(key);
    CHECK(line.at(key + "_cut") == true);
    CHECK(line.at(key + "_text") == big.substr(0, kept));
    CHECK_FALSE(line.contains(key + "_error"));
    CHECK_FALSE(line.contains(key + "_type"));
  }
  CHECK(line.at("undecodable") == 0);

  const auto protobuf = std::string("\x08\x02\x12") + "\xa0\x8d\x06" + std::string(100'000, '\x01');
  const auto cut = http(post("/api/v1", "application/x-protobuf", "\x08\x02"),
                        answer("200 OK\r\nContent-Type: application/x-protobuf", protobuf));
  CHECK(cut.at("body_cut") == true);
  CHECK(cut.contains("body_base64"));
  CHECK_FALSE(cut.contains("body_error"));
  CHECK_FALSE(cut.contains("request_body_cut"));
  CHECK(cut.at("undecodable") == 0);

  const auto text = sniffed(post("/api/v1", "application/json", big), answer("200 OK", "short"),
                            {"--body", "json"});
  CHECK(text.out.find("(cut: only the first 65.5 kB are kept)") != std::string::npos);
  CHECK(text.out.find("short") != std::string::npos);

  const auto whole = http(post("/x", "text/plain", ""),
                          answer("200 OK\r\nContent-Type: text/plain", std::string(kept, 'z')));
  CHECK_FALSE(whole.contains("body_cut"));
  CHECK(whole.at("body_text").get<std::string>().size() == kept);
}

}  // namespace e2e_http_bodies_test
