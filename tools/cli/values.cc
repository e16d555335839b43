#include "cli/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "cli/failure.h"
#include "compactor/error.h"

namespace tool {

namespace {

// A year is enough for everyone, and far from where adding to a clock could overflow.
constexpr double most_seconds = 366 * 86400.0;

Failure bad_value(std::string_view what, std::string_view text, std::string hint) {
  return Failure(Exit::usage, "usage",
                 std::string(what) + " \"" + std::string(text) + "\" does not read",
                 std::move(hint));
}

/// A decimal number without sign or exponent at the start of `text`, which is shortened by it.
std::optional<double> take_number(std::string_view& text) {
  auto end = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  auto [rest, error] =
      std::from_chars(text.data(), text.data() + end, number, std::chars_format::fixed);
  if (error != std::errc() || rest != text.data() + end) return std::nullopt;
  text.remove_prefix(end);
  return number;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && ((text[end] | 0x20) >= 'a' && (text[end] | 0x20) <= 'z')) ++end;
  auto letters = text.substr(0, end);
  text.remove_prefix(end);
  return letters;
}

struct TimeUnit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<TimeUnit, 7> time_units{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}}};

std::optional<double> nanoseconds_per(std::string_view unit) {
  for (const auto& known : time_units) {
    if (known.name == unit) return known.nanoseconds;
  }
  return std::nullopt;
}

std::optional<double> size_factor(std::string_view unit) {
  if (unit.empty() || unit == "b" || unit == "B") return 1;
  std::string_view rest = unit.substr(1);
  if (!(rest.empty() || rest == "b" || rest == "B" || rest == "ib" || rest == "iB"))
    return std::nullopt;
  switch (unit[0] | 0x20) {
    case 'k':
      return 1024.0;
    case 'm':
      return 1024.0 * 1024;
    case 'g':
      return 1024.0 * 1024 * 1024;
    default:
      return std::nullopt;
  }
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// One shell word starting at `at`, which is moved behind it.
std::string take_word(std::string_view command, std::size_t& at) {
  std::string word;
  char quote = 0;
  for (; at < command.size() && (quote != 0 || !is_blank(command[at])); ++at) {
    char c = command[at];
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'') {
      if (++at == command.size()) break;
      // Inside double quotes a backslash escapes only these; before anything else it stands for
      // itself.
      bool escapes = quote == 0 || command[at] == '"' || command[at] == '\\' ||
                     command[at] == '$' || command[at] == '`';
      if (!escapes) word += '\\';
      word += command[at];
    } else {
      word += c;
    }
  }
  if (quote != 0) {
    throw Failure(Exit::usage, "usage",
                  std::string("the quote ") + quote + " in the command is not closed",
                  "quote it once more for your shell, or use --exec-shell");
  }
  return word;
}

std::string with_three_digits(double value, const char* unit) {
  std::array<char, 48> text{};
  int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  int length = std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, unit);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

Duration parse_duration(std::string_view text) {
  const char* hint = "as in 250ms, 5s, 1m30s; a bare number is seconds";
  auto rest = text;
  double total = 0;
  do {
    auto number = take_number(rest);
    auto unit = take_letters(rest);
    if (!number || (unit.empty() && !rest.empty())) throw bad_value("duration", text, hint);
    auto scale = nanoseconds_per(unit.empty() ? "s" : unit);
    if (!scale) throw bad_value("duration", text, hint);
    total += *number * *scale;
  } while (!rest.empty());
  if (total > most_seconds * 1e9) throw bad_value("duration", text, "a year is the most");
  return Duration(static_cast<std::int64_t>(std::llround(total)));
}

std::size_t parse_size(std::string_view text) {
  auto rest = text;
  auto number = take_number(rest);
  auto factor = size_factor(rest);
  if (!number || !factor || *number * *factor > 1e15) {
    throw bad_value("size", text, "as in 512, 64k, 1m");
  }
  return static_cast<std::size_t>(*number * *factor);
}

double parse_rate(std::string_view text) {
  auto rest = text;
  auto number = take_number(rest);
  if (rest.size() >= 2 && rest.substr(rest.size() - 2) == "/s") rest.remove_suffix(2);
  double factor = rest.empty() ? 1 : rest == "k" ? 1e3 : rest == "m" ? 1e6 : 0;
  if (!number || factor == 0 || *number <= 0) {
    throw bad_value("rate", text, "messages per second, as in 100, 100/s, 2k/s");
  }
  double rate = *number * factor;
  if (rate < 1 / most_seconds) throw bad_value("rate", text, "one message a year is the least");
  return rate;
}

std::uint64_t parse_number(std::string_view text, std::uint64_t low, std::uint64_t high,
                           std::string_view what) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    bool open = high == std::numeric_limits<std::uint64_t>::max();
    throw bad_value(
        what, text,
        "a number from " + std::to_string(low) + (open ? "" : " to " + std::to_string(high)));
  }
  return value;
}

compactor::Pid parse_pid(std::string_view text) {
  auto bad = [&](const std::string& why) {
    return Failure(Exit::usage, "pid", "\"" + std::string(text) + "\" is no PID: " + why,
                   "as in master@10.0.0.5:5050");
  };
  if (std::any_of(text.begin(), text.end(), is_blank)) throw bad("it contains a blank");
  compactor::Pid pid;
  try {
    pid = compactor::Pid::parse(text);
  } catch (const compactor::InvalidPid& error) {
    std::string why = error.what();
    auto again = "invalid PID '" + std::string(text) + "': ";  // said already
    throw bad(why.starts_with(again) ? why.substr(again.size()) : why);
  }
  if (pid.host.empty()) throw bad("it has no host");
  if (pid.port == 0) throw bad("the port is not in 1–65535");
  return pid;
}

void check_id(std::string_view id) {
  if (id.find_first_of("\r\n@") == std::string_view::npos) return;
  throw Failure(Exit::usage, "pid", "the id \"" + std::string(id) + "\" cannot be carried",
                "an id may hold anything but '@', CR and LF");
}

std::vector<std::string> split_words(std::string_view command) {
  std::vector<std::string> words;
  for (std::size_t at = 0;;) {
    while (at < command.size() && is_blank(command[at])) ++at;
    if (at == command.size()) return words;
    words.push_back(take_word(command, at));
  }
}

std::string human_duration(double microseconds) {
  if (microseconds < 1e3) return with_three_digits(microseconds, "us");
  if (microseconds < 1e6) return with_three_digits(microseconds / 1e3, "ms");
  return with_three_digits(microseconds / 1e6, "s");
}

std::string human_size(double bytes) {
  if (bytes < 1000) return std::to_string(static_cast<long>(bytes)) + " B";
  if (bytes < 1e6) return with_three_digits(bytes / 1e3, "kB");
  if (bytes < 1e9) return with_three_digits(bytes / 1e6, "MB");
  return with_three_digits(bytes / 1e9, "GB");
}

std::string counted(std::uint64_t count, const char* noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

std::string duration_text(Duration duration) {
  auto left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  constexpr std::array<std::pair<std::int64_t, const char*>, 6> units{{{3'600'000'000'000, "h"},
                                                                       {60'000'000'000, "m"},
                                                                       {1'000'000'000, "s"},
                                                                       {1'000'000, "ms"},
                                                                       {1'000, "us"},
                                                                       {1, "ns"}}};
  for (const auto& [size, name] : units) {
    if (left < size) continue;
    text += std::to_string(left / size) + name;
    left %= size;
  }
  return text;
}

}  // namespace tool
