// One NDJSON object, appended by hand: the path of every message that serve and sniff print.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "output/events.h"
#include "text/time.h"

namespace tool {

/// Keys must be plain ASCII that needs no escaping; values may be any bytes. Views and the buffer
/// must outlive it.
class JsonLine {
 public:
  JsonLine(std::string& out, std::string_view type);

  JsonLine& text(std::string_view key, std::string_view value);
  /// Nothing is written when the value is empty.
  JsonLine& text_if(std::string_view key, std::string_view value);
  JsonLine& number(std::string_view key, std::integral auto value) {
    begin_value(key);
    out_ += std::to_string(value);
    return *this;
  }
  JsonLine& real(std::string_view key, double value);
  JsonLine& yes(std::string_view key);
  /// RFC 3339, UTC, nanoseconds.
  JsonLine& time(std::string_view key, WallTime value);
  /// When it happened: `time`, and `time_s`, the same as seconds since the epoch, for whoever
  /// counts.
  JsonLine& stamp(WallTime value);
  /// Microseconds, to the nanosecond.
  JsonLine& micros(std::string_view key, std::chrono::nanoseconds value);
  /// For what is written by others: the key and its colon; the caller appends the value.
  std::string& value(std::string_view key);
  std::string& buffer() { return out_; }
  /// Closes the object and the line.
  void end() { out_ += "}\n"; }

 private:
  void begin_value(std::string_view key);

  std::string& out_;
};

}  // namespace tool
