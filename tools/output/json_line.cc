#include "output/json_line.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/ascii.h"
#include "text/json_text.h"
#include "text/time.h"

namespace tool {

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
  compactor::text::append_json_escaped(out_, value);
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
  thread_local compactor::text::TimeText text;
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
  compactor::text::append_digits(out_, nanoseconds % 1'000'000'000, 9);
  return *this;
}

JsonLine& JsonLine::micros(std::string_view key, std::chrono::nanoseconds value) {
  begin_value(key);
  auto nanoseconds = value.count() < 0 ? 0 : value.count();
  out_ += std::to_string(nanoseconds / 1000);
  out_ += '.';
  compactor::text::append_digits(out_, nanoseconds % 1000, 3);
  return *this;
}

std::string& JsonLine::value(std::string_view key) {
  begin_value(key);
  return out_;
}

}  // namespace tool
