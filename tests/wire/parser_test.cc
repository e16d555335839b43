#include "wire/parser.h"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "support/pcap_streams.h"
#include "support/wire_streams.h"

namespace wire_parser_test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // GCC ships no header for it
#endif

using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using compactor::wire::Oversize;
using compactor::wire::Parser;
using wire_test::Collector;
using wire_test::Copy;
using wire_test::read_bytewise;
using wire_test::read_randomly;
using wire_test::read_whole;
using wire_test::Reading;

namespace {

/// Reads whole, and checks that no split of the bytes makes a difference.
Reading read_every_way(Kind kind, std::string_view bytes,
                       std::size_t max_body = wire_test::kMaxBody, bool heads = false) {
  Reading whole = read_whole(kind, bytes, max_body, heads);
  CHECK(read_bytewise(kind, bytes, max_body, heads) == whole);
  for (unsigned seed = 1; seed <= 5; ++seed) {
    CHECK(read_randomly(kind, bytes, 5 + 60 * seed, seed, max_body, heads) == whole);
  }
  return whole;
}

Reading requests(std::string_view bytes, std::size_t max_body = wire_test::kMaxBody) {
  return read_every_way(Kind::request, bytes, max_body);
}

Reading responses(std::string_view bytes, bool heads = false) {
  return read_every_way(Kind::response, bytes, wire_test::kMaxBody, heads);
}

bool well(const Reading& reading) {
  return reading.error.empty() && reading.between_messages && reading.finished_well;
}

std::string error_of(std::string_view bytes) {
  const Reading reading = requests(bytes);
  CHECK(reading.messages.empty());
  CHECK_FALSE(reading.finished_well);
  CHECK_FALSE(reading.ended);
  return reading.error;
}

std::vector<std::string> bodies(const Reading& reading) {
  std::vector<std::string> all;
  for (const Copy& message : reading.messages) all.push_back(message.body);
  return all;
}

const std::string kPost = "POST /echo/ping HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n";

std::string post(const std::string& name, const std::string& body = "") {
  return "POST /" + name + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string counted(const std::string& body, const std::string& headers = "") {
  return kPost + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked(const std::string& chunks_and_trailers) {
  return kPost + "Transfer-Encoding: chunked\r\n\r\n" + chunks_and_trailers;
}

using Bodies = std::vector<std::string>;

/// By the whole program.
std::size_t allocated_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace

TEST_CASE("a libprocess message") {
  const std::string bytes =
      "POST /echo/ping HTTP/1.1\r\nUser-Agent: libprocess/a@1.2.3.4:5\r\n"
      "Libprocess-From: a@1.2.3.4:5\r\nConnection: Keep-Alive\r\nHost: 1.2.3.4:6\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  const Reading reading = requests(bytes);
  REQUIRE(reading.messages.size() == 1);
  CHECK(well(reading));
  const Copy& message = reading.messages[0];
  CHECK(message.method == "POST");
  CHECK(message.target == "/echo/ping");
  CHECK(message.status == 0);
  CHECK(message.reason.empty());
  CHECK(message.major == 1);
  CHECK(message.minor == 1);
  CHECK(message.body == "hello");
  CHECK(message.keep_alive);
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"User-Agent", "libprocess/a@1.2.3.4:5"},
      {"Libprocess-From", "a@1.2.3.4:5"},
      {"Connection", "Keep-Alive"},
      {"Host", "1.2.3.4:6"},
      {"Transfer-Encoding", "chunked"}};
  CHECK(message.headers == headers);
  CHECK(message.begin == 0);
  CHECK(message.end == bytes.size());
}

TEST_CASE("an empty body has neither a length nor chunks") {
  const Reading reading = requests(kPost + "\r\n" + kPost + "\r\n");
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"", ""});
}

TEST_CASE("what the Python library, mesos-go and akka send") {
  const std::string compactor =
      "POST /echo/ping HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n"
      "Libprocess-From: a@1.2.3.4:5\r\n\r\nhello";
  const Reading old = requests(compactor + compactor);
  CHECK(well(old));
  CHECK(bodies(old) == Bodies{"hello", "hello"});
  CHECK(old.messages[0].minor == 0);
  CHECK(old.messages[0].keep_alive);
  const Reading counted_body = requests(counted("hello") + counted("") + counted("x"));
  CHECK(well(counted_body));
  CHECK(bodies(counted_body) == Bodies{"hello", "", "x"});
}

