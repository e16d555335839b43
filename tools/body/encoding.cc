#include "body/encoding.h"

#include "text/hex.h"
#include "text/utf8.h"

namespace tool {

using compactor::text::code_point;
using compactor::text::hex_digits;
using compactor::text::is_control;
using compactor::text::is_invisible;
using compactor::text::utf8_length;

namespace {

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

/// \u202e; beyond 16 bits \U000e0041, as C++ and Python write it.
void append_escaped_code(std::string& out, char32_t code) {
  bool wide = code > 0xffff;
  out += wide ? "\\U" : "\\u";
  for (int shift = wide ? 28 : 12; shift >= 0; shift -= 4) out += hex_digits[code >> shift & 15];
}

}  // namespace

bool is_shown_as_it_is(std::string_view text) {
  while (!text.empty()) {
    auto length = utf8_length(text);
    if (length == 0) return false;
    auto code = code_point(text, length);
    if (is_control(code) || is_invisible(code)) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_terminal_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    auto length = utf8_length(text);
    if (length == 0) {
      append_escaped_byte(out, static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    auto code = code_point(text, length);
    if (is_control(code)) {
      append_escaped_byte(out, static_cast<unsigned char>(code));
    } else if (is_invisible(code)) {
      append_escaped_code(out, code);
    } else {
      if (code == '\\') out += '\\';
      out.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
}

std::string terminal_escaped(std::string_view text) {
  std::string out;
  append_terminal_escaped(out, text);
  return out;
}

void append_indented_json(std::string& out, std::string_view json, std::size_t indent) {
  constexpr std::size_t step = 2;
  std::size_t depth = 0;
  const auto new_line = [&] { out.append("\n").append(indent + step * depth, ' '); };
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    const char next = i + 1 < json.size() ? json[i + 1] : '\0';
    if (quoted) {
      out += c;
      if (c == '\\' && next != '\0') out += json[++i];
      quoted = c != '"';
      continue;
    }
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    if (opens && (next == '}' || next == ']')) {
      out += c;
      out += json[++i];
      continue;
    }
    if (closes && depth > 0) {
      --depth;
      new_line();
    }
    out += c;
    quoted = c == '"' && depth > 0;
    if (opens) ++depth;
    if (opens || (c == ',' && depth > 0)) new_line();
    if (c == ':' && depth > 0) out += ' ';
  }
}

}  // namespace tool
