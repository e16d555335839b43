// What may be under way to one address: bytes queued and messages unanswered. Shared by the loop
// and by threads that send.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace compactor {

class Budget {
 public:
  Budget(std::size_t max_bytes, std::size_t max_messages)
      : max_bytes_(max_bytes), max_messages_(max_messages) {}

  /// Takes room for one message of `bytes`; false, and nothing taken, when there is none. Any
  /// thread.
  bool reserve(std::size_t bytes);
  /// The same beyond the limit, for a message that something else bounds. Any thread.
  void take(std::size_t bytes) {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    messages_.fetch_add(1, std::memory_order_relaxed);
  }
  /// The estimate that was reserved turned out to be `excess` too much. Any thread.
  void correct(std::size_t excess) { bytes_.fetch_sub(excess, std::memory_order_relaxed); }

  /// Written, or given up. Loop only; calls those who wait for room when it is time.
  void release_bytes(std::size_t bytes);
  void release_messages(std::size_t count);

  /// Less than half of both limits is taken, and there is room for the message refused last: one
  /// of more than half the limit would else be told of room for ever, and be refused for ever.
  bool roomy() const;
  /// Calls `ready` when roomy. Loop only; precondition: !roomy().
  void when_roomy(std::function<void()> ready) { ready_.push_back(std::move(ready)); }
  /// Blocks until roomy; false when nothing was released for the time of `patience`. Any thread but
  /// the loop's.
  bool wait_roomy(std::chrono::nanoseconds patience);
  /// The Context is stopping: threads that wait are woken, calls that wait are dropped. Loop only.
  void close();

 private:
  void wake_if_roomy();

  const std::size_t max_bytes_, max_messages_;
  std::atomic<std::size_t> bytes_{0}, messages_{0};
  std::atomic<std::size_t> wanted_{0};  // bytes of the message refused last
  std::atomic<std::uint64_t> releases_{0};
  std::vector<std::function<void()>> ready_;
  std::atomic<int> waiting_{0};
  std::mutex mutex_;
  std::condition_variable room_;
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace compactor
