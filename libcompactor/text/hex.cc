#include "text/hex.h"

namespace compactor::text {

void append_hex(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += hex_digits[byte >> 4];
    out += hex_digits[byte & 15];
  }
}

std::optional<std::string> decode_hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    const int value = hex_value(c);
    if (value < 0) return std::nullopt;
    if (high < 0) {
      high = value;
      continue;
    }
    bytes += static_cast<char>(high << 4 | value);
    high = -1;
  }
  if (high >= 0) return std::nullopt;
  return bytes;
}

}  // namespace compactor::text