TEST_CASE("pipelined messages, and where each began and ended") {
  std::string bytes;
  std::vector<std::uint64_t> ends;
  for (int i = 0; i < 200; ++i) {
    bytes += counted(std::string(static_cast<std::size_t>(i), 'x'));
    ends.push_back(bytes.size());
  }
  const Reading reading = requests(bytes);
  CHECK(well(reading));
  REQUIRE(reading.messages.size() == 200);
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(reading.messages[i].body.size() == i);
    CHECK(reading.messages[i].begin == (i == 0 ? 0 : ends[i - 1]));
    CHECK(reading.messages[i].end == ends[i]);
  }
}

TEST_CASE("empty lines between messages belong to none") {
  const Reading reading = requests("\r\n\n" + counted("a") + "\r\n\r\n" + counted("b") + "\r\n");
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"a", "b"});
  CHECK(reading.messages[0].begin == 3);
  CHECK(reading.messages[1].begin == reading.messages[0].end + 4);
  CHECK(well(requests(std::string(200000, '\n') + counted("a"))));
}

TEST_CASE("chunks") {
  CHECK(bodies(requests(chunked("0\r\n\r\n"))) == Bodies{""});
  CHECK(bodies(requests(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))) == Bodies{"abcde"});
  CHECK(bodies(requests(chunked("3;e=1\r\nabc\r\n2;e=\"x\"\r\nde\r\n0;z\r\n\r\n"))) ==
        Bodies{"abcde"});
  CHECK(bodies(requests(chunked("00003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"))) ==
        Bodies{"abc0123456789"});
  std::string many;
  std::string body;
  for (int i = 0; i < 500; ++i) {
    const char c = static_cast<char>('a' + i % 26);
    many += std::string("1;e=1\r\n") + c + "\r\n";
    body += c;
  }
  const Reading reading = requests(chunked(many + "0\r\n\r\n") + counted("next"));
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{body, "next"});
  CHECK(requests(chunked("x\r\n")).error == "invalid chunk size");
}

TEST_CASE("trailers are accepted, and are no headers") {
  const Reading reading =
      requests(chunked("3\r\nabc\r\n0\r\nX-Sum: 1\r\nConnection: close\r\n\r\n") + counted("next"));
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"abc", "next"});
  CHECK(reading.messages[0].headers.size() == 2);
  CHECK(reading.messages[0].keep_alive);
  CHECK(well(requests(chunked("0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n"))));
  // Neither do they count for the next head.
  const std::string long_trailer = "X: " + std::string(60000, 'x') + "\r\n";
  const Reading two = requests(chunked("0\r\n" + long_trailer + "\r\n") +
                               counted("next", "Y: " + std::string(60000, 'y') + "\r\n"));
  CHECK(well(two));
  CHECK(two.messages.size() == 2);
}

TEST_CASE("header values are trimmed and unfolded") {
  const Reading reading = requests(
      "POST / HTTP/1.1\r\nA:  \t one two \t\r\nB:\r\nC: \r\nD: first\r\n  second \r\n\tthird\r\n"
      "E:\r\n folded\r\nA: again\r\n\r\n");
  CHECK(well(reading));
  REQUIRE(reading.messages.size() == 1);
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"A", "one two"}, {"B", ""},     {"C", ""}, {"D", "first  second \tthird"},
      {"E", "folded"},  {"A", "again"}};
  CHECK(reading.messages[0].headers == headers);
}

TEST_CASE("header() takes any case and the first of a name") {
  struct Look : compactor::wire::Sink {
    bool on_message(const HttpMessage& message) override {
      REQUIRE(message.header("x-name") != nullptr);
      value = *message.header("x-name");
      CHECK(message.header("X-Nam") == nullptr);
      CHECK(message.header("") == nullptr);
      return true;
    }
    std::string value;
  } sink;
  Parser parser(Kind::request);
  CHECK(parser.feed("GET / HTTP/1.1\r\nX-NAME: 1\r\nx-name: 2\r\n\r\n", sink));
  CHECK(sink.value == "1");
}

TEST_CASE("bare line feeds end lines as they do for http_parser") {
  const Reading reading = requests("POST /x/y HTTP/1.1\nContent-Length: 2\n\nab");
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"ab"});
}

