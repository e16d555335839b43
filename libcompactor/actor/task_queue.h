// What other threads hand to the loop, in order.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace compactor {

/// Any thread.
template <class Task>
class TaskQueue {
 public:
  /// False when closed. Calls `wake` when nothing was waiting: somebody then has to take() it.
  template <class Wake>
  bool push(Task task, const Wake& wake) {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
    if (tasks_.size() == 1) wake();
    return true;
  }

  /// Puts all that waits into `tasks`, which is empty and keeps its memory.
  void take(std::vector<Task>& tasks) {
    std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }

  /// Nothing more is taken in. Returns what was waiting.
  std::vector<Task> close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    return std::exchange(tasks_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool closed_ = false;
};

}  // namespace compactor
