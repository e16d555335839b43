#include "actor/outbound_connections.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/clock.h"
#include "net/net.h"
#include "wire/encode.h"

namespace compactor {
namespace {

std::size_t reply_connection_limit(const Options& options, std::size_t outgoing) {
  constexpr std::size_t kMost = 1024;
  if (options.max_reply_connections > 0) return options.max_reply_connections;
  return std::clamp<std::size_t>(outgoing / 4, 1, kMost);
}

}  // namespace

OutboundConnections::OutboundConnections(Commons& its_commons, Registry& registry, Address bound)
    : OutboundHost(its_commons, reply_connections_),
      registry_(registry),
      bound_(std::move(bound)),
      max_(connection_limit(commons.options.max_outgoing)),
      sweep_timer_(commons.loop.io()),
      reply_connections_(commons.loop, reply_connection_limit(commons.options, max_),
                         commons.options.reply_timeout) {}

std::shared_ptr<Budget> OutboundConnections::budget(const Address& address) {
  std::lock_guard lock(budgets_mutex_);
  auto& budget = budgets_[address];
  if (!budget) {
    budget =
        std::make_shared<Budget>(commons.options.max_queued_bytes, commons.options.max_unanswered);
  }
  return budget;
}

// --- Sending

SendResult OutboundConnections::send(const OutgoingMessage& message, std::size_t bound,
                                     Sent&& sent) {
  const auto connection = connection_to({message.to.host, message.to.port});
  if (!connection->budget()->reserve(bound)) return SendResult::full;
  append(*connection, message, bound, std::move(sent));
  return SendResult::queued;
}

void OutboundConnections::send(EncodedMessage& message) {
  const auto connection = connection_to(message.to);
  count(commons.reporter.counters.messages_sent);
  connection->output_for(message.bytes.size()) += message.bytes;
  connection->appended(message.bytes.size(), std::move(message.sent));
}

std::shared_ptr<Outbound> OutboundConnections::reply(const OutgoingMessage& message,
                                                     std::size_t bound, Sent& sent,
                                                     std::string& why) {
  auto connection = reply_connection_to({message.to.host, message.to.port});
  why = connection->why_no_reply();
  if (why.empty() && !connection->reserve_reply(bound)) why = "its receiver takes nothing";
  if (!why.empty()) return nullptr;
  append(*connection, message, bound, std::move(sent));
  return connection;
}

/// Straight into what the connection will write.
void OutboundConnections::append(Outbound& connection, const OutgoingMessage& message,
                                 std::size_t bound, Sent&& sent) {
  const auto& [from, to, name, body, depth] = message;
  count(commons.reporter.counters.messages_sent);
  std::string& output = connection.output_for(bound);
  const std::size_t before = output.size();
  wire::append_message(output, commons.options.style, from, to, name, body, depth);
  const std::size_t bytes = output.size() - before;
  connection.budget()->correct(bound - bytes);
  connection.appended(bytes, std::move(sent));
}

// --- Connections

std::shared_ptr<Outbound> OutboundConnections::connection_to(const Address& address) {
  if (const auto found = by_address_.find(address); found != by_address_.end()) {
    found->second->carry_messages();
    return found->second;
  }
  auto connection = make(address);
  open(*connection);
  return connection;
}

std::shared_ptr<Outbound> OutboundConnections::reply_connection_to(const Address& address) {
  if (const auto found = by_address_.find(address); found != by_address_.end()) {
    found->second->carry_replies();
    return found->second;
  }
  auto connection = make(address);
  connection->carry_replies();
  reply_connections_.add(connection, *connection->replies());
  open(*connection);
  return connection;
}

std::shared_ptr<Outbound> OutboundConnections::make(const Address& address) {
  OutboundHost& host = *this;
  auto connection = std::make_shared<Outbound>(host, address, budget(address));
  by_address_.emplace(address, connection);
  return connection;
}

void OutboundConnections::open(Outbound& connection) {
  if (by_address_.size() + retired_.size() > max_) {
    connection.refuse({EMFILE, std::system_category()});
  } else {
    connection.open();
  }
}

void OutboundConnections::flush() {
  for (const auto& connection : std::exchange(to_flush, {})) connection->flush();
}

void OutboundConnections::retired(const std::shared_ptr<Outbound>& connection) {
  const auto found = by_address_.find(connection->address());
  if (found == by_address_.end() || found->second != connection) return;
  by_address_.erase(found);
  retired_.insert(connection);
}

void OutboundConnections::closed(const std::shared_ptr<Outbound>& connection) {
  retired(connection);
  retired_.erase(connection);
  std::lock_guard lock(budgets_mutex_);
  const auto found = budgets_.find(connection->address());
  // Held by the table and by this connection only: nobody is about to use it.
  if (found != budgets_.end() && found->second.use_count() == 2 && !commons.stopping)
    budgets_.erase(found);
}

/// In whatever spelling.
bool OutboundConnections::leads_to_us(in_addr ip, std::uint16_t port) const {
  if (port != bound_.port) return false;
  if (bound_.host == "0.0.0.0") return is_local_address(ip);
  in_addr ours{};
  return parse_ipv4(bound_.host, ours) && ours.s_addr == ip.s_addr;
}

void OutboundConnections::need_sweep() {
  if (std::exchange(sweep_armed_, true)) return;
  sweep_timer_.expires_after(kSweepEvery);
  sweep_timer_.async_wait([this](const asio::error_code& aborted) {
    if (aborted) return;
    sweep_armed_ = false;
    const Loop::Turn turn(commons.loop);
    sweep();
  });
}

void OutboundConnections::sweep() {
  const auto now = Clock::now();
  for (const auto& connection : std::vector(retired_.begin(), retired_.end())) {
    connection->tick(now);
    need_sweep();
  }
}

// --- Links

void OutboundConnections::link(const std::string& process_id, const Pid& to) {
  // A failure to connect is never told at once: it finds the link, and is an exit like any other.
  connection_to({to.host, to.port})->link(process_id, to);
}

void OutboundConnections::unlink(const std::string& process_id, const Pid& to) {
  if (const auto found = by_address_.find({to.host, to.port}); found != by_address_.end())
    found->second->unlink(process_id, to);
  for (const auto& connection : retired_) connection->unlink(process_id, to);
}

void OutboundConnections::unlink_all(const std::string& process_id) {
  const auto linked = linked_.extract(process_id);
  if (!linked) return;
  for (Outbound* connection : linked.mapped()) connection->unlink_all(process_id);
}

void OutboundConnections::linked(const std::string& process_id, Outbound& connection) {
  linked_[process_id].insert(&connection);
}

void OutboundConnections::unlinked(const std::string& process_id, Outbound& connection) {
  const auto found = linked_.find(process_id);
  if (found == linked_.end()) return;
  found->second.erase(&connection);
  if (found->second.empty()) linked_.erase(found);
}

void OutboundConnections::exited(const std::string& process_id, const Pid& pid, ExitReason reason) {
  registry_.exited(process_id, pid, reason);
}

// --- Stopping

void OutboundConnections::drain() {
  {
    std::lock_guard lock(budgets_mutex_);
    for (const auto& [address, budget] : budgets_) budget->close();
  }
  draining_ = all();
  for (const auto& connection : draining_) connection->retire();
}

bool OutboundConnections::drained() {
  // None becomes busy again: nothing is sent any more.
  while (!draining_.empty() && !draining_.back()->busy()) draining_.pop_back();
  return draining_.empty();
}

void OutboundConnections::abort(StopReport& report) {
  for (const auto& connection : all()) connection->abort(report);
}

std::vector<std::shared_ptr<Outbound>> OutboundConnections::all() const {
  std::vector<std::shared_ptr<Outbound>> all(retired_.begin(), retired_.end());
  for (const auto& [address, connection] : by_address_) all.push_back(connection);
  return all;
}

}  // namespace compactor