TEST_CASE("upgrades, CONNECT and other methods are plain requests") {
  const Reading reading = requests(
      "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
      "CONNECT h:1 HTTP/1.1\r\n\r\n"
      "CONNECT h:1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
      "HEAD / HTTP/1.1\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\nM-SEARCH / HTTP/1.1\r\n\r\n" +
      counted("x"));
  CHECK(well(reading));
  std::vector<std::string> methods;
  for (const Copy& message : reading.messages) methods.push_back(message.method);
  CHECK(methods == std::vector<std::string>{"GET", "CONNECT", "CONNECT", "HEAD", "OPTIONS",
                                            "M-SEARCH", "POST"});
  CHECK(reading.messages[2].body == "ab");
}

TEST_CASE("a request without a version is HTTP/0.9, the last on its connection") {
  const Reading reading = requests("GET /x\r\n\r\n" + counted("a"));
  CHECK(well(reading));
  REQUIRE(reading.messages.size() == 1);
  CHECK(reading.messages[0].major == 0);
  CHECK(reading.messages[0].minor == 9);
  CHECK(reading.ended);
}

TEST_CASE("a request that waits for 100 Continue is read when its body comes") {
  const Reading reading = requests(counted("hello", "Expect: 100-continue\r\n"));
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"hello"});
}

TEST_CASE("behind a message that closes the connection nothing is read, and it is no error") {
  const std::string closing = counted("0") + counted("a", "Connection: close\r\n");
  for (const std::string& behind : {std::string(), counted("b"), std::string("garbage\r\n\r\n")}) {
    const Reading reading = requests(closing + behind);
    CHECK(bodies(reading) == Bodies{"0", "a"});
    CHECK_FALSE(reading.messages[1].keep_alive);
    CHECK(reading.ended);
    CHECK(well(reading));
  }
  const Reading old = requests("POST /a/b HTTP/1.0\r\nContent-Length: 1\r\n\r\nx" + counted("b"));
  CHECK(old.ended);
  CHECK(bodies(old) == Bodies{"x"});
  Parser parser(Kind::request);
  Collector sink;
  CHECK_FALSE(parser.feed(closing, sink));
  CHECK_FALSE(parser.feed(counted("b"), sink));
  CHECK_FALSE(parser.broken());
  CHECK(sink.messages.size() == 2);
}

