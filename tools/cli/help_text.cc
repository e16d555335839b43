#include "cli/help_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string_view>

namespace tool {

namespace {

constexpr std::size_t narrowest_description = 24;
constexpr std::size_t columns_elsewhere = 100;  // in a pipe or a file

/// Characters, each one column wide: help has no others.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Where the description begins, behind two blanks or more; the end when there is none.
std::size_t description_of(std::string_view line) {
  const auto name = std::min(line.find_first_not_of(' '), line.size());
  const auto gap = line.find("  ", name);
  return std::min(line.find_first_not_of(' ', gap), line.size());
}

/// The words of `text` behind what `out` ends with, which takes `used` columns.
void append_words(std::string& out, std::string_view text, std::size_t used, std::size_t indent,
                  std::size_t columns) {
  bool first = true;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!first && used + 1 + width(word) > columns) {
      out += '\n' + std::string(indent, ' ');
      used = indent;
    } else if (!first) {
      out += ' ';
      ++used;
    }
    out += word;
    used += width(word);
    first = false;
  }
  out += '\n';
}

void append_line(std::string& out, std::string_view line, std::size_t columns) {
  const auto indent = std::min(line.find_first_not_of(' '), line.size());
  const auto description = description_of(line);
  const bool example = line.substr(indent).starts_with("compactor ") && indent > 0;
  if (width(line) <= columns || (example && description == line.size())) {
    out.append(line) += '\n';
  } else if (description == line.size()) {
    out.append(indent, ' ');
    append_words(out, line.substr(indent), indent, indent, columns);
  } else if (const auto column = width(line.substr(0, description));
             column + narrowest_description <= columns) {
    out += line.substr(0, description);
    append_words(out, line.substr(description), column, column, columns);
  } else {
    const auto head = line.substr(0, description);
    out += head.substr(0, head.find_last_not_of(' ') + 1);
    out += '\n' + std::string(indent + 4, ' ');
    append_words(out, line.substr(description), indent + 4, indent + 4, columns);
  }
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t columns) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) append_line(out, line, columns);
  return out;
}

void print_help(const std::string& text) {
  winsize size{};
  const bool terminal = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  std::fputs(wrapped(text, terminal ? size.ws_col : columns_elsewhere).c_str(), stdout);
}

}  // namespace tool
