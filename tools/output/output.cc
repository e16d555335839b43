#include "output/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cli/signals.h"

namespace tool {

namespace {

constexpr std::size_t kept_capacity = std::size_t{1} << 20;

}  // namespace

Output::Output(int fd, std::size_t limit) : fd_(fd), limit_(limit) {}

Output::~Output() {
  finish();
}

void Output::watch(std::function<void(bool full)> on_full, std::function<void()> on_broken) {
  std::lock_guard lock(watch_mutex_);
  on_full_ = std::move(on_full);
  on_broken_ = std::move(on_broken);
}

void Output::appended(std::unique_lock<std::mutex> lock, bool had_work) {
  if (!thread_.joinable()) {
    SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
  }
  bool now_full = !full_ && queue_.size() + writing_ > limit_;
  if (now_full) full_ = true;
  bool wakes = !had_work && has_work();
  lock.unlock();
  if (wakes) wake_.notify_one();
  if (now_full) tell_full(true);
}

bool Output::has_work() const {
  return finished_ || queue_.size() >= (gathering_ ? largest_piece : 1);
}

void Output::gather(bool on) {
  {
    std::lock_guard lock(mutex_);
    gathering_ = on;
  }
  if (!on) wake_.notify_one();
}

std::size_t Output::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size() + writing_;
}

void Output::tell_full(bool full) {
  std::lock_guard lock(watch_mutex_);
  if (on_full_) on_full_(full);
}

void Output::run() {
  std::string bytes;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return has_work(); });
      if (queue_.empty()) return;
      std::swap(bytes, queue_);
      writing_ = bytes.size();
    }
    if (!write_out(bytes)) break;
    {
      std::lock_guard lock(mutex_);
      writing_ = 0;
    }
    drained_.notify_all();
    bytes.clear();
    // A burst must not cost its memory for the rest of a long run.
    if (bytes.capacity() > kept_capacity) bytes = std::string();
  }
  {
    std::lock_guard lock(mutex_);
    broken_ = true;
    queue_.clear();
  }
  drained_.notify_all();
  if (full_.exchange(false)) tell_full(false);
  std::lock_guard lock(watch_mutex_);
  if (on_broken_) on_broken_();
}

bool Output::write_out(const std::string& bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    auto size = std::min(largest_piece, bytes.size() - written);
    handed_over_ += size;  // before the write: the reader may act on it before write() has returned
    ssize_t count = ::write(fd_, bytes.data() + written, size);
    handed_over_ -= size - static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // Somebody else has made the descriptor non-blocking (a terminal is shared): wait here
      // instead.
      pollfd ready{fd_, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (count < 0 && errno != EINTR) {
      if (errno != EPIPE) error_ = errno;
      return false;
    }
    if (count <= 0) continue;
    written += static_cast<std::size_t>(count);
    if (written < bytes.size()) writing_ = bytes.size() - written;
    bool drained = false;
    if (full_) {
      std::lock_guard lock(mutex_);
      drained = queue_.size() + writing_ <= limit_ / 2;
      if (drained) full_ = false;
    }
    if (drained) tell_full(false);
  }
  return true;
}

void Output::finish() {
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Output::drain(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  return drained_.wait_for(lock, timeout,
                           [this] { return broken_ || (queue_.empty() && writing_ == 0); });
}

}  // namespace tool
