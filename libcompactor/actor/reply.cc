// Replies: messages that are sent only because a peer sent one, and so to an address that he chose.
#include <algorithm>
#include <utility>

#include "actor/context_impl.h"
#include "net/clock.h"
#include "wire/encode.h"

namespace compactor {

ReturnAddress ReturnAddress::of(const MessageView& message) {
  ReturnAddress address{message.from, message.to.str(), message.reply_depth, {}};
  if (message.connection != nullptr) address.connection = message.connection->weak_from_this();
  return address;
}

std::string ContextImpl::why_no_reply(const ReturnAddress& address, std::string_view name,
                                      std::size_t size) const {
  const Pid& to = address.to;
  if (to.port == 0 || to.host.empty()) return "its sender is not a PID";
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
  // Only until the loop has come to those before it. What is larger than all the room there is gets
  // all of it, and is refused there.
  const std::size_t size = std::min(name.size() + body.size(), options_.max_queued_bytes);
  while (!posted_replies_.reserve(size)) {
    if (!posted_replies_.wait_roomy(std::chrono::hours(1)) || commons_.stopping)
      return SendResult::stopped;
  }
  const bool posted = post_task(
      PostedReply{address, std::string(name), std::string(body), size, std::move(on_delivery)});
  return posted ? SendResult::queued : SendResult::stopped;
}

void ContextImpl::run_task(PostedReply& reply) {
  posted_replies_.release_bytes(reply.reserved);
  posted_replies_.release_messages(1);
  if (commons_.stopping) return unsent_at_stop(reply.on_delivery);
  reply_on_loop(reply.address, reply.name, reply.body, std::move(reply.on_delivery));
}

void ContextImpl::run_task(const RefusedReply& reply) {
  reporter_.complete(reply.on_delivery, reply.delivery);
}

void ContextImpl::reply_on_loop(const ReturnAddress& address, std::string_view name,
                                std::string_view body, OnDelivery on_delivery) {
  const Loop::Turn turn(loop_);
  const Pid& to = address.to;
  const std::size_t bound = wire::message_size_bound(address.from, to, name, body.size());
  std::string why = why_no_reply(address, name, bound);
  Sent sent{std::move(on_delivery), {}, Clock::now(), 0};
  const OutgoingMessage message{address.from, to, name, body, address.depth + 1};
  const auto connection = why.empty() ? outbound_.reply(message, bound, sent, why) : nullptr;
  if (connection) {
    if (connection->overloaded()) connection->hold_up(address.connection);
    return;
  }
  // Posted, so that nobody is called back before his reply() has returned.
  post_task(RefusedReply{std::move(sent.on_delivery),
                         not_delivered(Outcome::failed, Fault::none, 0, std::move(why))});
}

}  // namespace compactor
