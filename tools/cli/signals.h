// Signals and the end of a run: the main thread waits here, everything else happens on other
// threads.
#pragma once

#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>

#include "cli/failure.h"

namespace tool {

/// While it lives, the signals that a Waiter handles are blocked in this thread; threads made
/// meanwhile inherit that, so that only the main thread sees signals.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t saved_;
};

/// Takes SIGINT, SIGTERM and SIGQUIT of the process from its construction on. Made before the
/// threads of a run, and after its Console: once it is gone, a first signal is passed over (the run
/// is ending) and a second one ends the process, also when it waits for somebody to read its
/// output.
///
/// One that is made while another lives, to wait for a part of the run, hides no signal from it:
/// the wait() of the other returns it too.
class Waiter {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Reason { finished, woken, signal, deadline, readable };

  Waiter();
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  /// Any thread: makes wait() return `finished`, now and from then on.
  void finish();

  /// Any thread: makes wait() return `woken` once; several calls may become one.
  void wake();

  /// Blocks until finish(), wake(), a signal that ends the run, the deadline, or `fd` (if any) is
  /// readable. After the first SIGINT or SIGTERM a second one, unless it comes in the same moment,
  /// ends the process at once. SIGQUIT calls on_quit and goes on waiting.
  Reason wait(std::optional<Clock::time_point> deadline = std::nullopt, int fd = -1);
  /// The same, passing over wake(): for who only waits for the end.
  Reason wait_for_end(std::optional<Clock::time_point> deadline = {});

  /// Called on the waiting thread.
  std::function<void()> on_quit;

  /// From now on SIGHUP ends nothing: it calls this, on the waiting thread.
  void set_on_hangup(std::function<void()> call);

  /// SIGINT, SIGTERM, or 0 when none came.
  int signal() const { return signal_; }
  /// The exit of a run that such a signal ended before its goal.
  Failure interrupted() const;

 private:
  Reason read_signals();
  void clear_wake();
  void see_to_hangup();
  void pass_over_signals();

  int signals_ = -1;  // signalfd
  int wake_ = -1;     // eventfd
  std::atomic<bool> finished_ = false;
  std::function<void()> on_hangup_;
  int signal_ = 0;
  bool passed_on_ = false;  // signal_ came to another, and wait() is still to return it
  Waiter* const outer_;     // that was there before; null for the Waiter of a run
  SignalsBlocked blocked_;
};

/// SIGINT or SIGTERM has come, and the Waiter has not been asked since: what takes long is no
/// longer waited for.
bool signal_is_pending();

/// What a child process needs before exec: default dispositions, nothing blocked.
void restore_signals();

}  // namespace tool
