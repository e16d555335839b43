#include "output/line_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace tool {

namespace {

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

constexpr std::string_view master_prefix = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx-";

/// Whether a UUID and a dash begin there, as the ids that a master gives do.
bool begins_id(std::string_view text) {
  if (text.size() <= master_prefix.size()) return false;
  for (std::size_t i = 0; i < master_prefix.size(); ++i)
    if (master_prefix[i] == 'x' ? !is_hex_digit(text[i]) : text[i] != '-') return false;
  return true;
}

bool continues_character(char c) {
  return (c & '\xc0') == '\x80';
}

}  // namespace

std::size_t columns_of_stdout() {
  winsize size{};
  const bool terminal = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return terminal ? size.ws_col : columns_elsewhere;
}

std::size_t width_of(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string fitted(std::string_view text, std::size_t width) {
  if (text.size() <= width || width_of(text) <= width) return std::string(text);
  std::size_t size = 0;
  for (std::size_t left = width; size < text.size(); ++size) {
    if (continues_character(text[size])) continue;
    if (left-- <= 1) break;
  }
  return std::string(text.substr(0, size)) + "…";
}

void append_wrapped(std::string& out, std::string_view text, std::size_t columns,
                    std::size_t column, std::size_t indent) {
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    if (column + width_of(word) > columns && column > indent) {
      if (out.back() == ' ') out.pop_back();
      out.append("\n").append(indent, ' ');
      column = indent;
    }
    out += word;
    column += width_of(word);
    if (end == std::string_view::npos) return;
    out += ' ';
    ++column;
    text.remove_prefix(end + 1);
  }
}

std::string with_short_ids(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (begins_id(text)) text.remove_prefix(master_prefix.size());
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace tool
