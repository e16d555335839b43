// What a peer can make us print is bounded: at most so many lines in a second.
#pragma once

#include <cstddef>
#include <ctime>

namespace compactor {

/// Not thread-safe.
class RateLimit {
 public:
  enum class Verdict {
    pass,
    last,  // instead of this one: say that the rest of the second is left out
    over,  // say nothing
  };

  explicit RateLimit(std::size_t per_second) : per_second_(per_second) {}

  /// One more, in the second `now`.
  Verdict ask(std::time_t now = ::time(nullptr)) {
    if (now != second_) {
      second_ = now;
      asked_ = 0;
    }
    if (asked_ > per_second_) return Verdict::over;
    return ++asked_ > per_second_ ? Verdict::last : Verdict::pass;
  }

 private:
  std::size_t per_second_;
  std::size_t asked_ = 0;  // in that second
  std::time_t second_ = 0;
};

}  // namespace compactor
