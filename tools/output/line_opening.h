// What a line of text begins with: the time, and how long after the line before it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "output/events.h"

namespace tool {

/// -t: absolute (local time of day, and the time since the line before), delta (only that),
/// relative (seconds since the first line), utc (as absolute, in UTC).
enum class TimeStyle : std::uint8_t { absolute, delta, relative, utc };

/// Of the lines in the order in which they are printed. One thread at a time.
class LineOpening {
 public:
  LineOpening(TimeStyle style, bool dates, bool colour)
      : style_(style), dates_(dates), colour_(colour) {}

  /// Columns that it takes.
  std::size_t width() const;
  /// Of a line about that time: the date on a line of its own, where the day is another than
  /// before, then the time, and what parts it from the rest of the line.
  void append(std::string& out, WallTime time);

 private:
  void append_date(std::string& out, WallTime time);
  void append_of_day(std::string& out, WallTime time);

  TimeStyle style_;
  bool dates_;
  bool colour_;
  std::optional<WallTime> first_{};
  WallTime last_{};
  std::chrono::sys_seconds second_{std::chrono::seconds(-1)};
  std::string of_second_{};  // "12:00:00."
  std::string date_{};       // "2026-01-31 (UTC)"
  std::string told_date_{};
};

}  // namespace tool
