// Replies: messages that are sent only because a peer sent one, and so to an address that he chose.
#include <netinet/in.h>

#include <utility>

#include "actor/context_impl.h"
#include "net/clock.h"
#include "net/net.h"
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
  if (commons_.stopping) return SendResult::stopped;
  if (on_loop()) {
    reply_on_loop(address, name, body, std::move(on_delivery));
    return SendResult::queued;
  }
  // Only until the loop has come to those before it.
  const std::size_t size = name.size() + body.size();
  while (!posted_replies_.reserve(size)) {
    if (!posted_replies_.wait_roomy(std::chrono::hours(1)) || commons_.stopping)
      return SendResult::stopped;
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
  std::string why =
      commons_.stopping ? "stopped before it was sent" : why_no_reply(address, name, bound);
  Sent sent{std::move(on_delivery), {}, Clock::now(), 0};
  const auto connection =
      why.empty() ? outbound_.reply({address.from, to, name, body, address.depth + 1}, bound, sent)
                  : nullptr;
  if (why.empty() && !connection) why = "its receiver takes nothing";
  if (!why.empty()) {
    // Posted, so that nobody is called back before his reply() has returned.
    post([this, on_delivery = std::move(sent.on_delivery),
          delivery = not_delivered(Outcome::failed, Fault::none, 0, std::move(why))] {
      reporter_.complete(on_delivery, delivery);
    });
    return;
  }
  if (connection->overloaded()) connection->hold_up(address.connection);
}

}  // namespace compactor
