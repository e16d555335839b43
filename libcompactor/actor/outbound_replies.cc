// The part of an Outbound that replies need.
#include <utility>

#include "actor/outbound.h"
#include "net/net.h"

namespace compactor {
namespace {

// Unread by the peer, then we read no further what makes us reply to it. A peer that reads as fast
// as the wire has less waiting.
constexpr std::size_t kBacklog = std::size_t{1} << 20;
constexpr std::size_t kUnacknowledged = 4096;
constexpr std::size_t kMemoryOfOne = 256;  // of a message that is not answered yet, about

}  // namespace

void Outbound::carry_replies() {
  if (replies_) return;
  replies_ = std::make_unique<ReplyTraffic>(host_.commons.unread, [this] {
    give_up_replies("replies that nobody takes hold too much memory");
  });
}

void Outbound::carry_messages() {
  if (replies_) host_.reply_connections.remove(*replies_);
}

/// Asked when the address is known that it comes down to: of 0.0.0.0 and of our own there are many
/// spellings, and names may stand for them.
std::string Outbound::why_no_reply_to(const asio::ip::tcp::endpoint& endpoint) const {
  const auto ip = endpoint.address().to_v4();
  // RFC 1122 §3.2.1.3. The kernel takes 0.0.0.0 for this host.
  if (ip.to_uint() >> 24 == 0) return ip.to_string() + " is no host's address";
  if (host_.leads_to_us({htonl(ip.to_uint())}, endpoint.port())) return "it would go to ourselves";
  return {};
}

bool Outbound::reserve_reply(std::size_t bytes) {
  if (!replies_->only) return budget_->reserve(bytes);
  budget_->take(bytes);
  return true;
}

bool Outbound::waits_more_than(Load load) const {
  // There are peers that never answer, of which look_for_answers() thinks only then.
  const std::size_t unanswered =
      replies_->only ? kUnacknowledged : host_.commons.options.max_unanswered / 2;
  return queued_ - written_ > kBacklog * load / 2 || unanswered_.size() > unanswered * load / 2;
}

void Outbound::hold_up(const std::weak_ptr<ReplySource>& source) {
  const auto held = source.lock();
  if (held && replies_->waiting.insert(source).second) held->await_replies();
}

void Outbound::let_go_on() {
  for (const auto& source : std::exchange(replies_->waiting, {})) {
    if (const auto held = source.lock()) held->replies_taken();
  }
}

void Outbound::replies_changed(bool moved) {
  if (!replies_) return;
  host_.reply_connections.changed(*replies_, busy(), moved);
  if (!waits_more_than(kHalfLoad)) let_go_on();
  const std::uint64_t load = queued_ - written_ + unanswered_.size() * kMemoryOfOne;
  if (replies_->only) replies_->held.set(static_cast<std::size_t>(load));
}

std::uint64_t Outbound::acknowledged() {
  return transport_.acknowledged(written_) + answers_;
}

void Outbound::give_up_replies(const std::string& why) {
  // What the kernel still holds it would try to send for minutes, to a peer that takes nothing.
  if (unacknowledged(transport_.descriptor()) > 0) reset_at_close(transport_.descriptor());
  fail(Fault::timed_out, {}, address_.str() + ": " + why);
}

}  // namespace compactor
