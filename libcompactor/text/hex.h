// Hexadecimal digits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace compactor::text {

inline constexpr char hex_digits[] = "0123456789abcdef";

/// The value of a digit in either case; -1 when it is not one.
inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Appends two digits for each byte.
void append_hex(std::string& out, std::string_view bytes);
/// Blanks and line ends between digits are allowed. Nothing when there is an odd digit or another
/// character.
std::optional<std::string> decode_hex(std::string_view text);

}  // namespace compactor::text
