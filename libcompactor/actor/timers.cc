#include "actor/timers.h"

#include <utility>

namespace compactor {

TimerId Timers::add() {
  std::lock_guard lock(mutex_);
  ++last_;
  if (!closed_) wanted_.insert(last_);
  return last_;
}

void Timers::start(TimerId timer, Clock::time_point at, std::function<void()> call) {
  auto& wait = waits_[timer] = std::make_unique<asio::steady_timer>(loop_.io(), at);
  wait->async_wait([this, timer, call = std::move(call)](const asio::error_code& aborted) {
    if (aborted) return;
    waits_.erase(timer);
    // Cancelled when it was due already, perhaps.
    if (!cancel(timer)) return;
    const Loop::Turn turn(loop_);
    call();
  });
}

bool Timers::cancel(TimerId timer) {
  std::lock_guard lock(mutex_);
  return wanted_.erase(timer) > 0;
}

void Timers::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  wanted_.clear();
}

}  // namespace compactor
