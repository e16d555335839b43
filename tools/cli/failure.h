// The one way in which a command ends badly: what failed, on what, why, what to try, and the exit
// status.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tool {

/// The exit statuses of every command.
enum class Exit : int {
  ok = 0,
  no = 1,             // a clear no: not delivered, no reply, loss above the limit
  usage = 2,          // bad option, PID, JSON, type
  unreachable = 3,    // resolve, connect, bind, listen
  deadline = 4,       // a time ran out
  refused = 5,        // the peer refused, closed early, or answered garbage
  local = 6,          // permission, file, child process, memory limit
  interrupted = 130,  // SIGINT before the goal
  terminated = 143,   // SIGTERM before the goal
};

class Failure : public std::runtime_error {
 public:
  /// `kind` is one word for programs, `message` one line for people, `hint` what to try (may be
  /// empty).
  Failure(Exit exit, std::string kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), exit_(exit), kind_(std::move(kind)), hint_(std::move(hint)) {}

  Exit exit() const { return exit_; }
  const std::string& kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

 private:
  Exit exit_;
  std::string kind_;
  std::string hint_;
};

}  // namespace tool
