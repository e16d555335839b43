#include "trace/departures.h"

#include <algorithm>
#include <utility>

#include "trace/role.h"

namespace compactor::trace {
namespace {

constexpr std::chrono::seconds kAtOnce{1};
constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kMostConnections = 1'000'000;

std::string_view address_of(std::string_view pid) {
  const auto at = pid.rfind('@');
  return at == std::string_view::npos ? std::string_view{} : pid.substr(at + 1);
}

/// Who is better known by it: the master than one of its actors.
bool is_better(std::string_view pid, std::string_view than) {
  const auto rank = [](std::string_view each) {
    const Role role = role_of(each);
    return role == Role::unknown ? 0
           : role == Role::master || role == Role::agent || role == Role::scheduler ||
                   role == Role::executor
               ? 2
               : 1;
  };
  return than.empty() || rank(pid) > rank(than);
}

}  // namespace

void Departures::add(const Message& message) {
  if (!known_.insert(message.conn).second) return;
  if (known_.size() > kMostConnections) known_.clear();
  learn(message.from, message.conn);
  learn(message.to, message.conn);
}

void Departures::learn(std::string_view pid, std::uint64_t conn) {
  const auto address = address_of(pid);
  if (address.empty()) return;
  auto found = nodes_.find(std::string(address));
  if (found == nodes_.end()) {
    if (nodes_.size() >= kMostNodes) return;
    found = nodes_.emplace(address, Node{}).first;
  }
  Node& node = found->second;
  node.alive.insert(conn);
  if (is_better(pid, node.pid)) node.pid = pid;
}

const std::string& Departures::pid_of(const std::string& address) const {
  const auto found = nodes_.find(address);
  return found == nodes_.end() || found->second.pid.empty() ? address : found->second.pid;
}

void Departures::add(const LinkEnd& end) {
  known_.erase(end.conn);
  for (const auto& address : {end.ended_by, end.other}) {
    const auto found = nodes_.find(address);
    if (found == nodes_.end()) continue;
    found->second.alive.erase(end.conn);
    if (end.lost_sight) found->second.lost_sight = true;
  }
  const auto found = nodes_.find(end.ended_by);
  if (found == nodes_.end() || end.unclear || found->second.lost_sight) return;
  Node& node = found->second;
  std::erase_if(node.ended, [&](const LinkEnd& each) { return end.time - each.time > kAtOnce; });
  node.ended.push_back(end);
  const bool lost = std::any_of(node.ended.begin(), node.ended.end(),
                                [](const LinkEnd& each) { return each.accepted; });
  if (!node.alive.empty() || !lost || node.ended.size() < 2) return;
  Departure departure{node.ended.front().time, node.pid, {}, {}};
  for (const LinkEnd& each : node.ended) {
    departure.conns.push_back(each.conn);
    const auto& who = pid_of(each.other);
    auto& all = departure.noticed_by;
    if (std::find(all.begin(), all.end(), who) == all.end()) all.push_back(who);
  }
  nodes_.erase(found);
  tell_(departure);
}

}  // namespace compactor::trace
