#include "sniff/sniff_statistics.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "body/v1_body.h"

namespace tool {

namespace {

constexpr std::size_t most_rows = 1000;
constexpr std::size_t longest_row_name = 1000;
constexpr std::string_view digits = "0123456789";

/// A number, a UUID, and what Mesos makes of one: 20140101-…-S0.
bool is_id(std::string_view part) {
  if (part.find_first_not_of(digits) == std::string_view::npos) return !part.empty();
  constexpr std::size_t shortest = 16;
  const auto hex = part.find_first_not_of("0123456789abcdefABCDEF-");
  const auto length = std::min(hex, part.size());
  return length >= shortest && part.substr(0, length).find_first_of(digits) != part.npos;
}

/// slave(1) -> slave(*)
std::string without_number(std::string_view part) {
  const auto open = part.rfind('(');
  const bool numbered = part.ends_with(')') && open != std::string_view::npos && open > 0 &&
                        is_id(part.substr(open + 1, part.size() - open - 2));
  return numbered ? std::string(part.substr(0, open)) + "(*)" : std::string(part);
}

}  // namespace

std::string endpoint_of(std::string_view url) {
  const auto path = path_of(url);
  std::string endpoint;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    endpoint += is_id(part) ? "*" : without_number(part);
    if (end < path.size()) endpoint += '/';
    at = end + 1;
  }
  return endpoint;
}

void SniffStatistics::Row::add(const Sample& sample) {
  smallest = messages == 0 ? sample.size : std::min(smallest, sample.size);
  largest = std::max(largest, sample.size);
  ++messages;
  bytes += sample.size;
  if (sample.what == Sample::What::event) return;  // it asks for no answer
  ++outcomes[sample.status.value_or(0)];
  if (sample.latency) latency->add(*sample.latency);
}

void SniffStatistics::add(const Sample& sample) {
  first_ = std::min(first_.value_or(sample.time), sample.time);
  last_ = std::max(last_, sample.time);
  if (sample.what != Sample::What::message) {
    const bool event = sample.what == Sample::What::event;
    return add(by_endpoint_, {sample.name, sample.from, sample.kind, event}, sample);
  }
  add(all_, {"all"}, sample);
  add(by_name_, {sample.kind.empty() ? sample.name : sample.name + '/' + sample.kind}, sample);
  add(by_pair_, {sample.from, sample.to}, sample);
}

void SniffStatistics::add(Rows& rows, Key key, const Sample& sample) {
  const bool is_full = rows.size() >= most_rows && !rows.contains(key);
  const bool is_long = std::max(key.first.size(), key.second.size()) > longest_row_name;
  rows[is_full || is_long ? Key{"(others)"} : std::move(key)].add(sample);
}

void SniffStatistics::print(Console& console) const {
  print(console, "all", all_);
  print(console, "name", by_name_);
  print(console, "pair", by_pair_);
  print(console, "endpoint", by_endpoint_);
}

void SniffStatistics::print(Console& console, std::string_view table, const Rows& rows) const {
  std::vector<const Rows::value_type*> sorted;
  for (const auto& each : rows) sorted.push_back(&each);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return a->second.messages > b->second.messages;
  });
  const auto seconds = std::chrono::duration<double>(last_ - first_.value_or(last_)).count();
  bool heading = true;
  for (const auto* each : sorted) {
    const auto& [key, row] = *each;
    StatisticsRow event;
    event.table = table;
    event.first = key.first;
    event.second = key.second;
    event.kind = key.kind;
    event.event = key.event;
    event.messages = row.messages;
    event.bytes = row.bytes;
    event.smallest = row.smallest;
    event.largest = row.largest;
    event.per_second = seconds > 0 ? static_cast<double>(row.messages) / seconds : 0;
    event.outcomes = &row.outcomes;
    event.latency = row.latency.get();
    event.heading = std::exchange(heading, false);
    console.print(event);
  }
}

}  // namespace tool
