#include "cli/signals.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

namespace cli_signals_test {

namespace {

using namespace tool;

constexpr int went_on = 42;

/// The exit status of a process that does this, or minus the signal that ended it.
int ended(const std::function<void()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    what();
    ::_exit(went_on);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/// Longer than two signals may be apart and still be one wish.
void pause_between_wishes() {
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
}

void send(int signal) {
  ::kill(::getpid(), signal);
}

TEST_CASE("a signal that is pending when the run has ended does not end the process") {
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) {
    CAPTURE(signal);
    CHECK(ended([&] {
            Waiter waiter;
            send(signal);
          }) == went_on);
  }
}

TEST_CASE("nor does the first one that comes afterwards; a second one does") {
  CHECK(ended([] {
          { Waiter waiter; }
          send(SIGTERM);
        }) == went_on);
  CHECK(ended([] {
          { Waiter waiter; }
          send(SIGTERM);
          pause_between_wishes();
          send(SIGTERM);
        }) == 143);
  CHECK(ended([] {
          {
            Waiter waiter;
            send(SIGTERM);
          }
          pause_between_wishes();
          send(SIGINT);
        }) == 130);
}

TEST_CASE("a run that a signal ended is ended at once by the next, but not by its echo") {
  const auto interrupted = [](bool pause) {
    return ended([pause] {
      Waiter waiter;
      send(SIGTERM);
      if (waiter.wait() != Waiter::Reason::signal) return;
      if (pause) pause_between_wishes();
      send(SIGTERM);
    });
  };
  CHECK(interrupted(true) == 143);
  CHECK(interrupted(false) == went_on);
}

TEST_CASE("a signal that comes to a wait inside a run ends the run too") {
  const auto run = [](bool waited_for, bool second) {
    return ended([&] {
      Waiter waiter;
      {
        Waiter inner;
        send(SIGTERM);
        if (waited_for && inner.wait() != Waiter::Reason::signal) ::_exit(1);
      }
      if (waiter.wait() != Waiter::Reason::signal || waiter.signal() != SIGTERM) ::_exit(2);
      if (waiter.wait(Waiter::Clock::now()) != Waiter::Reason::deadline) ::_exit(3);
      pause_between_wishes();
      if (second) send(SIGINT);
    });
  };
  for (const bool waited_for : {true, false}) {
    CAPTURE(waited_for);
    CHECK(run(waited_for, false) == went_on);
    CHECK(run(waited_for, true) == 130);
  }
}

}  // namespace

}  // namespace cli_signals_test
