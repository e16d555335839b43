// Parts of what is told at the end of a run, in words.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "output/events.h"

namespace tool {

/// Packets in which no TCP was seen.
void append_other_packets(std::string& out, const SniffSummary& summary);
/// What else happened; nothing when nothing did.
void append_losses(std::string& out, const SniffSummary& summary);

/// Under a heading, if it is the first of its table.
void append_statistics(std::string& out, const StatisticsRow& row);

using Amounts = std::map<std::string, double>;
void append_resources(std::string& out, const Amounts& resources, const Amounts& used_resources);

/// Each with its number, the most frequent first.
void append_names(std::string& out, const std::map<std::string, std::uint64_t, std::less<>>& names);

}  // namespace tool
