// When a message began, which is what a latency is counted to: with its first byte, however it
// comes, also on a stream that is met midway and behind a hole.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "capture/http_stream.h"

namespace capture_first_byte_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using compactor::wire::HttpMessage;
using compactor::wire::Kind;

namespace {

/// A stream of responses, and where each stood.
class Answers : public HttpStreamEvents {
 public:
  explicit Answers(bool from_start) : stream(*this, 1 << 20) {
    from_start ? stream.start(Kind::response) : stream.set_kind(Kind::response);
  }

  void say(const std::string& bytes) {
    time += 1s;
    stream.feed(bytes, {time, at, 0});
    at += bytes.size();
  }
  void lose(std::uint64_t bytes) {
    stream.gap(bytes);
    at += bytes;
  }

  void on_request(const HttpMessage&, const Place&) override {}
  void on_response(const HttpMessage&, const Place& place) override { places.push_back(place); }
  void on_passed_over(std::uint64_t) override {}
  void on_kind(const HttpStream&, Kind) override {}
  bool answers_head() override { return false; }
  bool wants_head() override { return false; }
  bool on_head(const HttpMessage&, Time) override { return false; }
  void on_body(std::string_view, Time) override {}
  void on_missing(std::uint64_t) override {}
  void on_chunk(std::uint64_t) override {}
  void on_join(const HttpStream&) override {}
  void on_rest(std::uint64_t, bool) override {}

  HttpStream stream;
  Time time{std::chrono::seconds{1'000'000}};
  std::uint64_t at = 5'000;
  std::vector<Place> places;
};

const std::string whole = "HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n404 Not Found.";

/// An answer in two pieces, cut anywhere, behind what `before` says; another follows.
void check_cuts(bool from_start, void (*before)(Answers&), std::size_t seen_before) {
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    Answers answers(from_start);
    before(answers);
    const auto start = answers.time + 1s;
    answers.say(whole.substr(0, cut));
    answers.say(whole.substr(cut));
    answers.say(whole);
    answers.stream.finish(true);
    REQUIRE(answers.places.size() == seen_before + 2);
    CHECK(answers.places[seen_before].begin_time == start);
    CHECK(answers.places[seen_before].end_time == start + 1s);
    CHECK(answers.places[seen_before + 1].begin_time == start + 2s);
  }
}

}  // namespace

TEST_CASE("an answer in pieces, from the start of the stream") {
  check_cuts(
      true, [](Answers&) {}, 0);
}

TEST_CASE("an answer in pieces, as the first of a stream met midway") {
  check_cuts(
      false, [](Answers&) {}, 0);
}

TEST_CASE("an answer in pieces, behind the rest of one that was met midway") {
  check_cuts(
      false, [](Answers& answers) { answers.say("the end of a body\r\n"); }, 0);
}

TEST_CASE("an answer in pieces, behind a hole") {
  check_cuts(
      true, [](Answers& answers) { answers.lose(70); }, 0);
  check_cuts(
      true,
      [](Answers& answers) {
        answers.say(whole);
        answers.lose(200);
      },
      1);
}

}  // namespace capture_first_byte_test
