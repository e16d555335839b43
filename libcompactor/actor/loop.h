// The thread of a Context, and its turns.
#pragma once

#include <asio.hpp>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

namespace compactor {

/// Everything that happens on the loop happens inside a turn. What is written during a turn is
/// gathered, and goes out in one go when the turn ends.
class Loop {
 public:
  /// `end_of_turn` is called at the end of every outermost turn, as the last part of it.
  explicit Loop(std::function<void()> end_of_turn = [] {}) : end_of_turn_(std::move(end_of_turn)) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  asio::io_context& io() { return io_; }
  /// Any thread.
  bool on_loop() const { return std::this_thread::get_id() == id_.load(std::memory_order_relaxed); }

  /// This thread is the loop's until stop().
  void run();
  /// This thread is the loop's. Returns when nothing more is ready.
  void poll() {
    id_ = std::this_thread::get_id();
    io_.poll();
  }
  void stop() { io_.stop(); }

  /// Runs `call` later, in a turn of its own. Any thread.
  template <class F>
  void post(F call) {
    asio::post(io_, [this, call = std::move(call)]() mutable {
      const Turn turn(*this);
      call();
    });
  }

  /// One that is made inside another is part of it.
  class Turn {
   public:
    explicit Turn(Loop& loop) : loop_(loop) { ++loop_.depth_; }
    ~Turn() {
      if (loop_.depth_ == 1) loop_.end_of_turn_();
      --loop_.depth_;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Loop& loop_;
  };

  /// While it lives, this thread waits for `loop`. That is not possible when this thread is that of
  /// a loop for which `loop` itself waits, directly or through others: they would wait for ever.
  class Wait {
   public:
    explicit Wait(Loop& loop);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    bool possible() const { return possible_; }

   private:
    Loop* waiting_;  // null: no other loop has to know
    bool possible_ = true;
  };

 private:
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::atomic<std::thread::id> id_{};
  std::function<void()> end_of_turn_;
  int depth_ = 0;
  Loop* waits_for_ = nullptr;  // guarded by a mutex of all loops
};

}  // namespace compactor
