// A file descriptor that never holds up whoever writes to it: a bounded queue and a thread of its
// own.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace tool {

/// Bytes leave in the order of the calls. Nothing is ever dropped: when the queue is over its
/// limit, whoever feeds it is told to stop, and told again when half of it has drained.
/// Thread-safe.
class Output {
 public:
  /// Written at once at most. A pipe holds as much: what has been handed over is then known about
  /// as exactly as the reader's end.
  static constexpr std::size_t largest_piece = 65536;

  /// Does not own `fd`. The thread is started by the first write.
  explicit Output(int fd, std::size_t limit = std::size_t{64} << 20);
  ~Output();  // finish()
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Appends what `fill(std::string&)` appends. Returns the number of bytes queued so far in all,
  /// this one included.
  template <std::invocable<std::string&> Fill>
  std::uint64_t write(Fill&& fill) {
    std::unique_lock lock(mutex_);
    if (broken_ || finished_) return queued_;
    auto before = queue_.size();
    bool had_work = has_work();
    fill(queue_);
    queued_ += queue_.size() - before;
    auto end = queued_;
    appended(std::move(lock), had_work);
    return end;
  }
  std::uint64_t write(std::string_view bytes) {
    return write([&](std::string& queue) { queue += bytes; });
  }

  /// `on_full(true)` when the limit is passed, `on_full(false)` when half is free again;
  /// `on_broken` once, when the reader has gone (EPIPE) or writing failed. Called on the writing or
  /// the output's thread; null takes it back, after which neither is running nor called again.
  void watch(std::function<void(bool full)> on_full, std::function<void()> on_broken);

  /// While true, small pieces wait for more: who prints much in one go need not wake the thread for
  /// each line.
  void gather(bool on);
  /// Bytes that are not yet written.
  std::size_t waiting() const;

  bool full() const { return full_; }
  bool broken() const { return broken_; }
  /// errno of the write that failed; 0 when none did or the reader only went away (EPIPE).
  int error() const { return error_; }
  /// Bytes handed to the system so far, those of the write that is going on included.
  std::uint64_t handed_over() const { return handed_over_; }

  /// Writes what is queued and ends the thread. Nothing can be written afterwards.
  void finish();
  /// Waits until everything queued is written, nobody reads any more, or the time is over (false).
  bool drain(std::chrono::nanoseconds timeout);

 private:
  void appended(std::unique_lock<std::mutex> lock, bool had_work);
  void run();
  bool write_out(const std::string& bytes);
  void tell_full(bool full);
  bool has_work() const;

  const int fd_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable drained_;
  std::string queue_;
  std::uint64_t queued_ = 0;
  bool finished_ = false;
  bool gathering_ = false;
  std::atomic<bool> full_ = false;
  std::atomic<bool> broken_ = false;
  std::atomic<int> error_ = 0;
  std::atomic<std::size_t> writing_ = 0;  // bytes taken from the queue, not yet written
  std::atomic<std::uint64_t> handed_over_ = 0;
  std::thread thread_;

  std::mutex watch_mutex_;
  std::function<void(bool)> on_full_;
  std::function<void()> on_broken_;
};

}  // namespace tool