TEST_CASE("what libprocess closes the connection for") {
  CHECK(error_of("GARBAGE\r\n\r\n") == "not an HTTP request: unknown method");
  CHECK(error_of(std::string("\0\1\2", 3)) == "not an HTTP request: unknown method");
  CHECK(error_of("\x16\x03\x01\x02") == "TLS (a ClientHello), not HTTP");
  CHECK(error_of("\x15\x03\x01\x02") == "not an HTTP request: unknown method");
  CHECK(error_of("\r\n\x16") == "TLS (a ClientHello), not HTTP");
  CHECK(error_of("POST\r\n\r\n") == "not an HTTP request: unknown method");
  CHECK(error_of("POST x HTTP/1.1\r\n\r\n") == "invalid target in the request line");
  CHECK(error_of("POST /x HTXP/1.1\r\n\r\n") == "request line without an HTTP version");
  CHECK(error_of("POST /x\ty HTTP/1.1 z\r\n\r\n") == "invalid HTTP version");
  CHECK(error_of("POST /x junk\r\n\r\n") == "request line without an HTTP version");
  CHECK(error_of(kPost + "no colon\r\n\r\n") == "malformed header");
  CHECK(error_of(kPost + "nocolon\r\n\r\n") == "malformed header");
  CHECK(error_of(kPost + "Content-Length: -5\r\n\r\n") == "invalid Content-Length");
  CHECK(error_of(kPost + "Content-Length: 5x\r\n\r\n") == "invalid Content-Length");
  CHECK(error_of(kPost + "Content-Length: +5\r\n\r\n") == "invalid Content-Length");
  CHECK(error_of(kPost + "Content-Length:\r\n\r\n") == "invalid Content-Length");
  CHECK(error_of(kPost + "Content-Length: 99999999999999999999\r\n\r\n") ==
        "invalid Content-Length");
  CHECK(error_of(kPost + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx") ==
        "Content-Length twice, or beside Transfer-Encoding: chunked");
  CHECK(error_of(kPost + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
        "Content-Length twice, or beside Transfer-Encoding: chunked");
  CHECK(error_of(kPost + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n") ==
        "Content-Length twice, or beside Transfer-Encoding: chunked");
  CHECK(error_of(kPost + "A: b\x01\r\n\r\n") == "malformed header");
  for (const char* query : {"%", "%4", "%zz", "a=1&b=%4g", "a=%&b", "%41%"}) {
    const std::string target = std::string("/echo/ping?") + query + "#f%zz";
    CHECK(error_of("POST " + target + " HTTP/1.1\r\nContent-Length: 2\r\n\r\nok") ==
          "bad % escape in the query");
    CHECK(error_of("GET " + target + " HTTP/1.1\r\n\r\n") == "bad % escape in the query");
  }
  // A blank before the colon can hide a length from the next reader (RFC 9112 §5.1).
  CHECK(error_of(kPost + "Content-Length : 1\r\n\r\nx") == "blank in the name of a header");
}

TEST_CASE("an escape that is none closes the connection only in a query") {
  const Reading reading = requests(
      "GET /a%zz/b%?x=%41%2f&%c3%a9#%zz HTTP/1.1\r\n\r\nGET /a? HTTP/1.1\r\n\r\n"
      "GET /a?+ HTTP/1.1\r\n\r\n");
  CHECK(well(reading));
  CHECK(reading.messages.size() == 3);
}

TEST_CASE("messages before the broken one are delivered") {
  const std::string good = counted("a") + counted("b");
  const Reading reading = requests(good + "GARBAGE");
  CHECK(bodies(reading) == Bodies{"a", "b"});
  CHECK_FALSE(reading.error.empty());
  CHECK(reading.message_begin == good.size());
}

TEST_CASE("a head is limited to 80 KiB") {
  const auto head = [](std::size_t size) {
    const std::string start = kPost + "X: ";
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  constexpr std::size_t kLimit = 80 << 10;
  CHECK(well(requests(head(kLimit - 2))));
  CHECK(error_of(head(kLimit + 1)) == "head over 80 KiB");
  CHECK(error_of(head(kLimit + 20000)) == "head over 80 KiB");
  std::string many = kPost;
  for (int i = 0; i < 20000; ++i) many += "X: y\r\n";
  CHECK(error_of(many) == "head over 80 KiB");
  CHECK(error_of("POST /" + std::string(90000, 'x')) == "head over 80 KiB");
  const std::string extension = "1;" + std::string(90000, 'e');
  CHECK(error_of(chunked(extension)) == "chunk extension or trailers over 80 KiB");
  CHECK(error_of(chunked("0\r\nX: " + std::string(90000, 'x'))) ==
        "chunk extension or trailers over 80 KiB");
}

TEST_CASE("a body is limited, and refused as soon as its size is known") {
  const auto limited = [](const std::string& bytes) { return requests(bytes, 100); };
  const std::string full(100, 'x');
  CHECK(well(limited(counted(full) + counted(full))));
  CHECK(well(limited(
      chunked("32\r\n" + full.substr(50) + "\r\n32\r\n" + full.substr(50) + "\r\n0\r\n\r\n"))));
  CHECK(limited(kPost + "Content-Length: 101\r\n\r\n").error == "body over 100 bytes");
  CHECK(limited(chunked("65\r\n")).error == "body over 100 bytes");
  CHECK(limited(chunked("32\r\n" + full.substr(50) + "\r\n33\r\n")).error == "body over 100 bytes");
  CHECK(limited(chunked("ffffffffffffffee\r\n")).error == "body over 100 bytes");
  CHECK_FALSE(limited(chunked("fffffffffffffffff\r\n")).error.empty());
  const Reading to_the_end =
      read_every_way(Kind::response, "HTTP/1.1 200 OK\r\n\r\n" + full + "x", 100);
  CHECK(to_the_end.error == "body over 100 bytes");
}

TEST_CASE("a stream that ends inside a message") {
  const std::string whole = counted("hello");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Reading reading = read_whole(Kind::request, counted("a") + whole.substr(0, size));
    CHECK(bodies(reading) == Bodies{"a"});
    CHECK(reading.error.empty());
    CHECK_FALSE(reading.between_messages);
    CHECK(reading.message_begin == counted("a").size());
    CHECK_FALSE(reading.finished_well);
  }
}

TEST_CASE("responses") {
  const std::string accepted = "HTTP/1.1 202 Accepted\r\nDate: x\r\nContent-Length: 0\r\n\r\n";
  const Reading reading = responses(
      accepted + "HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n404 Not Found." +
      "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" +
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx" + accepted);
  CHECK(well(reading));
  REQUIRE(reading.messages.size() == 5);
  CHECK(reading.messages[0].status == 202);
  CHECK(reading.messages[0].reason == "Accepted");
  CHECK(reading.messages[0].method.empty());
  CHECK(reading.messages[0].target.empty());
  CHECK(reading.messages[1].reason == "Not Found");
  CHECK(reading.messages[1].body == "404 Not Found.");
  CHECK(reading.messages[2].reason.empty());
  CHECK(reading.messages[2].body == "ok");
  CHECK(reading.messages[3].minor == 0);
  CHECK(reading.messages[4].end == reading.messages[4].begin + accepted.size());
}

TEST_CASE("1xx, 204 and 304 have no body whatever they say") {
  const Reading reading = responses(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 100 Continue\r\n\r\n"
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"
      "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  CHECK(well(reading));
  std::vector<int> statuses;
  for (const Copy& message : reading.messages) statuses.push_back(message.status);
  CHECK(statuses == std::vector<int>{100, 100, 304, 204, 204, 202});
  const Reading switched = responses("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello");
  CHECK(switched.messages.size() == 1);
  CHECK(switched.ended);
  CHECK(switched.error.empty());
}

TEST_CASE("the answer to HEAD has no body") {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  const Reading heads = responses(answer + answer, true);
  CHECK(well(heads));
  CHECK(heads.messages.size() == 2);
  CHECK(heads.messages[0].keep_alive);
  const Reading unknown_length = responses("HTTP/1.1 200 OK\r\n\r\n" + answer, true);
  CHECK(well(unknown_length));
  CHECK(unknown_length.messages.size() == 2);
  const Reading chunks =
      responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + answer, true);
  CHECK(chunks.messages.size() == 2);
  const Reading huge =
      read_every_way(Kind::response, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 100, true);
  CHECK(well(huge));
}

TEST_CASE("a response body without length runs to the end of the stream") {
  const Reading reading = responses("HTTP/1.1 200 OK\r\n\r\nall\r\n\r\nof this");
  CHECK(reading.error.empty());
  CHECK_FALSE(reading.between_messages);
  CHECK(reading.in_body);
  CHECK(reading.finished_well);
  CHECK(reading.ended);
  CHECK(bodies(reading) == Bodies{"all\r\n\r\nof this"});
  CHECK_FALSE(reading.messages[0].keep_alive);
  CHECK(reading.messages[0].end == 33);
  CHECK(bodies(responses("HTTP/1.1 200 OK\r\n\r\n")) == Bodies{""});
}

TEST_CASE("what is no response") {
  for (const std::string& bytes :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string("\x15\x03\x01\0\x02\x02\x46", 7),
        std::string("220 smtp ready\r\n"), std::string("HTXP/1.1 200 OK\r\n\r\n"),
        std::string("HTTP/1.1 abc\r\n\r\n"), std::string("HTTP/1.1 2000 OK\r\n\r\n"),
        std::string("HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\n\r\n")}) {
    const Reading reading = responses(bytes + std::string("\r\n\r\n"));
    CAPTURE(bytes);
    CHECK(reading.messages.empty());
    CHECK((!reading.error.empty() || !reading.finished_well));
  }
  CHECK(responses("SSH-2.0-OpenSSH\r\n").error == "not an HTTP response");
  CHECK(responses("HTTP/1.1 99 OK\r\n\r\n").error == "invalid status code");
}

TEST_CASE("a response body as it comes, in any split") {
  struct Stream : compactor::wire::Sink {
    bool wants_head() override { return true; }
    bool on_head(const HttpMessage& head) override {
      heads.push_back(wire_test::copy_of(head));
      return head.status == 200;
    }
    void on_body(std::string_view piece) override { body += piece; }
    bool on_message(const HttpMessage& message) override {
      messages.push_back(wire_test::copy_of(message));
      return true;
    }
    std::vector<Copy> heads;
    std::vector<Copy> messages;
    std::string body;
  };
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nX: folded\r\n here\r\nTransfer-Encoding: chunked\r\n\r\n" +
      std::string("80\r\n") + std::string(128, 'a') + "\r\n2\r\nbc\r\n0\r\n\r\n" +
      "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello" +
      "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'd');
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    Stream sink;
    Parser parser(Kind::response, 100);  // what is not collected is not limited
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      REQUIRE(parser.feed(std::string(bytes, at, step), sink));
    }
    CHECK(sink.body == std::string(128, 'a') + "bc" + std::string(200, 'd'));
    REQUIRE(sink.heads.size() == 3);
    REQUIRE(sink.messages.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(sink.heads[i].status == sink.messages[i].status);
      CHECK(sink.heads[i].headers == sink.messages[i].headers);
      CHECK(sink.heads[i].begin == sink.messages[i].begin);
    }
    CHECK(sink.heads[0].headers[0].second == "folded here");
    CHECK(sink.messages[0].body.empty());
    CHECK(sink.messages[1].body == "hello");
    CHECK(sink.messages[2].body.empty());
  }
}

TEST_CASE("what is left of a body is known as soon as the head, or a chunk's, says so") {
  Collector sink;
  Parser counted_body(Kind::response);
  CHECK(counted_body.body_left() == 0);
  REQUIRE(counted_body.feed("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n", sink));
  CHECK_FALSE(counted_body.in_body());
  REQUIRE(counted_body.feed("\r\n", sink));
  CHECK(counted_body.in_body());
  CHECK(counted_body.body_left() == 3);
  REQUIRE(counted_body.feed("ab", sink));
  CHECK(counted_body.body_left() == 1);
  REQUIRE(counted_body.feed("c", sink));
  CHECK(counted_body.body_left() == 0);
  CHECK_FALSE(counted_body.in_body());

  Parser chunks(Kind::request);
  REQUIRE(chunks.feed("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1", sink));
  CHECK(chunks.body_left() == 0);
  REQUIRE(chunks.feed("0\r\nabc", sink));
  CHECK(chunks.body_left() == 13);

  Parser open_end(Kind::response);
  REQUIRE(open_end.feed("HTTP/1.1 200 OK\r\n\r\n", sink));
  CHECK(open_end.body_left() > std::uint64_t{1} << 60);
}

TEST_CASE("a hole inside a body of known length keeps the framing") {
  const std::string big = post("big", std::string(100'000, 'x'));
  for (const std::size_t from : {big.size() - 100'000, big.size() - 99'999, big.size() - 1}) {
    Collector sink;
    Parser parser(Kind::request);
    REQUIRE(parser.feed(big.substr(0, from), sink));
    const std::uint64_t left = parser.body_left();
    REQUIRE(left == big.size() - from);
    REQUIRE(parser.skip(left, sink));
    REQUIRE(parser.feed(post("next", "n"), sink));
    REQUIRE(sink.messages.size() == 2);
    CHECK(sink.messages[0].partial);
    CHECK(sink.messages[0].body == big.substr(big.size() - 100'000, 100'000 - left));
    CHECK(sink.messages[0].body_size == 100'000);
    CHECK(sink.messages[0].end == big.size());
    CHECK(sink.messages[1].target == "/next");
    CHECK_FALSE(sink.messages[1].partial);
  }
}

TEST_CASE("after a hole in a body no more of it is kept, in any chunk") {
  Collector sink;
  Parser parser(Kind::request);
  REQUIRE(parser.feed("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nab", sink));
  REQUIRE(parser.skip(2, sink));
  REQUIRE(parser.feed("ef\r\n2\r\ngh\r\n0\r\n\r\n", sink));
  REQUIRE(sink.messages.size() == 1);
  CHECK(sink.messages[0].body == "ab");
  CHECK(sink.messages[0].body_size == 8);
  CHECK(sink.messages[0].partial);
}

TEST_CASE("what there is of a message that is cut off is handed out, if its head is whole") {
  const auto cut_after = [](std::string_view bytes) {
    Collector sink;
    Parser parser(Kind::request);
    REQUIRE(parser.feed(bytes, sink));
    const std::size_t whole = sink.messages.size();
    const bool was_cut = parser.cut(sink);
    CHECK(was_cut == (sink.messages.size() > whole));
    if (was_cut) CHECK_FALSE(parser.feed(post("late"), sink));
    sink.messages.resize(whole + (was_cut ? 1 : 0));
    return sink.messages;
  };
  CHECK(cut_after("POST /a HTTP/1.1\r\nContent-Length: 9\r\n").empty());
  CHECK(cut_after(post("whole", "body")).size() == 1);
  const auto counted_body = cut_after("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
  REQUIRE(counted_body.size() == 1);
  CHECK(counted_body[0].body == "abc");
  CHECK(counted_body[0].body_size == 9);
  CHECK(counted_body[0].partial);
  const auto chunk = cut_after("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc");
  REQUIRE(chunk.size() == 1);
  CHECK(chunk[0].body == "abc");
  CHECK(chunk[0].body_size == 10);
}

TEST_CASE("an onlooker reads on past a body over the limit and does not keep it") {
  const std::string large(1'000, 'x');
  const std::string chunked = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n" +
                              std::string(0x50, 'y') + "\r\n3e8\r\n" + large + "\r\n0\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}}) {
    Collector sink;
    Parser parser(Kind::request, 100, Oversize::drop);
    const std::string all = post("a", large) + chunked + post("b", "small");
    for (std::size_t at = 0; at < all.size(); at += piece)
      REQUIRE(parser.feed(all.substr(at, piece), sink));
    REQUIRE(sink.messages.size() == 3);
    CHECK(sink.messages[0].partial);
    CHECK(sink.messages[0].body_size == 1'000);
    CHECK(sink.messages[0].body.empty());
    CHECK(sink.messages[1].partial);
    CHECK(sink.messages[1].body_size == 1'080);
    CHECK_FALSE(sink.messages[2].partial);
    CHECK(sink.messages[2].body == "small");
  }
}

TEST_CASE("a sink that says stop") {
  struct Stop : compactor::wire::Sink {
    bool on_message(const HttpMessage&) override { return ++messages < 2; }
    int messages = 0;
  } sink;
  Parser parser(Kind::request);
  CHECK_FALSE(parser.feed(counted("a") + counted("b") + counted("c"), sink));
  CHECK_FALSE(parser.feed(counted("d"), sink));
  CHECK(sink.messages == 2);
  CHECK_FALSE(parser.broken());
  CHECK_FALSE(parser.ended());
  CHECK(parser.finish(sink));
}

TEST_CASE("a sink that throws leaves a parser that has stopped") {
  struct Throw : compactor::wire::Sink {
    bool on_message(const HttpMessage&) override { throw 1; }
  } sink;
  Parser parser(Kind::request);
  CHECK_THROWS_AS(parser.feed(counted("a") + counted("b"), sink), int);
  CHECK_FALSE(parser.feed(counted("c"), sink));
  CHECK(parser.between_messages());
}

TEST_CASE("offsets while a message is being read") {
  Parser parser(Kind::request);
  Collector sink;
  const std::string first = counted("a");
  CHECK(parser.between_messages());
  CHECK(parser.feed(first + "\r\nPO", sink));
  CHECK_FALSE(parser.between_messages());
  CHECK(parser.offset() == first.size() + 4);
  CHECK(parser.message_begin() == first.size() + 2);
  CHECK(parser.feed("ST / HTTP/1.1\r\n\r\n", sink));
  CHECK(parser.between_messages());
  CHECK(parser.message_begin() == parser.offset());
  CHECK_FALSE(parser.feed("GARBAGE", sink));
  CHECK_FALSE(parser.feed("more", sink));
  CHECK(parser.offset() == first.size() + 4 + 17 + 7 + 4);
}

TEST_CASE("a message in one piece is handed out as views of the bytes that were fed") {
  struct InPlace : compactor::wire::Sink {
    explicit InPlace(std::string_view fed) : bytes(fed) {}
    bool on_message(const HttpMessage& message) override {
      const auto inside = [&](std::string_view part) {
        return part.data() >= bytes.data() &&
               part.data() + part.size() <= bytes.data() + bytes.size();
      };
      CHECK(inside(message.target));
      CHECK(inside(message.body));
      for (const auto& header : *message.headers) {
        CHECK(inside(header.name));
        CHECK(inside(header.value));
      }
      ++messages;
      return true;
    }
    std::string_view bytes;
    int messages = 0;
  };
  const std::string bytes = counted("hello") + chunked("5\r\nhello\r\n0\r\n\r\n") + counted("x");
  InPlace sink(bytes);
  Parser parser(Kind::request);
  CHECK(parser.feed(bytes, sink));
  CHECK(sink.messages == 3);
}

TEST_CASE("a folded header beside a body") {
  const std::string bytes = counted("hello", "X: a\r\n b\r\n");
  const Reading reading = requests(bytes + bytes);
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{"hello", "hello"});
  CHECK(reading.messages[0].headers[1].second == "a b");
}

TEST_CASE("between messages a parser holds next to nothing") {
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
  const std::string large =
      counted(std::string(100000, 'x'), fields) + chunked("1\r\na\r\n0\r\n\r\n");
  constexpr std::size_t kParsers = 200;
  Collector sink;
  std::vector<std::unique_ptr<Parser>> parsers;
  parsers.reserve(kParsers);
  const std::size_t before = allocated_bytes();
  for (std::size_t i = 0; i < kParsers; ++i) {
    Parser& parser = *parsers.emplace_back(std::make_unique<Parser>(Kind::request));
    for (std::size_t at = 0; at < large.size(); at += 1000) {
      CHECK(parser.feed(std::string_view(large).substr(at, 1000), sink));
    }
    CHECK(sink.messages.size() == 2);
    std::vector<Copy>().swap(sink.messages);
  }
  CHECK(allocated_bytes() - before < kParsers * 1024);
}

TEST_CASE("a 64 MiB body in small pieces") {
  const std::string body(64 << 20, 'x');
  const std::string bytes = counted(body) + counted("next");
  const Reading reading = read_randomly(Kind::request, bytes, 4000, 1);
  CHECK(well(reading));
  REQUIRE(reading.messages.size() == 2);
  CHECK(reading.messages[0].body == body);
  CHECK(reading.messages[1].body == "next");
}

TEST_CASE("a large body in very small chunks, byte by byte") {
  std::string chunks;
  for (int i = 0; i < 100000; ++i) chunks += "1\r\nx\r\n";
  const Reading reading = read_bytewise(Kind::request, chunked(chunks + "0\r\n\r\n"));
  CHECK(well(reading));
  CHECK(bodies(reading) == Bodies{std::string(100000, 'x')});
}

namespace {

struct Totals {
  std::size_t requests = 0;
  std::size_t responses = 0;
};

void read_captured(Totals& totals, const std::string& requests, const std::string& responses) {
  const Reading up = read_every_way(Kind::request, requests);
  CHECK(well(up));
  totals.requests += up.messages.size();
  const Reading down = read_every_way(Kind::response, responses);
  CHECK(down.error.empty());
  totals.responses += down.messages.size();
}

Totals read_captures(const std::string& folder) {
  Totals totals;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/captures/" + folder)) {
    if (entry.path().extension() != ".pcap") continue;
    CAPTURE(entry.path());
    for (const auto& stream : pcap_streams::read(entry.path())) {
      read_captured(totals, stream.requests, stream.responses);
    }
  }
  return totals;
}

}  // namespace

// The numbers of messages were counted by an independent reader.
TEST_CASE("every captured stream of libprocess, split in every way") {
  const Totals totals = read_captures("libprocess");
  CHECK(totals.requests == 1067);
  CHECK(totals.responses == 1056);
}

TEST_CASE("every captured stream of Mesos, split in every way") {
  const Totals totals = read_captures("mesos");
  CHECK(totals.requests == 217);
  CHECK(totals.responses == 216);
}

TEST_CASE("every captured stream of the Python library, split in every way") {
  const Totals totals = read_captures("compactor");
  CHECK(totals.requests == 24);
  CHECK(totals.responses == 23);
}

TEST_CASE("the raw streams of the Python library are those of its captures") {
  std::size_t streams = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/captures/compactor")) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".c2s.bin")) continue;
    CAPTURE(name);
    const std::string down =
        entry.path().string().replace(entry.path().string().size() - 7, 3, "s2c");
    Totals totals;
    read_captured(totals, pcap_streams::read_file(entry.path()), pcap_streams::read_file(down));
    const bool refused = name.starts_with("12-");
    const bool unanswered = refused || name.starts_with("16-");
    CHECK(totals.requests == (refused ? 0 : 1));
    CHECK(totals.responses == (unanswered ? 0 : 1));
    ++streams;
  }
  CHECK(streams == 25);
}

}  // namespace wire_parser_test
