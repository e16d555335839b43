// Which answer of a connection belongs to which request. Answers come in the order of the requests
// (RFC 9112 §9.3), so where nothing is missing they are paired by counting. After a hole, or on a
// connection met in the middle, it is not known how many requests, or answers, were not seen; then
// a pair is made only when no other is possible, or so unlikely that it may be ruled out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "capture/fifo.h"
#include "capture/packet.h"

namespace compactor::capture {

/// From `low` to `high`, both included.
struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;

  bool is_exact() const { return low == high; }
};

class Pipeline {
 public:
  /// More than any connection has.
  static constexpr std::int64_t kUnbounded = std::int64_t{1} << 40;

  /// Where a request or an answer stood when its first byte was sent.
  struct Point {
    std::uint64_t begin = 0;     // offset of that byte in its own direction
    std::uint64_t received = 0;  // how much of the other direction its sender had received
  };

  /// `unseen`: how many requests may have been sent before the first one that will be seen and are
  /// not answered before the first answer seen.
  explicit Pipeline(Range unseen)
      : requests_(unseen), answers_({0, 0}), least_surplus_(unseen.low) {}

  /// Another request was seen, after so many that were not.
  void add_request(const Point& point, Range unseen, Time first_byte, Time last_byte);

  /// Another answer was seen, after so many that were not. `next_request`: no request that is not
  /// yet added begins before this offset; kUnknown when that cannot be said.
  void add_answer(const Point& point, Range unseen, Time first_byte, std::uint64_t next_request);
  static constexpr std::uint64_t kUnknown = 0;

  /// The capture shows what came before `now`, and this connection was silent since. `improbable`:
  /// how unlikely the coincidences must be that any other pairing takes.
  void on_silence(Time now, double improbable = kImprobable);
  static constexpr double kImprobable = 1e-5;
  /// … where the capture ends there, so that nothing else can be learned.
  static constexpr double kImprobableAtEnd = 1e-2;

  enum class Step {
    wait,           // nothing can be said yet
    pair,           // the oldest answer belongs to the oldest request; both are done with
    request_alone,  // the answer to the oldest request was not seen; it is done with
    answer_alone,   // the oldest answer belongs to a request that was not seen; it is done with
  };
  Step next();

  /// The oldest request is not followed any longer; its answer, if it comes, is taken for what it
  /// is.
  void forget_request();
  /// Likewise for the oldest answer.
  void forget_answer();

  std::size_t requests() const { return requests_.points.size(); }
  std::size_t answers() const { return answers_.points.size(); }
  /// Every pairing is certain, of what was seen so far.
  bool is_exact() const { return requests_.is_exact() && answers_.is_exact(); }

 private:
  /// A series of requests, or of answers, with none missing within. `start`: how many requests, or
  /// answers, came before it, counted from where the counting began.
  struct Run {
    std::uint64_t first = 0;  // the number of its first member, among those that were seen
    Range start;
    Range unseen;  // between it and the run before
  };

  /// One direction.
  struct Direction {
    explicit Direction(Range start) : runs{{0, start, {0, 0}}} {}

    Fifo<Point> points;      // of those not yet done with
    std::uint64_t done = 0;  // how many are
    std::vector<Run> runs;

    std::uint64_t count() const { return done + points.size(); }
    bool is_exact() const { return runs.size() == 1 && runs.front().start.is_exact(); }
    // Of a number that is not older than the oldest run.
    /// How many came before that one, which may be the next that will be seen.
    Range position(std::uint64_t number) const;
    Run& run_of(std::uint64_t number);
    void add(const Point& point, Range unseen);
    void pop();
    void shift_back();
    void tighten();
  };

  void answer_before_request(std::uint64_t answer, std::uint64_t request);
  void raise_surplus(std::int64_t least);
  void assume_balance();
  Step look();
  std::int64_t surplus() const;
  void restart_evidence();
  void end_silence(Time now);
  double coincidence_until(Time now) const;

  Direction requests_;
  Direction answers_;

  // What speaks for the smallest possible surplus of answers in the last runs: that the answers
  // came soon after the requests, and then nothing happened for long.
  std::int64_t least_surplus_;  // requests not seen whose answers were
  double coincidence_ = 1;      // the probability of what was seen, were the surplus larger
  bool balanced_ = false;       // every request seen has been answered, if the surplus is the least
  Time asked_{};                // the last byte of the last request
  Time answered_{};             // the first byte of the last answer
};

}  // namespace compactor::capture
