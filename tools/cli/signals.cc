#include "cli/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <system_error>
#include <utility>

namespace tool {

namespace {

sigset_t handled() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGQUIT);
  return set;
}

// One that comes so soon after the first is the same wish told twice: timeout(1) signals the
// process and then its group, a terminal's Ctrl-C reaches a script's commands in both ways. No
// finger is as fast.
constexpr std::int64_t one_wish_ms = 100;

// When the first SIGINT or SIGTERM came; the handler below takes it for the second otherwise.
constexpr std::int64_t none_came = -1;
std::atomic<std::int64_t> first_signal_ms = none_came;
static_assert(std::atomic<std::int64_t>::is_always_lock_free);  // it is used in a signal handler

// SIGHUP comes to any thread, and may have been ignored by who started us.
std::atomic<bool> hangup_came = false;
std::atomic<int> hangup_wakes = -1;
static_assert(std::atomic<int>::is_always_lock_free);

void on_hangup_signal(int) {
  hangup_came = true;
  std::uint64_t one = 1;
  const int saved = errno;
  [[maybe_unused]] auto written = ::write(hangup_wakes, &one, sizeof one);
  errno = saved;
}

Waiter* innermost = nullptr;  // of those that live; the waiting thread only

std::int64_t monotonic_ms() {  // may be called in a signal handler
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

/// The first signal lets the run end, a second one ends the process wherever it is.
void on_signal(int signal) {
  auto first = none_came;
  if (first_signal_ms.compare_exchange_strong(first, monotonic_ms())) return;
  if (monotonic_ms() - first >= one_wish_ms) ::_exit(128 + signal);
}

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

/// From here on a second SIGINT or SIGTERM ends the process.
void make_deadly() {
  first_signal_ms = monotonic_ms();
  handle_signals();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int milliseconds_until(std::optional<Waiter::Clock::time_point> deadline) {
  if (!deadline) return -1;
  auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - Waiter::Clock::now()).count();
  if (left <= 0) return 0;
  return left > INT_MAX ? INT_MAX : static_cast<int>(left);
}

}  // namespace

SignalsBlocked::SignalsBlocked() {
  sigset_t set = handled();
  ::pthread_sigmask(SIG_BLOCK, &set, &saved_);
}

SignalsBlocked::~SignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
}

Waiter::Waiter() : outer_(innermost) {
  if (outer_ == nullptr) first_signal_ms = none_came;
  sigset_t set = handled();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signals_ < 0 || wake_ < 0) {
    throw Failure(Exit::local, "resources",
                  "cannot wait for signals: " + std::generic_category().message(errno));
  }
  innermost = this;
}

Waiter::~Waiter() {
  innermost = outer_;
  if (outer_ == nullptr) {
    pass_over_signals();
  } else if (signal_ != 0) {
    outer_->signal_ = signal_;
    outer_->passed_on_ = true;
  }
  if (on_hangup_) hangup_wakes = -1;
  // What this one has not read stays pending, for the outer one.
  ::close(signals_);
  ::close(wake_);
}

void Waiter::pass_over_signals() {
  // What was not waited for is pending, and would end the process once it is no longer blocked:
  // before the summary and the error are written, which are still to come.
  ::signal(SIGQUIT, SIG_IGN);
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGQUIT) on_signal(static_cast<int>(info.ssi_signo));
  }
  handle_signals();
}

void Waiter::set_on_hangup(std::function<void()> call) {
  on_hangup_ = std::move(call);
  hangup_wakes = wake_;
  struct sigaction action {};
  action.sa_handler = on_hangup_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGHUP, &action, nullptr);
}

void Waiter::see_to_hangup() {
  if (on_hangup_ && hangup_came.exchange(false)) on_hangup_();
}

void Waiter::finish() {
  finished_ = true;
  wake();
}

void Waiter::wake() {
  std::uint64_t one = 1;
  // It can fail only when the counter is full, and then wait() returns anyway.
  [[maybe_unused]] auto written = ::write(wake_, &one, sizeof one);
}

void Waiter::clear_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] auto got = ::read(wake_, &count, sizeof count);
}

Waiter::Reason Waiter::wait(std::optional<Clock::time_point> deadline, int fd) {
  if (std::exchange(passed_on_, false)) {
    make_deadly();  // its unblocking ended with the other
    return Reason::signal;
  }
  for (;;) {
    std::array<pollfd, 3> ready{{{wake_, POLLIN, 0}, {signals_, POLLIN, 0}, {fd, POLLIN, 0}}};
    int count = ::poll(ready.data(), ready.size(), milliseconds_until(deadline));
    see_to_hangup();
    if (count < 0) continue;  // EINTR: stopped and continued, or SIGHUP
    if (ready[1].revents != 0 && read_signals() == Reason::signal) return Reason::signal;
    if (finished_) return Reason::finished;
    if (ready[0].revents != 0) {
      clear_wake();
      return Reason::woken;
    }
    if (ready[2].revents != 0) return Reason::readable;
    if (deadline && Clock::now() >= *deadline) return Reason::deadline;
  }
}

Waiter::Reason Waiter::wait_for_end(std::optional<Clock::time_point> deadline) {
  auto reason = wait(deadline);
  while (reason == Reason::woken) reason = wait(deadline);
  return reason;
}

Waiter::Reason Waiter::read_signals() {
  signalfd_siginfo info{};
  bool ends = false;
  while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGQUIT) {
      if (on_quit) on_quit();
      continue;
    }
    // Not before all are read: a SIGQUIT that was sent earlier comes out after it. Two that wait
    // together are one wish, too.
    if (!ends) signal_ = static_cast<int>(info.ssi_signo);
    ends = true;
  }
  if (!ends) return Reason::finished;
  make_deadly();
  return Reason::signal;
}

Failure Waiter::interrupted() const {
  return signal_ == SIGTERM
             ? Failure(Exit::terminated, "interrupted", "ended by SIGTERM before it was done")
             : Failure(Exit::interrupted, "interrupted", "ended by SIGINT before it was done");
}

bool signal_is_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

void restore_signals() {
  for (int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace tool
