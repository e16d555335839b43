#include "text/base64.h"

#include <array>
#include <cstddef>

namespace compactor::text {
namespace {

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto base64_values = [] {
  std::array<int, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 64; ++i) {
    table[static_cast<unsigned char>(base64_digits[i])] = i;
  }
  table['-'] = 62;
  table['_'] = 63;
  return table;
}();

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const auto byte = [bytes](std::size_t i) -> unsigned {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    const char digits[4] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                            i + 1 < bytes.size() ? base64_digits[group >> 6 & 63] : '=',
                            i + 2 < bytes.size() ? base64_digits[group & 63] : '='};
    out.append(digits, sizeof digits);
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::size_t size = text.size();
  while (size > 0 && text.size() - size < 2 && text[size - 1] == '=') --size;
  if (size % 4 == 1 || (size != text.size() && text.size() % 4 != 0)) return std::nullopt;
  std::string bytes;
  bytes.reserve(size * 3 / 4);
  unsigned group = 0;
  int bits = 0;
  for (const char c : text.substr(0, size)) {
    const int value = base64_values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits);
    }
  }
  return bytes;
}

}  // namespace compactor::text
