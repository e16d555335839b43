#include "actor/loop.h"

#include <mutex>

namespace compactor {
namespace {

thread_local Loop* loop_of_this_thread = nullptr;
// One for all loops: it is between them that waiting goes round in a circle.
std::mutex waits_mutex;

}  // namespace

void Loop::run() {
  id_ = std::this_thread::get_id();
  loop_of_this_thread = this;
  io_.run();
  loop_of_this_thread = nullptr;
}

Loop::Wait::Wait(Loop& loop) : waiting_(loop_of_this_thread) {
  if (waiting_ == nullptr) return;
  std::lock_guard lock(waits_mutex);
  for (const Loop* next = &loop; next != nullptr; next = next->waits_for_) {
    if (next == waiting_) {
      waiting_ = nullptr;
      possible_ = false;
      return;
    }
  }
  waiting_->waits_for_ = &loop;
}

Loop::Wait::~Wait() {
  if (waiting_ == nullptr) return;
  std::lock_guard lock(waits_mutex);
  waiting_->waits_for_ = nullptr;
}

}  // namespace compactor
