// The calls that a Context makes later.
#pragma once

#include <asio.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "actor/loop.h"
#include "compactor/context.h"
#include "net/clock.h"

namespace compactor {

/// One can be cancelled from any thread, without waiting for the loop: whether a call is still
/// wanted is kept apart from the timer that makes it.
class Timers {
 public:
  explicit Timers(Loop& loop) : loop_(loop) {}

  /// A new one, which can be cancelled from now on. Any thread.
  TimerId add();
  /// It was added, and `call` is made at that time, unless it has been cancelled. Loop only.
  void start(TimerId timer, Clock::time_point at, std::function<void()> call);
  /// Its call will not be made. False when it has been made, or there is no such timer. Any thread.
  bool cancel(TimerId timer);
  /// Frees what one that was cancelled holds. Loop only.
  void forget(TimerId timer) { waits_.erase(timer); }
  /// All are cancelled, and those that are added from now on. Any thread.
  void close();

 private:
  Loop& loop_;
  std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> waits_;
  std::mutex mutex_;
  std::unordered_set<TimerId> wanted_;  // guarded by mutex_, as are the following
  TimerId last_ = 0;
  bool closed_ = false;
};

}  // namespace compactor
