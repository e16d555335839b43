#include "output/text_parts.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "body/encoding.h"
#include "cli/values.h"

namespace tool {

void append_other_packets(std::string& out, const SniffSummary& summary) {
  if (summary.other_packets.empty()) return;
  out += counted(summary.not_tcp, "packet") + " not TCP:";
  for (const auto& [kind, count] : summary.other_packets) {
    if (kind != summary.other_packets.front().first) out += ',';
    out += ' ' + std::to_string(count) + ' ' + std::string(kind);
  }
  out += '\n';
}

void append_losses(std::string& out, const SniffSummary& summary) {
  const std::pair<std::uint64_t, const char*> all[] = {
      {summary.kernel_drops, "dropped by the kernel"},
      {summary.uncertain, "with an unknown answer"},
      {summary.undecodable, "undecodable"},
      {summary.evicted, "connections evicted"},
      {summary.midstream, "connections met in the middle"},
      {summary.retransmitted, "retransmitted"},
      {summary.out_of_order, "out of order"},
      {summary.overlapping, "overlapping"},
      {summary.out_of_window, "out of window"},
      {summary.resets, "reset"},
      {summary.reused, "ports reused"},
      {summary.cut, "cut by the snaplen"},
      {summary.fragments, "IP fragments"},
      {summary.malformed, "malformed"},
      {summary.abandoned, "given up for want of memory"},
      {summary.refused, "not connected"},
      {summary.duplicate_packets, "in two files"},
      {summary.tls, summary.tls == 1 ? "connection of TLS" : "connections of TLS"},
  };
  bool first = true;
  for (const auto& [count, what] : all) {
    if (count == 0) continue;
    out += (first ? "" : ", ") + std::to_string(count) + ' ' + what;
    first = false;
  }
  if (!first) out += '\n';
}

void append_resources(std::string& out, const Amounts& resources, const Amounts& used_resources) {
  if (resources.empty()) return;
  out += "  resources  ";
  for (const auto& [name, amount] : resources) {
    auto used = used_resources.find(name);
    std::array<char, 96> text{};
    int length = std::snprintf(text.data(), text.size(), " %s %.6g of %.6g", name.c_str(),
                               used == used_resources.end() ? 0 : used->second, amount);
    if (out.back() != ' ') out += ',';
    out +=
        std::string_view(text.data(), std::min(text.size() - 1, static_cast<std::size_t>(length)));
  }
  out += " in use\n";
}

void append_names(std::string& out,
                  const std::map<std::string, std::uint64_t, std::less<>>& names) {
  std::vector<std::pair<std::uint64_t, std::string_view>> rows;
  for (const auto& [name, count] : names) rows.emplace_back(count, name);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [count, name] : rows) {
    auto text = std::to_string(count);
    out += std::string(text.size() < 10 ? 10 - text.size() : 0, ' ') + text + "  ";
    append_terminal_escaped(out, name.empty() ? "(no name)" : name);
    out += '\n';
  }
}

}  // namespace tool
