// A row of --stats, in words.
#include <array>
#include <cstdio>

#include "body/encoding.h"
#include "cli/values.h"
#include "output/text_parts.h"

namespace tool {

namespace {

void append_right(std::string& out, const std::string& text, std::size_t width) {
  out += std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

std::string number(double value) {
  std::array<char, 32> text{};
  int length = std::snprintf(text.data(), text.size(), "%.3g", value);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

void append_statistics(std::string& out, const StatisticsRow& row) {
  if (row.heading) {
    out += row.table == "all"    ? "\n"
           : row.table == "name" ? "\nby name\n"
           : row.table == "pair" ? "\nby sender and receiver\n"
                                 : "\nHTTP by endpoint and client\n";
    out += "  messages      size       /s       p50       p99  outcomes\n";
  }
  append_right(out, std::to_string(row.messages), 10);
  append_right(out, human_size(static_cast<double>(row.bytes)), 10);
  append_right(out, number(row.per_second), 9);
  append_right(
      out, row.latency->count() == 0 ? "-" : human_duration(row.latency->percentile_us(50)), 10);
  append_right(
      out, row.latency->count() == 0 ? "-" : human_duration(row.latency->percentile_us(99)), 10);
  out += ' ';
  for (const auto& [status, count] : *row.outcomes) {
    out += ' ' + (status == 0 ? std::string("none") : std::to_string(status)) + ':' +
           std::to_string(count);
  }
  out += "  ";
  append_terminal_escaped(out, row.first);
  if (!row.kind.empty()) out += ' ' + terminal_escaped(row.kind);
  if (!row.second.empty()) out += row.table == "endpoint" ? ", " : " → ";
  append_terminal_escaped(out, row.second);
  out += '\n';
}

}  // namespace tool
