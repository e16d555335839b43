// A parser that is paused after a message, and what one that is in a message keeps of it.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/wire_streams.h"
#include "wire/parser.h"

namespace wire_parser_pause_test {

using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using compactor::wire::Parser;
using wire_test::Collector;

namespace {

/// Pauses its parser after every message.
class Pausing : public Collector {
 public:
  explicit Pausing(Parser& parser) : parser_(parser) {}
  bool on_message(const HttpMessage& message) override {
    parser_.pause();
    return Collector::on_message(message);
  }

 private:
  Parser& parser_;
};

std::string post(const std::string& body) {
  return "POST /a/b HTTP/1.1\r\nLibprocess-From: c@1.2.3.4:5\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a paused parser hands out one message a feed, and loses no byte, in any split") {
  const std::string bytes = post("one") + "\r\n" + post("two") + "GET /x HTTP/1.1\r\n\r\n" +
                            post(std::string(5000, 'x')) + post("");
  const auto whole = wire_test::read_whole(Kind::request, bytes);
  for (std::size_t piece = 1; piece <= bytes.size(); piece = piece < 100 ? piece + 1 : piece * 2) {
    CAPTURE(piece);
    Parser parser(Kind::request);
    Pausing sink(parser);
    std::string unread;
    std::size_t fed = 0;
    while (fed < bytes.size() || !unread.empty()) {
      if (unread.empty()) {
        unread = bytes.substr(fed, piece);
        fed += unread.size();
      }
      const auto before = sink.messages.size();
      const std::uint64_t from = parser.offset();
      REQUIRE(parser.feed(std::string(unread), sink));
      CHECK(sink.messages.size() <= before + 1);
      unread.erase(0, parser.offset() - from);
    }
    CHECK(sink.messages == whole.messages);
    CHECK(parser.offset() == bytes.size());
    CHECK(parser.between_messages());
  }
}

TEST_CASE("a parser that was paused by the last message of a stream is at its end") {
  Parser parser(Kind::request);
  Pausing sink(parser);
  const std::string closing = "POST /a/b HTTP/1.0\r\nContent-Length: 0\r\n\r\n";
  CHECK_FALSE(parser.feed(closing + post("behind it"), sink));
  CHECK(parser.ended());
  CHECK(sink.messages.size() == 1);
}

// The sanitizers have allocators of their own, of which mallinfo2 knows nothing.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

/// What a Parser's own objects allocate is all there is: nothing else runs meanwhile.
std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

TEST_CASE("memory() is what is kept, of a large body as of a head of many tiny fields") {
  std::string fields = "POST /a/b HTTP/1.1\r\n";
  while (fields.size() < 80'000) fields += "a:\n";
  const std::string body = post(std::string(3'000'000, 'x'));
  for (const std::string& bytes : {fields, body.substr(0, 2'500'000)}) {
    Parser parser(Kind::request);
    Collector sink;
    const std::size_t before = allocated();
    for (std::size_t at = 0; at < bytes.size(); at += 4000)
      CHECK(parser.feed(std::string_view(bytes).substr(at, 4000), sink));
    const std::size_t really = allocated() - before;
    CHECK(parser.memory() <= really);
    CHECK(parser.memory() * 2 >= really);
    CHECK(parser.memory() >= bytes.size());
  }
}
#endif

}  // namespace wire_parser_pause_test
