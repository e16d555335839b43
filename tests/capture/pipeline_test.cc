// Which answer belongs to which request: by counting, by bounds, by what else would be a miracle.
#include "capture/pipeline.h"

#include <doctest/doctest.h>

#include <string>

namespace capture_pipeline_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// A client and a server whose segments arrive at once.
class Line {
 public:
  explicit Line(Range unseen = {}) : pipeline(unseen) {}

  void ask(Range unseen = {}) {
    time += 1ms;
    pipeline.add_request({asked, answered}, unseen, time, time);
    asked += 100;
    lost = false;
  }
  void answer(Range unseen = {}) {
    time += 1ms;
    pipeline.add_answer({answered, asked}, unseen, time, lost ? Pipeline::kUnknown : asked);
    answered += 50;
  }
  /// Bytes that were sent and not seen.
  void lose_requests(std::uint64_t bytes) {
    asked += bytes;
    lost = true;
  }
  void lose_answers(std::uint64_t bytes) { answered += bytes; }

  /// `=` a pair, `?` a request without an answer, `!` an answer without a request.
  std::string steps() {
    std::string all;
    for (;;) {
      switch (pipeline.next()) {
        case Pipeline::Step::wait:
          return all;
        case Pipeline::Step::pair:
          all += '=';
          break;
        case Pipeline::Step::request_alone:
          all += '?';
          break;
        case Pipeline::Step::answer_alone:
          all += '!';
          break;
      }
    }
  }

  Pipeline pipeline;
  Time time{std::chrono::seconds{1'000'000}};
  std::uint64_t asked = 1'000;
  std::uint64_t answered = 2'000;
  bool lost = false;  // requests since the last one that was seen
};

constexpr Range kAny{0, Pipeline::kUnbounded};

}  // namespace

TEST_CASE("with nothing missing, the n-th answer is that of the n-th request") {
  Line line;
  line.ask();
  line.ask();
  line.answer();
  CHECK(line.steps() == "=");
  line.ask();
  line.answer();
  line.answer();
  CHECK(line.steps() == "==");
  CHECK(line.pipeline.is_exact());
}

TEST_CASE("a hole too small for a request changes nothing") {
  Line line;
  line.ask();
  line.lose_requests(10);
  line.ask({0, 0});
  line.answer();
  line.answer();
  CHECK(line.steps() == "==");
}

TEST_CASE("after a hole among the requests it takes proof") {
  Line line;
  line.ask();
  line.lose_requests(100);
  line.ask({0, 6});
  line.answer();
  CHECK(line.steps() == "=");
  line.answer();
  CHECK(line.steps().empty());
  CHECK_FALSE(line.pipeline.is_exact());
}

TEST_CASE("when as many answers have come as there can be requests, each has its own") {
  Line line;
  line.ask();
  line.lose_requests(40);
  line.ask({0, 2});
  for (int i = 0; i < 4; ++i) line.answer();
  CHECK(line.steps() == "=!!=");
  CHECK(line.pipeline.is_exact());
}

TEST_CASE("an answer that the client had before it asked again belongs to an earlier request") {
  Line line;
  line.lose_requests(20);
  line.answer();  // to what was lost
  line.ask({0, 1});
  line.answer();
  CHECK(line.steps() == "!=");
}

TEST_CASE("of lost answers there are no more than requests that wait for one") {
  Line line;
  line.ask();
  line.lose_answers(50);
  line.ask();
  line.answer({1, 3});
  CHECK(line.steps() == "?=");
  CHECK(line.pipeline.is_exact());
}

TEST_CASE("with several that may have lost their answer, none is given one") {
  Line line;
  line.ask();
  line.ask();
  line.ask();
  line.lose_answers(50);
  line.answer({1, 3});
  CHECK(line.steps() == "?");  // the first one's was among the lost ones
  CHECK_FALSE(line.pipeline.is_exact());
}

TEST_CASE("quick answers with long silence between them settle it") {
  Line line(kAny);
  for (int turn = 0; turn < 3; ++turn) {
    line.ask();
    line.answer();
    line.time += 400ms;
  }
  line.pipeline.on_silence(line.time);
  CHECK(line.steps() == "===");
  CHECK(line.pipeline.is_exact());
}

TEST_CASE("one turn settles it only at the end of the capture, after long silence") {
  Line line(kAny);
  line.ask();
  line.answer();
  line.pipeline.on_silence(line.time + 600ms);
  CHECK(line.steps().empty());
  line.pipeline.on_silence(line.time + 50ms, Pipeline::kImprobableAtEnd);
  CHECK(line.steps().empty());
  line.pipeline.on_silence(line.time + 600ms, Pipeline::kImprobableAtEnd);
  CHECK(line.steps() == "=");
}

TEST_CASE("an answer too many starts the evidence anew") {
  Line line(kAny);
  for (int turn = 0; turn < 2; ++turn) {
    line.ask();
    line.answer();
    line.time += 100ms;
  }
  line.answer();
  line.time += 100ms;
  line.pipeline.on_silence(line.time);
  CHECK(line.steps() == "!");
  CHECK_FALSE(line.pipeline.is_exact());
}

TEST_CASE("an answer without any request is nobody's, and the next one is not shifted by it") {
  Line line;
  line.ask();
  line.answer();
  CHECK(line.steps() == "=");
  line.answer();
  CHECK(line.steps() == "!");
  line.ask();
  line.answer();
  CHECK(line.steps() == "=");
}

TEST_CASE("what was forgotten is not mixed up with what follows") {
  Line line;
  line.ask();
  line.ask();
  line.pipeline.forget_request();
  line.answer();
  line.answer();
  CHECK(line.steps() == "!=");
}

TEST_CASE("holes upon holes are bounded") {
  Line line;
  for (int i = 0; i < 1'000; ++i) {
    line.lose_requests(100);
    line.ask({0, 6});
  }
  CHECK(line.steps().size() >= 900);
  CHECK(line.pipeline.requests() <= 100);
}

TEST_CASE("an acknowledgement that goes back says nothing of what was given up") {
  for (const Range unseen : {Range{}, kAny}) {
    Pipeline pipeline(unseen);
    Time time{std::chrono::seconds{1'000'000}};
    const Range hole{0, 6};
    pipeline.add_request({1'150, 981}, hole, time, time);
    pipeline.add_answer({1'050, 1'200}, {}, time, Pipeline::kUnknown);
    while (pipeline.next() != Pipeline::Step::wait) continue;
    time += 2ms;
    pipeline.add_request({1'300, 703}, hole, time, time);
    time += 2ms;
    pipeline.add_answer({1'100, 1'350}, {}, time, Pipeline::kUnknown);
    while (pipeline.next() != Pipeline::Step::wait) continue;
    // Silence settles how they belong together; the next one contradicts that.
    time += 300s;
    pipeline.add_answer({1'150, 1'087}, {}, time, Pipeline::kUnknown);
    while (pipeline.next() != Pipeline::Step::wait) continue;
    CHECK(pipeline.requests() + pipeline.answers() <= 3);
  }
}

}  // namespace capture_pipeline_test
