// What a user types: durations, sizes, rates, PIDs, shell words. Everything that does not
// read is a Failure with exit 2 that names the text.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compactor/pid.h"

namespace tool {

using Duration = std::chrono::nanoseconds;

/// `250ms`, `5s`, `1m30s`, `1h`, `10us`, `1.5s`; a bare number is seconds.
Duration parse_duration(std::string_view text);
/// `512`, `64k`, `1m`, `2g` (1024 each), also `64KiB`, `1mb`.
std::size_t parse_size(std::string_view text);
/// Messages per second: `100`, `100/s`, `2.5k/s`.
double parse_rate(std::string_view text);
/// A number in [low, high]; `what` names it in the error.
std::uint64_t parse_number(std::string_view text, std::uint64_t low, std::uint64_t high,
                           std::string_view what);

/// Strict: id@host:port, port 1–65535, no blanks, no IPv6.
compactor::Pid parse_pid(std::string_view text);
/// An id that a request line and a header can carry: no CR, LF or '@'.
void check_id(std::string_view id);

/// Splits as a POSIX shell does (blanks, '…', "…", \), without any expansion. Failure for an open
/// quote.
std::vector<std::string> split_words(std::string_view command);

/// For people: `1.5 ms`, `2.03 s`; `512 B`, `64 kB`.
std::string human_duration(double microseconds);
std::string human_size(double bytes);
/// `1 byte`, `2 bytes`.
std::string counted(std::uint64_t count, const char* noun);
/// As parse_duration reads it, for messages: `250ms`, `5s`, `1m30s`.
std::string duration_text(Duration duration);

}  // namespace tool
