#include "actor/reply_connections.h"

#include <utility>

#include "net/clock.h"

namespace compactor {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);

}  // namespace

ReplyConnections::ReplyConnections(Loop& loop, std::size_t most, Duration patience)
    : loop_(loop), most_(most), patience_(patience), timer_(loop.io()) {}

void ReplyConnections::add(std::shared_ptr<ReplyCarrier> carrier, ReplyTraffic& replies) {
  make_room();
  replies.only = true;
  replies.busy = false;
  replies.place = idle_.insert(idle_.end(), {std::move(carrier), &replies});
}

void ReplyConnections::make_room() {
  if (idle_.size() + busy_.size() < most_) return;
  // A copy of the owner: it is taken out of the list meanwhile.
  const auto victim = (idle_.empty() ? busy_.front() : idle_.front()).carrier;
  victim->give_up_replies("too many receivers of replies acknowledge nothing");
}

void ReplyConnections::remove(ReplyTraffic& replies) {
  if (!std::exchange(replies.only, false)) return;
  (replies.busy ? busy_ : idle_).erase(replies.place);
  replies.held.set(0);
}

void ReplyConnections::changed(ReplyTraffic& replies, bool busy, bool moved) {
  if (!replies.only) return;
  const bool was_busy = std::exchange(replies.busy, busy);
  if (was_busy == replies.busy && !moved) return;
  auto& to = replies.busy ? busy_ : idle_;
  to.splice(to.end(), was_busy ? busy_ : idle_, replies.place);
  replies.moved_at = Clock::now();
  if (moved) replies.held.moved();
  if (replies.busy) watch();
}

void ReplyConnections::watch() {
  if (std::exchange(watching_, true)) return;
  timer_.expires_after(kLookEvery);
  timer_.async_wait([this](const asio::error_code& aborted) {
    if (aborted) return;
    watching_ = false;
    const Loop::Turn turn(loop_);
    look();
  });
}

void ReplyConnections::look() {
  for (const auto& [connection, replies] : find_still()) {
    // Unless it was closed, or linked, by a callback of one before it.
    if (replies->only) connection->give_up_replies("nothing of it is acknowledged");
  }
  if (!busy_.empty()) watch();
}

/// Those on which nothing has moved for the time of patience. Nothing is done with them here: what
/// becomes of one may change the list.
std::vector<ReplyConnection> ReplyConnections::find_still() {
  std::vector<ReplyConnection> still;
  const auto now = Clock::now();
  for (auto next = busy_.begin(); next != busy_.end();) {
    const ReplyConnection& connection = *next++;
    ReplyTraffic& replies = *connection.replies;
    if (now - replies.moved_at < kLookEvery) break;  // as all behind it
    const std::uint64_t acknowledged = connection.carrier->acknowledged();
    if (std::exchange(replies.acknowledged, acknowledged) != acknowledged) {
      changed(replies, true, true);
    } else if (now - replies.moved_at >= patience_) {
      still.push_back(connection);
    }
  }
  return still;
}

}  // namespace compactor
