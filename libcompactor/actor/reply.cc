// Replies: messages that are sent only because a peer sent one, and so to an address that he chose.
#include <netinet/in.h>

#include <utility>

#include "actor/clock.h"
#include "actor/context_impl.h"
#include "wire/encode.h"

namespace compactor {

ReturnAddress ReturnAddress::of(const MessageView& message) {
  ReturnAddress address{message.from, message.to.str(), message.reply_depth, {}};
  if (message.connection != nullptr) address.connection = message.connection->weak_from_this();
  return address;
}

namespace {

bool is_unspecified(const std::string& host) {
  in_addr address{};
  return parse_ipv4(host, address) && ntohl(address.s_addr) >> 24 == 0;  // RFC 1122 §3.2.1.3
}

}  // namespace

std::string ContextImpl::why_no_reply(const ReturnAddress& address, std::string_view name,
                                      std::size_t size) const {
  const Pid& to = address.to;
  if (to.port == 0 || to.host.empty()) return "its sender is not a PID";
  if (is_unspecified(to.host)) return to.host + " is no host's address";
  if (is_our_address(to)) return "it would go to ourselves";
  if (const char* why = wire::why_not_sendable(options_.style, address.from, to, name)) return why;
  if (size > options_.max_queued_bytes) return "it is too large";
  return {};
}

SendResult ContextImpl::reply(const ReturnAddress& address, std::string_view name,
                              std::string_view body, OnDelivery on_delivery) {
  if (stopping_) return SendResult::stopped;
  if (on_loop()) {
    reply_on_loop(address, name, body, std::move(on_delivery));
    return SendResult::queued;
  }
  // Only until the loop has come to those before it.
  const std::size_t size = name.size() + body.size();
  while (!posted_replies_.reserve(size)) {
    if (!posted_replies_.wait_roomy(std::chrono::hours(1)) || stopping_) return SendResult::stopped;
  }
  const bool posted = post([this, size, address, name = std::string(name), body = std::string(body),
                            on_delivery = std::move(on_delivery)]() mutable {
    posted_replies_.release_bytes(size);
    posted_replies_.release_messages(1);
    reply_on_loop(address, name, body, std::move(on_delivery));
  });
  return posted ? SendResult::queued : SendResult::stopped;
}

void ContextImpl::reply_on_loop(const ReturnAddress& address, std::string_view name,
                                std::string_view body, OnDelivery on_delivery) {
  const Loop::Turn turn(loop_);
  const Pid& to = address.to;
  const std::size_t bound = wire::message_size_bound(address.from, to, name, body.size());
  std::string why = stopping_ ? "stopped before it was sent" : why_no_reply(address, name, bound);
  const auto connection = why.empty() ? reply_connection({to.host, to.port}) : nullptr;
  if (connection && !connection->reserve_reply(bound)) why = "its receiver takes nothing";
  if (!why.empty()) {
    // Posted, so that nobody is called back before his reply() has returned.
    post([this, on_delivery = std::move(on_delivery),
          delivery = not_delivered(Outcome::failed, Fault::none, 0, std::move(why))] {
      reporter_.complete(on_delivery, delivery);
    });
    return;
  }
  count(reporter_.counters.messages_sent);
  std::string& output = connection->output_for(bound);
  const std::size_t before = output.size();
  wire::append_message(output, options_.style, address.from, to, name, body, address.depth + 1);
  const std::size_t bytes = output.size() - before;
  connection->budget()->correct(bound - bytes);
  connection->appended(bytes, Sent{std::move(on_delivery), {}, Clock::now(), 0});
  if (connection->overloaded()) connection->hold_up(address.connection);
}

std::shared_ptr<Outbound> ContextImpl::reply_connection(const Address& address) {
  if (const auto found = outbound_.find(address); found != outbound_.end()) {
    found->second->carry_replies();
    return found->second;
  }
  auto connection = make_outbound(address);
  connection->carry_replies();
  reply_connections_.add(connection);
  open(*connection);
  return connection;
}

/// In whatever spelling.
bool ContextImpl::leads_to_us(in_addr ip, std::uint16_t port) const {
  if (port != bound_.port) return false;
  if (bound_.host == "0.0.0.0") return is_local_address(ip);
  in_addr ours{};
  return parse_ipv4(bound_.host, ours) && ours.s_addr == ip.s_addr;
}

}  // namespace compactor
