// The child process of serve --exec: lines to its standard input, lines from its standard output.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "output/output.h"
#include "serve/pipe_reader.h"

namespace tool {

/// Runs from construction to stop(). It dies with us in any case.
class Child {
 public:
  /// A line of its standard output or error; each on a thread of its own.
  using OnLine = PipeReader::OnLine;
  /// It has ended and all its lines were handed out, or it has closed its standard input and goes
  /// on: how, in words. On a thread of the child's own, once.
  using OnEnd = std::function<void(const std::string& how)>;
  /// Nothing that is written to it from now on will be read; on_end follows. On a thread of the
  /// child's own, once.
  using OnDeaf = std::function<void()>;

  /// `words`: the program (searched in PATH) and its arguments; `environment`: NAME=VALUE to be
  /// added. Without `on_error` its stderr is ours. Throws Failure (exit 6) when it cannot be
  /// started.
  Child(const std::vector<std::string>& words, const std::vector<std::string>& environment,
        OnLine on_line, OnLine on_error, OnDeaf on_deaf, OnEnd on_end);
  ~Child();  // stop()
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Ends it: end of input first, then SIGTERM, then SIGKILL, two seconds after each other; waits
  /// for its end and its last lines. A second call does nothing.
  void stop();

  /// Never blocks; see Output for what happens when the child does not read.
  Output& input() { return *input_; }
  /// So much of what was handed over to its input at most is not read: it lies in the pipe, or is
  /// being written.
  std::uint64_t most_unread() const;
  /// After stop(): how much of what was written to it has been read, by it or by who has its input
  /// from it.
  std::uint64_t taken() const { return input_->handed_over() - unread_; }

 private:
  bool silent() const;
  void await_end();
  void await_deafness();
  void tell_end(const std::string& how);
  void end_input();
  void count_unread();
  bool ended_within(std::chrono::milliseconds time);

  pid_t pid_ = -1;
  int in_ = -1;    // its stdin
  int wake_ = -1;  // an eventfd: guard_ shall end
  OnDeaf on_deaf_;
  OnEnd on_end_;
  std::unique_ptr<Output> input_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> told_ = false;
  bool deaf_ = false;  // its end of in_ is closed; guard_'s, until that has ended
  int left_ = -1;      // of in_, when that is closed: a way to see what is left in the pipe
  std::uint64_t unread_ = 0;
  std::unique_ptr<PipeReader> output_;
  std::unique_ptr<PipeReader> errors_;  // null when its stderr is ours
  std::thread waiter_;
  std::thread guard_;
};

}  // namespace tool
