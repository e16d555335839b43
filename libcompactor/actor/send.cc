// Messages that are sent of one's own accord.
#include <utility>

#include "actor/context_impl.h"
#include "net/clock.h"
#include "wire/encode.h"

namespace compactor {

SendResult ContextImpl::send(const OutgoingMessage& message, OnDelivery on_delivery,
                             std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  if (commons_.stopping) return SendResult::stopped;
  if (to.port == 0 || to.host.empty() ||
      wire::why_not_sendable(options_.style, from, to, name) != nullptr) {
    return SendResult::invalid;
  }
  if (wire::message_size_bound(from, to, name, body.size()) > options_.max_queued_bytes)
    return SendResult::invalid;
  if (is_our_address(to)) return send_local(message, std::move(on_delivery), std::move(owner));
  return send_remote(message, std::move(on_delivery), std::move(owner));
}

SendResult ContextImpl::send_local(const OutgoingMessage& message, OnDelivery on_delivery,
                                   std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  if (!registry_.budget()->reserve(body.size())) return SendResult::full;
  LocalSend send{{to.id, std::string(from), std::string(name), std::string(body), depth,
                  Clock::now(), std::move(on_delivery), std::move(owner)}};
  if (on_loop()) {
    count(reporter_.counters.messages_sent);
    if (registry_.send(send.message)) return SendResult::queued;
    count(reporter_.counters.messages_dropped);
    // Posted, so that nobody is called back before his send() has returned.
    send.undeliverable = true;
  }
  return post_task(std::move(send)) ? SendResult::queued : SendResult::stopped;
}

SendResult ContextImpl::send_remote(const OutgoingMessage& message, OnDelivery on_delivery,
                                    std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  const std::size_t bound = wire::message_size_bound(from, to, name, body.size());
  Sent sent{std::move(on_delivery), std::move(owner), {}, 0};
  if (sent.on_delivery) sent.at = Clock::now();
  if (on_loop()) {
    const Loop::Turn turn(loop_);
    return outbound_.send(message, bound, std::move(sent));
  }
  const auto budget = outbound_.budget({to.host, to.port});
  if (!budget->reserve(bound)) return SendResult::full;
  EncodedMessage encoded{{to.host, to.port}, budget, {}, std::move(sent)};
  encoded.bytes.reserve(bound);
  wire::append_message(encoded.bytes, options_.style, from, to, name, body, depth);
  budget->correct(bound - encoded.bytes.size());
  return post_task(std::move(encoded)) ? SendResult::queued : SendResult::stopped;
}

void ContextImpl::run_task(EncodedMessage& message) {
  if (!commons_.stopping) return outbound_.send(message);
  message.budget->release_bytes(message.bytes.size());
  message.budget->release_messages(1);
  unsent_at_stop(message.sent.on_delivery);
}

void ContextImpl::unsent_at_stop(const OnDelivery& on_delivery) {
  count(reporter_.counters.messages_sent);
  ++report_.unsent;
  reporter_.complete(on_delivery, stopped_first());
}

void ContextImpl::run_task(LocalSend& send) {
  LocalMessage& message = send.message;
  if (!send.undeliverable) {
    count(reporter_.counters.messages_sent);
    if (registry_.send(message)) return;
    if (commons_.stopping) {
      ++report_.unsent;
      return registry_.complete(message, stopped_first());
    }
    count(reporter_.counters.messages_dropped);
  }
  registry_.complete(message, not_delivered(Outcome::no_such_process, Fault::none, 404,
                                            "no process " + message.to));
}

std::shared_ptr<Budget> ContextImpl::budget_to(const Pid& to) {
  return is_our_address(to) ? registry_.budget() : outbound_.budget({to.host, to.port});
}

SendResult ContextImpl::send_wait(const OutgoingMessage& message, Duration timeout,
                                  const OnDelivery& on_delivery) {
  if (on_loop()) throw Error("send_wait() on the loop thread would wait for itself");
  const auto budget = budget_to(message.to);
  while (true) {
    const SendResult result = send(message, on_delivery);
    if (result != SendResult::full || !budget->wait_roomy(timeout)) return result;
  }
}

void ContextImpl::when_room(const Pid& to, std::function<void()> ready) {
  post([this, to, ready = std::move(ready)]() mutable {
    const auto budget = budget_to(to);
    if (budget->roomy()) return ready();
    // Posted, not called: room is made while connections are being flushed.
    budget->when_roomy([this, ready = std::move(ready)] { post(ready); });
  });
}

}  // namespace compactor
