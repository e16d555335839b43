// What the Observer, the senders and the counters are told.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "actor/counters.h"
#include "base/rate_limit.h"
#include "compactor/context.h"

namespace compactor {

/// Loop only, except for reading the counters.
class Reporter {
 public:
  /// Null: warnings go to stderr.
  explicit Reporter(std::shared_ptr<Observer> observer);

  Observer& observer() { return *observer_; }

  /// At most kToldPerSecond are passed on, so that no peer can fill a disk with them.
  void warn(std::string_view text);
  /// Counts it, and tells the observer, at most kToldPerSecond times.
  void rejected(const Address& peer, std::string_view why);
  /// A peer speaks TLS to us, who do not. One with SUPPORT_DOWNGRADE begins so with every
  /// connection: it is told once of each host, and counted always.
  void rejected_tls(const Address& peer);
  /// Tells a sender what became of its message. An exception of the callback is a warning.
  void complete(const OnDelivery& on_delivery, const Delivery& delivery);
  /// Called while an exception is handled that `what` has thrown: counts it and warns. Returns the
  /// text of the exception.
  std::string threw(std::string_view what);

  Counters counters;

 private:
  static constexpr std::size_t kToldPerSecond = 100;
  static constexpr std::size_t kHostsRemembered = 1024;

  const std::shared_ptr<Observer> observer_;
  std::unordered_set<std::string> told_of_tls_;  // hosts
  RateLimit warnings_{kToldPerSecond}, rejections_{kToldPerSecond};
};

Delivery not_delivered(Outcome outcome, Fault fault, int status, std::string reason);
/// Of a message that was still to be sent when the Context stopped.
Delivery stopped_first();

}  // namespace compactor
