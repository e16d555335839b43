#include "output/line_opening.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "cli/values.h"
#include "output/colours.h"
#include "text/ascii.h"

namespace tool {

namespace {

constexpr std::size_t of_day_columns = 12;    // 12:00:00.123
constexpr std::size_t delta_columns = 10;     // +1.23 ms
constexpr std::size_t relative_columns = 12;  // 12345.678901
constexpr std::string_view apart = "  ";

void append_after_blanks(std::string& out, const std::string& text, std::size_t width) {
  out.append(text.size() < width ? width - text.size() : 0, ' ').append(text);
}

double seconds_of(WallTime::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string delta_text(WallTime::duration delta) {
  if (delta.count() == 0) return "+0";
  const double us = std::abs(seconds_of(delta)) * 1e6;
  return (delta.count() < 0 ? "-" : "+") + human_duration(us);
}

}  // namespace

std::size_t LineOpening::width() const {
  switch (style_) {
    case TimeStyle::delta:
      return delta_columns + apart.size();
    case TimeStyle::relative:
      return relative_columns + apart.size();
    default:
      return of_day_columns + delta_columns + 2 * apart.size();
  }
}

/// The parts of the time that are the same for all of its second.
void LineOpening::append_of_day(std::string& out, WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  if (whole != second_) {
    second_ = whole;
    const std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    style_ == TimeStyle::utc ? ::gmtime_r(&seconds, &parts) : ::localtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    of_second_.assign(text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S.", &parts));
    const char* format = style_ == TimeStyle::utc ? "%Y-%m-%d (UTC)" : "%Y-%m-%d (%Z)";
    date_.assign(text.data(), std::strftime(text.data(), text.size(), format, &parts));
  }
  out += of_second_;
  compactor::text::append_digits(out, (time - whole).count() / 1'000'000, 3);
}

void LineOpening::append_date(std::string& out, WallTime time) {
  const bool whole = style_ == TimeStyle::absolute || style_ == TimeStyle::utc;
  if (!whole && first_) return;
  std::string of_day;
  append_of_day(of_day, time);
  if (date_ == told_date_) return;
  told_date_ = date_;
  if (colour_) out += colours::faint;
  out += date_;
  if (!whole) out.append(" ").append(of_day);
  if (colour_) out += colours::plain;
  out += '\n';
}

void LineOpening::append(std::string& out, WallTime time) {
  if (dates_) append_date(out, time);
  if (style_ == TimeStyle::relative) {
    std::array<char, 32> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%.6f", first_ ? seconds_of(time - *first_) : 0.0);
    append_after_blanks(out, std::string(text.data(), static_cast<std::size_t>(length)),
                        relative_columns);
    out += apart;
  } else {
    if (style_ != TimeStyle::delta) {
      append_of_day(out, time);
      out += apart;
    }
    append_after_blanks(out, first_ ? delta_text(time - last_) : "", delta_columns);
    out += apart;
  }
  if (!first_) first_ = time;
  last_ = time;
}

}  // namespace tool
