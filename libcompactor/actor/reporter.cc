#include "actor/reporter.h"

#include <exception>
#include <utility>

namespace compactor {
namespace {

/// The text of the exception being handled.
std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

}  // namespace

Statistics Counters::snapshot() const {
  const auto get = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  Statistics s;
  s.messages_received = get(messages_received);
  s.bytes_received = get(bytes_received);
  s.messages_dropped = get(messages_dropped);
  s.messages_rejected = get(messages_rejected);
  s.messages_sent = get(messages_sent);
  s.deliveries_failed = get(deliveries_failed);
  s.handler_exceptions = get(handler_exceptions);
  s.http_requests = get(http_requests);
  s.connections_accepted = get(connections_accepted);
  s.connections_open = get(connections_open);
  s.links = get(links);
  return s;
}

Reporter::Reporter(std::shared_ptr<Observer> observer)
    : observer_(observer ? std::move(observer) : std::make_shared<Observer>()) {}

void Reporter::warn(std::string_view text) {
  const auto verdict = warnings_.ask();
  if (verdict == RateLimit::Verdict::pass) observer_->warning(text);
  if (verdict == RateLimit::Verdict::last)
    observer_->warning("too many warnings: those of the rest of this second are left out");
}

void Reporter::rejected(const Address& peer, std::string_view why) {
  count(counters.messages_rejected);
  const auto verdict = rejections_.ask();
  if (verdict == RateLimit::Verdict::pass) observer_->rejected(peer, why);
  if (verdict == RateLimit::Verdict::last)
    warn("too many rejections: those of the rest of this second are counted, not shown");
}

void Reporter::rejected_tls(const Address& peer) {
  const bool known =
      told_of_tls_.size() >= kHostsRemembered || !told_of_tls_.insert(peer.host).second;
  if (known) return count(counters.messages_rejected);
  rejected(peer,
           "TLS (a ClientHello), not HTTP; if plain text follows, the peer tries TLS first "
           "(SUPPORT_DOWNGRADE), else it speaks nothing else; told once of each host");
}

void Reporter::complete(const OnDelivery& on_delivery, const Delivery& delivery) {
  if (delivery.outcome != Outcome::accepted) count(counters.deliveries_failed);
  if (!on_delivery) return;
  try {
    on_delivery(delivery);
  } catch (...) {
    threw("the callback of a delivery");
  }
}

std::string Reporter::threw(std::string_view what) {
  count(counters.handler_exceptions);
  std::string text = current_exception_text();
  warn(std::string(what) + " threw: " + text);
  return text;
}

Delivery not_delivered(Outcome outcome, Fault fault, int status, std::string reason) {
  Delivery delivery;
  delivery.outcome = outcome;
  delivery.fault = fault;
  delivery.status = status;
  delivery.reason = std::move(reason);
  return delivery;
}

Delivery stopped_first() {
  return not_delivered(Outcome::failed, Fault::stopped, 0, "stopped before it was sent");
}

}  // namespace compactor
