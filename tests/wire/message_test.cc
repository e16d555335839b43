#include "wire/message.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compactor/message.h"
#include "support/wire_streams.h"

namespace wire_message_test {

using compactor::wire::decode_id;
using compactor::wire::delivered_body;
using compactor::wire::Header;
using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using compactor::wire::message_head;
using compactor::wire::Parser;

namespace {

struct OwnedHead {
  std::string sender;
  std::string raw_id;
  std::string name;
};

/// The head of the one request in the bytes, read by the parser.
std::optional<OwnedHead> head_of(const std::string& bytes) {
  struct Heads : compactor::wire::Sink {
    bool on_message(const HttpMessage& message) override {
      ++requests;
      if (const auto head = message_head(message)) {
        found = OwnedHead{std::string(head->sender), std::string(head->raw_id),
                          std::string(head->name)};
      }
      return true;
    }
    int requests = 0;
    std::optional<OwnedHead> found;
  } sink;
  Parser parser(Kind::request);
  parser.feed(bytes, sink);
  REQUIRE(sink.requests == 1);
  return sink.found;
}

std::optional<OwnedHead> head_of_target(const std::string& target) {
  return head_of("POST " + target + " HTTP/1.1\r\nLibprocess-From: a@h:1\r\n\r\n");
}

std::string gzipped(std::string_view text, int level = 6) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Delivered {
  std::optional<std::string> body;
  std::string why;
};

Delivered deliver(const std::string& body, const std::vector<Header>& headers,
                  std::size_t max_body = 1 << 20) {
  HttpMessage message;
  message.headers = &headers;
  message.body = body;
  std::string inflated;
  Delivered result;
  if (const auto text = delivered_body(message, inflated, max_body, result.why)) {
    result.body = std::string(*text);
  }
  return result;
}

const std::vector<Header> kGzip = {{"content-encoding", "gzip"}};

std::optional<std::string> decoded(std::string_view raw) {
  std::string buffer = "left over";
  const auto id = decode_id(raw, buffer);
  return id ? std::optional(std::string(*id)) : std::nullopt;
}

}  // namespace

TEST_CASE("a message is a POST with Libprocess-From or a libprocess User-Agent") {
  const auto sender = [](const std::string& method_and_headers) -> std::string {
    const auto space = method_and_headers.find(' ');
    const auto head = head_of(method_and_headers.substr(0, space) + " /echo/ping HTTP/1.1\r\n" +
                              method_and_headers.substr(space + 1) + "\r\n");
    return head ? head->sender : "plain";
  };
  CHECK(sender("POST Libprocess-From: a@h:1\r\n") == "a@h:1");
  CHECK(sender("POST libprocess-FROM: a@h:1\r\n") == "a@h:1");
  CHECK(sender("POST User-Agent: libprocess/a@h:1\r\n") == "a@h:1");
  CHECK(sender("POST USER-AGENT: libprocess/a@h:1\r\n") == "a@h:1");
  CHECK(sender("POST User-Agent: libprocess/a@h:1\r\nLibprocess-From: b@h:2\r\n") == "b@h:2");
  CHECK(sender("POST Libprocess-From: b@h:2\r\nUser-Agent: libprocess/a@h:1\r\n") == "b@h:2");
  CHECK(sender("POST Libprocess-From:  \t a@h:1 \t\r\n") == "a@h:1");
  CHECK(sender("POST User-Agent: libprocess/ a@h:1 \r\n") == "a@h:1");
  // Also a sender that is no PID, and none at all: libprocess delivers these.
  CHECK(sender("POST Libprocess-From: garbage\r\n") == "garbage");
  CHECK(sender("POST Libprocess-From:\r\n").empty());
  CHECK(sender("POST Libprocess-From: garbage\r\nUser-Agent: libprocess/a@h:1\r\n") == "garbage");
  CHECK(sender("POST Libprocess-From: a@h:1\r\nLibprocess-From: b@h:2\r\n") == "b@h:2");

  CHECK(sender("POST User-Agent: Libprocess/a@h:1\r\n") == "plain");
  CHECK(sender("POST User-Agent: curl/7.88.1\r\n") == "plain");
  CHECK(sender("POST Host: h\r\n") == "plain");
  CHECK(sender("GET Libprocess-From: a@h:1\r\n") == "plain");
  CHECK(sender("PUT User-Agent: libprocess/a@h:1\r\n") == "plain");
}

TEST_CASE("id and name of a target") {
  const auto parts = [](const std::string& target) {
    const auto head = head_of_target(target);
    REQUIRE(head.has_value());
    return head->raw_id + "|" + head->name;
  };
  CHECK(parts("/echo/ping") == "echo|ping");
  CHECK(parts("/slave(1)/mesos.internal.PingSlaveMessage") ==
        "slave(1)|mesos.internal.PingSlaveMessage");
  CHECK(parts("/a%20b/c%20d") == "a%20b|c%20d");
  CHECK(parts("/echo/a/b//c") == "echo|a/b//c");
  CHECK(parts("/echo/ping?x=/y") == "echo|ping");
  CHECK(parts("/echo/ping#x") == "echo|ping");
  CHECK(parts("/echo?x/y") == "echo|");
  CHECK(parts("/echo") == "echo|");
  CHECK(parts("/echo/") == "echo|");
  CHECK(parts("//name") == "|name");
  CHECK(parts("/") == "|");
  CHECK(parts("*") == "|");
  CHECK(parts("http://1.2.3.4:5/echo/ping?x") == "echo|ping");
  CHECK(parts("http://1.2.3.4:5") == "|");
  CHECK(parts("http://1.2.3.4:5?x=/a/b") == "|");
}

TEST_CASE("percent-decoding of an id") {
  CHECK(decoded("echo") == "echo");
  CHECK(decoded("slave(1)") == "slave(1)");
  CHECK(decoded("a%20b(1)%2Fx") == "a b(1)/x");
  CHECK(decoded("a%2fb") == "a/b");
  CHECK(decoded("ec%68o") == "echo");
  CHECK(decoded("a+b") == "a b");
  CHECK(decoded("%2B%25%C3%a9") == "+%\xC3\xA9");
  CHECK(decoded("%00") == std::string(1, '\0'));
  CHECK(decoded("").value().empty());
  for (const char* bad : {"%", "%4", "a%", "a%4", "%zz", "%4g", "%g4", "%-1", "%%41", "% 4"}) {
    CAPTURE(bad);
    CHECK_FALSE(decoded(bad).has_value());
  }
}

TEST_CASE("an id that needs no decoding is not copied") {
  const std::string_view raw = "echo";
  std::string buffer;
  CHECK(decode_id(raw, buffer)->data() == raw.data());
}

TEST_CASE("a body is delivered as it is, or decompressed") {
  CHECK(deliver("hello", {}).body == "hello");
  CHECK(deliver("hello", {{"Content-Encoding", "identity"}}).body == "hello");
  CHECK(deliver(gzipped("hello"), kGzip).body == "hello");
  CHECK(deliver(gzipped("hello"), {{"Content-Encoding", "GZIP"}}).body == "hello");
  CHECK(deliver(gzipped("hello"), {{"Content-Encoding", "x-gzip"}}).body == "hello");
  CHECK(deliver(gzipped(""), kGzip).body == "");
  CHECK(deliver("", kGzip).body == "");
  CHECK(deliver(gzipped("two ") + gzipped("members"), kGzip).body == "two members");

  std::string long_text;
  for (int i = 0; i < 20000; ++i) long_text += std::to_string(i * 7919);
  CHECK(deliver(gzipped(long_text), kGzip).body == long_text);
  CHECK(deliver(gzipped(long_text, 0), kGzip).body == long_text);
}

TEST_CASE("what a body is coded with, in any case") {
  const auto with = [](const std::vector<Header>& headers) {
    HttpMessage message;
    message.headers = &headers;
    return std::pair(is_gzip(message), is_chunked(message));
  };
  CHECK(with({}) == std::pair(false, false));
  CHECK(with({{"content-encoding", "GZip"}}).first);
  CHECK(with({{"Content-Encoding", "X-GZIP"}}).first);
  CHECK_FALSE(with({{"Content-Encoding", "notgzip"}}).first);
  CHECK(with({{"transfer-encoding", "Chunked"}}).second);
  CHECK(with({{"Transfer-Encoding", "gzip,\tCHUNKED"}}).second);
  CHECK_FALSE(with({{"Transfer-Encoding", "chunked, gzip"}}).second);
  CHECK_FALSE(with({{"Transfer-Encoding", "unchunked"}}).second);
}

TEST_CASE("a body that does not decompress says why") {
  const auto why = [](const std::string& body, std::size_t max_body = 1 << 20) {
    const Delivered result = deliver(body, kGzip, max_body);
    CHECK_FALSE(result.body.has_value());
    return result.why;
  };
  const std::string whole = gzipped("hello hello hello");
  CHECK(why("hello").find("not gzip") != std::string::npos);
  CHECK(why(whole + "behind").find("not gzip") != std::string::npos);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CHECK(why(whole.substr(0, size)).find("too early") != std::string::npos);
  }
  std::string wrong_sum = whole;
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  CHECK(why(wrong_sum).find("not gzip") != std::string::npos);
}

