#include "output/json_line.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "schema/json_text.h"

namespace tool {

namespace {

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  std::array<char, 20> digits{};
  for (std::size_t i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), width);
}

}  // namespace

JsonLine::JsonLine(std::string& out, std::string_view type) : out_(out) {
  out_ += "{\"type\":\"";
  out_ += type;
  out_ += '"';
}

void JsonLine::begin_value(std::string_view key) {
  out_ += ",\"";
  out_ += key;
  out_ += "\":";
}

JsonLine& JsonLine::text(std::string_view key, std::string_view value) {
  begin_value(key);
  out_ += '"';
  compactor::schema::append_json_escaped(out_, value);
  out_ += '"';
  return *this;
}

JsonLine& JsonLine::text_if(std::string_view key, std::string_view value) {
  return value.empty() ? *this : text(key, value);
}

JsonLine& JsonLine::real(std::string_view key, double value) {
  begin_value(key);
  std::array<char, 64> digits{};
  double shown = std::isfinite(value) ? value : 0;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), shown,
                           std::chars_format::fixed, 3);
  out_.append(digits.data(), end.ptr);
  return *this;
}

JsonLine& JsonLine::yes(std::string_view key) {
  begin_value(key);
  out_ += "true";
  return *this;
}

JsonLine& JsonLine::time(std::string_view key, WallTime value) {
  // Of the thread: lines are rendered by few threads, and the text of the last second is worth
  // keeping.
  thread_local TimeText text;
  begin_value(key);
  out_ += '"';
  text.append(out_, value);
  out_ += '"';
  return *this;
}

JsonLine& JsonLine::stamp(WallTime value) {
  time("time", value);
  begin_value("time_s");
  auto nanoseconds = value.time_since_epoch().count();
  if (nanoseconds < 0) out_ += '-';
  nanoseconds = std::abs(nanoseconds);
  out_ += std::to_string(nanoseconds / 1'000'000'000);
  out_ += '.';
  append_padded(out_, nanoseconds % 1'000'000'000, 9);
  return *this;
}

JsonLine& JsonLine::micros(std::string_view key, std::chrono::nanoseconds value) {
  begin_value(key);
  auto nanoseconds = value.count() < 0 ? 0 : value.count();
  out_ += std::to_string(nanoseconds / 1000);
  out_ += '.';
  append_padded(out_, nanoseconds % 1000, 3);
  return *this;
}

std::string& JsonLine::value(std::string_view key) {
  begin_value(key);
  return out_;
}

void TimeText::append(std::string& out, WallTime time) {
  auto whole = std::chrono::floor<std::chrono::seconds>(time);
  if (whole != second_) {
    second_ = whole;
    std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    prefix_.assign(text.data(),
                   std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts));
  }
  out += prefix_;
  append_padded(out, (time - whole).count(), 9);
  out += 'Z';
}

void TimeText::append_of_day(std::string& out, WallTime time) {
  auto whole = std::chrono::floor<std::chrono::seconds>(time);
  if (whole != day_second_) {
    day_second_ = whole;
    std::time_t seconds = whole.time_since_epoch().count();
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 20> text{};
    day_prefix_.assign(text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S.", &parts));
  }
  out += day_prefix_;
  append_padded(out, (time - whole).count() / 1'000'000, 3);
}

}  // namespace tool
