#include "text/json_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "text/hex.h"
#include "text/utf8.h"

namespace compactor::text {
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

}  // namespace compactor::text
