#include "net/budget.h"

#include <utility>

#include "net/clock.h"

namespace compactor {

bool Budget::reserve(std::size_t bytes) {
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes > max_bytes_) {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    wanted_.store(bytes);
    return false;
  }
  if (messages_.fetch_add(1, std::memory_order_relaxed) >= max_messages_) {
    messages_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  return true;
}

// Sequentially consistent together with waiting_: a thread that announces itself and then finds no
// room, and a loop that makes room and then finds nobody waiting, cannot both happen.
void Budget::release_bytes(std::size_t bytes) {
  releases_.store(releases_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes);
  wake_if_roomy();
}

void Budget::release_messages(std::size_t count) {
  releases_.store(releases_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  messages_.fetch_sub(count);
  wake_if_roomy();
}

bool Budget::roomy() const {
  const std::size_t bytes = bytes_.load();
  return bytes <= max_bytes_ / 2 && bytes + wanted_.load() <= max_bytes_ &&
         messages_.load() <= max_messages_ / 2;
}

bool Budget::wait_roomy(std::chrono::nanoseconds patience) {
  waiting_.fetch_add(1);
  std::unique_lock lock(mutex_);
  bool ready = false;
  std::uint64_t seen = 0;
  do {
    seen = releases_.load();
    ready = room_.wait_until(lock, in(patience), [this] { return closed_ || roomy(); });
  } while (!ready && releases_.load() != seen);
  waiting_.fetch_sub(1);
  return ready;
}

void Budget::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
  ready_.clear();
}

void Budget::wake_if_roomy() {
  if (ready_.empty() && waiting_.load() == 0) return;
  if (!roomy()) return;
  wanted_.store(0);  // who is refused again asks for it again
  if (waiting_.load() > 0) {
    { std::lock_guard lock(mutex_); }
    room_.notify_all();
  }
  for (auto& ready : std::exchange(ready_, {})) ready();
}

}  // namespace compactor
