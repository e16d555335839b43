// --since, --until, --for: between which times sniff shows what it sees.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "output/events.h"

namespace tool {

class TimeWindow {
 public:
  /// RFC 3339, or `+90s` after the beginning. Failure (exit 2) when it does not read.
  void set_since(const std::string& typed);
  void set_until(const std::string& typed);
  void set_length(std::chrono::nanoseconds length) { until_ = {true, length}; }

  /// The time of the first packet; only the first call counts.
  void begin(WallTime first);
  /// Before begin(): of the bounds that are known.
  bool has(WallTime time) const;
  /// After which nothing is shown any more.
  std::optional<WallTime> end() const;
  bool is_bounded() const { return since_ || until_; }

 private:
  struct Bound {
    bool after_beginning = false;
    std::chrono::nanoseconds value{0};
  };
  static Bound parse(const std::string& typed, const char* option);
  std::optional<WallTime> time_of(const std::optional<Bound>& bound) const;

  std::optional<Bound> since_;
  std::optional<Bound> until_;
  std::optional<WallTime> beginning_;
};

}  // namespace tool
