#include "encoding.h"

#include <array>
#include <cstdint>

namespace tool {

namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view hex_digits = "0123456789abcdef";

std::uint32_t octet(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

constexpr std::array<signed char, 256> base64_values = [] {
  std::array<signed char, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values[static_cast<unsigned char>(base64_digits[i])] = static_cast<signed char>(i);
  }
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool continues(std::string_view text, std::size_t at, std::uint32_t low = 0x80,
               std::uint32_t high = 0xbf) {
  return at < text.size() && octet(text, at) >= low && octet(text, at) <= high;
}

bool is_control(std::string_view text, std::size_t at, std::size_t length) {
  auto c = octet(text, at);
  if (length == 1) return c < 0x20 || c == 0x7f;
  return length == 2 && c == 0xc2 && octet(text, at + 1) < 0xa0;  // C1
}

/// Bytes that stand in a JSON string as they are, whatever stands beside them.
constexpr std::array<bool, 256> plain_in_json = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

void append_json_control(std::string& out, unsigned char c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    default:
      out += "\\u00";
      out += hex_digits[c >> 4];
      out += hex_digits[c & 15];
  }
}

void append_escaped_byte(std::string& out, unsigned char c) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\x";
      out += hex_digits[c >> 4];
      out += hex_digits[c & 15];
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  auto c = octet(text, at);
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return continues(text, at + 1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef) {
    auto low = c == 0xe0 ? 0xa0U : 0x80U;
    auto high = c == 0xed ? 0x9fU : 0xbfU;
    return continues(text, at + 1, low, high) && continues(text, at + 2) ? 3 : 0;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    auto low = c == 0xf0 ? 0x90U : 0x80U;
    auto high = c == 0xf4 ? 0x8fU : 0xbfU;
    bool whole =
        continues(text, at + 1, low, high) && continues(text, at + 2) && continues(text, at + 3);
    return whole ? 4 : 0;
  }
  return 0;
}

void append_base64(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    auto group = octet(bytes, at) << 16 | octet(bytes, at + 1) << 8 | octet(bytes, at + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out += base64_digits[group >> shift & 63];
  }
  auto rest = bytes.size() - at;
  if (rest == 0) return;
  auto group = octet(bytes, at) << 16 | (rest == 2 ? octet(bytes, at + 1) << 8 : 0);
  out += base64_digits[group >> 18];
  out += base64_digits[group >> 12 & 63];
  out += rest == 2 ? base64_digits[group >> 6 & 63] : '=';
  out += '=';
}

std::optional<std::string> decode_base64(std::string_view text) {
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) {
    text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    const signed char value = base64_values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<unsigned char>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  return bytes;
}

void append_hex(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + bytes.size() * 2);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    out += hex_digits[octet(bytes, at) >> 4];
    out += hex_digits[octet(bytes, at) & 15];
  }
}

std::optional<std::string> decode_hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    int value = hex_value(c);
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

bool is_printable_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    auto c = octet(bytes, at);
    if ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t') {
      ++at;
      continue;
    }
    auto length = utf8_length(bytes, at);
    if (length == 0 || is_control(bytes, at, length)) return false;
    at += length;
  }
  return true;
}

void append_json_escaped(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    auto run = at;
    while (run < text.size() && plain_in_json[octet(text, run)]) ++run;
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) return;
    auto length = utf8_length(text, at);
    if (length > 1) {
      out.append(text, at, length);
    } else if (length == 1) {
      append_json_control(out, static_cast<unsigned char>(text[at]));
    } else {
      out += "\xef\xbf\xbd";
    }
    at += length == 0 ? 1 : length;
  }
}

void append_terminal_escaped(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    auto length = utf8_length(text, at);
    if (length == 0) {
      append_escaped_byte(out, static_cast<unsigned char>(text[at++]));
    } else if (is_control(text, at, length)) {
      append_escaped_byte(out, static_cast<unsigned char>(text[at + length - 1]));
      at += length;
    } else {
      if (text[at] == '\\') out += '\\';
      out.append(text, at, length);
      at += length;
    }
  }
}

std::string terminal_escaped(std::string_view text) {
  std::string out;
  append_terminal_escaped(out, text);
  return out;
}

}  // namespace tool