TEST_CASE("decompression is bounded by the limit of the body") {
  const std::string text(100000, 'x');
  CHECK(deliver(gzipped(text), kGzip, text.size()).body == text);
  CHECK_FALSE(deliver(gzipped(text), kGzip, text.size() - 1).body.has_value());
  // A bomb: 64 MiB from 64 kB.
  const std::string bomb = gzipped(std::string(64 << 20, '\0'));
  HttpMessage message;
  message.headers = &kGzip;
  message.body = bomb;
  std::string inflated;
  std::string why;
  CHECK_FALSE(delivered_body(message, inflated, 1 << 20, why).has_value());
  CHECK(why.find("limit") != std::string::npos);
  CHECK(inflated.capacity() < 1024);
}

TEST_CASE("the words of the enums are those of the JSON") {
  using namespace compactor;
  CHECK(to_string(Style::libprocess) == "libprocess");
  CHECK(to_string(Style::compactor) == "compactor");
  CHECK(to_string(Style::legacy) == "legacy");
  CHECK(to_string(Outcome::accepted) == "accepted");
  CHECK(to_string(Outcome::no_such_process) == "no_such_process");
  CHECK(to_string(Outcome::not_handled) == "not_handled");
  CHECK(to_string(Outcome::refused) == "refused");
  CHECK(to_string(Outcome::no_answer) == "no_answer");
  CHECK(to_string(Outcome::failed) == "failed");
  CHECK(to_string(ExitReason::closed) == "closed");
  CHECK(to_string(ExitReason::reset) == "reset");
  CHECK(to_string(ExitReason::refused) == "refused");
  CHECK(to_string(ExitReason::timed_out) == "timed_out");
  CHECK(to_string(ExitReason::unreachable) == "unreachable");
  CHECK(to_string(SendResult::full) == "full");
  CHECK(to_string(Fault::not_http) == "not_http");
}

}  // namespace wire_message_test
