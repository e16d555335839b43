#include "text/time.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "text/ascii.h"

namespace compactor::text {
namespace {

/// `count` decimal digits at `at`, which is moved past them.
std::optional<int> read_digits(std::string_view text, std::size_t& at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (const std::size_t end = at + count; at < end; ++at) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

/// The fraction of a second at `at` (with its point), in nanoseconds.
std::int64_t read_fraction(std::string_view text, std::size_t& at) {
  if (at >= text.size() || text[at] != '.') return 0;
  std::int64_t value = 0;
  std::int64_t unit = 100'000'000;
  for (++at; at < text.size() && is_digit(text[at]); ++at, unit /= 10) {
    value += unit * (text[at] - '0');
  }
  return value;
}

/// `Z` or `+hh:mm` to the end of the text, in minutes.
std::optional<int> read_offset(std::string_view text, std::size_t at) {
  if (at >= text.size()) return std::nullopt;
  if ((text[at] | 0x20) == 'z') return at + 1 == text.size() ? std::optional(0) : std::nullopt;
  const int sign = text[at] == '-' ? -1 : 1;
  if (text[at] != '+' && text[at] != '-') return std::nullopt;
  ++at;
  const auto hours = read_digits(text, at, 2);
  if (!hours || at >= text.size() || text[at] != ':') return std::nullopt;
  ++at;
  const auto minutes = read_digits(text, at, 2);
  if (!minutes || at != text.size()) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_time(std::string_view text) {
  using namespace std::chrono;
  std::size_t at = 0;
  std::array<int, 6> part{};  // year, month, day, hour, minute, second
  constexpr std::array<std::size_t, 6> digits{4, 2, 2, 2, 2, 2};
  constexpr std::string_view separators = "--T::";
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto value = read_digits(text, at, digits[i]);
    if (!value) return std::nullopt;
    part[i] = *value;
    if (i == separators.size()) break;
    if (at >= text.size() ||
        (text[at] != separators[i] && !(i == 2 && (text[at] == 't' || text[at] == ' ')))) {
      return std::nullopt;
    }
    ++at;
  }
  const auto fraction = read_fraction(text, at);
  const auto offset = read_offset(text, at);
  const year_month_day date{year(part[0]), month(static_cast<unsigned>(part[1])),
                            day(static_cast<unsigned>(part[2]))};
  // Years beyond these do not fit 64 bits of nanoseconds.
  if (part[0] < 1970 || part[0] > 2261) return std::nullopt;
  if (!offset || !date.ok() || part[3] > 23 || part[4] > 59 || part[5] > 60) return std::nullopt;
  return sys_days(date).time_since_epoch() + hours(part[3]) + minutes(part[4] - *offset) +
         seconds(part[5]) + nanoseconds(fraction);
}

void TimeText::append(std::string& out, Time time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  if (whole != second_) {
    second_ = whole;
    const std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    prefix_.assign(text.data(),
                   std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts));
  }
  out += prefix_;
  append_digits(out, (time - whole).count(), 9);
  out += 'Z';
}

void TimeText::append_of_day(std::string& out, Time time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  if (whole != day_second_) {
    day_second_ = whole;
    const std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 20> text{};
    day_prefix_.assign(text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S.", &parts));
  }
  out += day_prefix_;
  append_digits(out, (time - whole).count() / 1'000'000, 3);
}

std::string http_date(std::time_t time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace compactor::text
