#include "schema/json_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "schema/unicode.h"

namespace compactor::schema {
namespace {

/// True for the bytes that stand for themselves in a JSON string: printable ASCII but for quote and
/// backslash.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

bool is_plain(char c) {
  return plain[static_cast<unsigned char>(c)];
}

constexpr char hex_digits[] = "0123456789abcdef";

void append_unicode_escape(std::string& out, unsigned code) {
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += hex_digits[code >> shift & 15];
}

/// Beyond 16 bits as a pair of surrogates, as JSON has it.
void append_escaped_character(std::string& out, char32_t code) {
  if (code < 0x10000) return append_unicode_escape(out, code);
  append_unicode_escape(out, 0xd800 + ((code - 0x10000) >> 10));
  append_unicode_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/// What a terminal would act on, or hide: C1 controls and invisible characters.
bool must_be_escaped(char32_t code) {
  return code < 0xa0 || is_invisible(code);
}

void append_escaped_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      append_unicode_escape(out, static_cast<unsigned char>(c));
  }
}

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

template <class T>
bool append_number(std::string& out, T value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
    const T usual = std::numeric_limits<T>::quiet_NaN();
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    return std::bit_cast<Bits>(value) == std::bit_cast<Bits>(usual);
  }
  if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return true;
  }
  if (value == 0 && std::signbit(value)) {
    out += "-0.0";  // "-0" would be read as the integer 0
    return true;
  }
  char text[48];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead < 0xc2   ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return size;
}

bool append_json_escaped(std::string& out, std::string_view text) {
  bool valid = true;
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && is_plain(text[run])) ++run;
    out.append(text.data(), run);
    text.remove_prefix(run);
    if (text.empty()) break;
    if (static_cast<signed char>(text.front()) >= 0) {
      append_escaped_ascii(out, text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      valid = false;
      text.remove_prefix(1);
    } else if (const auto code = code_point(text, length); must_be_escaped(code)) {
      append_escaped_character(out, code);
      text.remove_prefix(length);
    } else {
      out.append(text.data(), length);
      text.remove_prefix(length);
    }
  }
  return valid;
}

bool append_json_string(std::string& out, std::string_view text) {
  out += '"';
  const bool valid = append_json_escaped(out, text);
  out += '"';
  return valid;
}

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

bool append_json_number(std::string& out, double value) {
  return append_number(out, value);
}

bool append_json_number(std::string& out, float value) {
  const std::size_t start = out.size();
  const bool usual = append_number(out, value);
  // The shortest text of a float, read as a double, may round to the float beside it.
  double read = 0;
  const char* end = out.data() + out.size();
  if (std::isfinite(value) && std::from_chars(out.data() + start, end, read).ec == std::errc{} &&
      static_cast<float>(read) != value) {
    out.resize(start);
    append_number(out, static_cast<double>(value));
  }
  return usual;
}

}  // namespace compactor::schema
