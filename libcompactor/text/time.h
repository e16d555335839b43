// Times as text: RFC 3339 for machines, the time of day for people, and HTTP's dates.
#pragma once

#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace compactor::text {

/// 2026-01-31T12:00:00.123456789Z, or with an offset as in +01:00, as time since the epoch. Digits
/// after the ninth of the fraction are dropped. Nothing when it is not an RFC 3339 time, or not in
/// the years from 1970 to 2261, which is what 64 bits of nanoseconds hold.
std::optional<std::chrono::nanoseconds> parse_time(std::string_view text);

/// Writes times. Keeps the text of the last second: one thread at a time per object.
class TimeText {
 public:
  using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

  /// Appends 2026-01-31T12:00:00.123456789Z.
  void append(std::string& out, Time time);
  /// Appends the local time of day, 12:00:00.123, for people.
  void append_of_day(std::string& out, Time time);

 private:
  std::chrono::sys_seconds second_{std::chrono::seconds(-1)};
  std::string prefix_;
  std::chrono::sys_seconds day_second_{std::chrono::seconds(-1)};
  std::string day_prefix_;
};

/// Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 §5.6.7), in English whatever the locale.
std::string http_date(std::time_t time);

}  // namespace compactor::text
