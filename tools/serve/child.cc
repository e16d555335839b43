#include "serve/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "cli/failure.h"
#include "cli/signals.h"

namespace tool {

namespace {

constexpr auto child_patience = std::chrono::milliseconds(2000);
// A child that ends closes its input a moment before.
constexpr auto last_moment = std::chrono::milliseconds(500);

Failure cannot(const std::string& what, int error) {
  return Failure(Exit::local, "child",
                 "cannot start " + what + ": " + std::generic_category().message(error),
                 "--exec takes a program and its arguments, --exec-shell a shell command");
}

std::array<int, 2> make_pipe(const std::string& what) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw cannot(what, errno);
  return ends;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// In the child: becomes the program, or writes why not. Between fork and exec nothing may
/// allocate.
[[noreturn]] void become(char* const* arguments, char* const* environment, int in, int out, int err,
                         int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  restore_signals();
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  if (err >= 0) ::dup2(err, STDERR_FILENO);
  ::execvpe(arguments[0], arguments, environment);
  int error = errno;
  [[maybe_unused]] auto written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    return "was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
           ::strsignal(WTERMSIG(status)) + ")";
  }
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Child::Child(const std::vector<std::string>& words, const std::vector<std::string>& environment,
             OnLine on_line, OnLine on_error, OnDeaf on_deaf, OnEnd on_end)
    : on_deaf_(std::move(on_deaf)), on_end_(std::move(on_end)) {
  auto arguments = pointers(words);
  auto added = pointers(environment);
  added.pop_back();
  for (char** entry = environ; *entry != nullptr; ++entry) added.push_back(*entry);
  added.push_back(nullptr);
  auto in = make_pipe(words[0]);
  auto out = make_pipe(words[0]);
  auto err = on_error ? make_pipe(words[0]) : std::array{-1, -1};
  auto report = make_pipe(words[0]);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) throw cannot(words[0], errno);
  pid_ = ::fork();
  if (pid_ < 0) throw cannot(words[0], errno);
  if (pid_ == 0) become(arguments.data(), added.data(), in[0], out[1], err[1], report[1]);
  ::close(in[0]);
  ::close(out[1]);
  if (on_error) ::close(err[1]);
  ::close(report[1]);
  int error = 0;
  bool failed = ::read(report[0], &error, sizeof error) == static_cast<ssize_t>(sizeof error);
  ::close(report[0]);
  in_ = in[1];
  if (failed) {
    for (int fd : {in_, out[0], wake_}) ::close(fd);
    if (on_error) ::close(err[0]);
    ::waitpid(pid_, nullptr, 0);
    throw cannot(words[0], error);
  }
  input_ = std::make_unique<Output>(in_);
  SignalsBlocked blocked;
  const auto ended = [this] { return ended_.load(); };
  output_ = std::make_unique<PipeReader>(out[0], std::move(on_line), ended);
  if (on_error) errors_ = std::make_unique<PipeReader>(err[0], std::move(on_error), ended);
  waiter_ = std::thread([this] { await_end(); });
  guard_ = std::thread([this] { await_deafness(); });
}

Child::~Child() {
  stop();
}

void Child::stop() {
  if (stopping_.exchange(true)) return;
  ::eventfd_write(wake_, 1);
  guard_.join();
  // What it was given it shall read, if it reads at all; then comes the end of its input.
  bool drained = input_->drain(child_patience);
  if (drained) end_input();
  if (!ended_within(child_patience)) ::kill(-pid_, SIGTERM);
  if (!ended_within(child_patience)) ::kill(-pid_, SIGKILL);
  waiter_.join();
  output_.reset();
  errors_.reset();
  if (!drained) end_input();
  count_unread();
  ::close(wake_);
}

/// The pipe stays, with what is in it, as long as somebody has it open: not for writing, or the
/// child would not see its end; and for reading not before nothing is written any more, or we would
/// not see that nobody reads.
void Child::end_input() {
  input_->finish();
  left_ =
      ::open(("/proc/self/fd/" + std::to_string(in_)).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (left_ < 0) unread_ = bytes_in(in_);  // no /proc: what it has not read until now
  ::close(in_);
}

void Child::count_unread() {
  if (left_ < 0) return;
  unread_ = bytes_in(left_);
  ::close(left_);
}

std::uint64_t Child::most_unread() const {
  const int size = ::fcntl(in_, F_GETPIPE_SZ);  // the child may have changed it
  return static_cast<std::uint64_t>(std::max(size, 0)) + Output::largest_piece;
}

bool Child::ended_within(std::chrono::milliseconds time) {
  auto end = std::chrono::steady_clock::now() + time;
  while (!ended_ && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ended_;
}

bool Child::silent() const {
  return output_->done() && (errors_ == nullptr || errors_->done());
}

void Child::await_end() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  ended_ = true;
  while (!silent()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  tell_end(how_it_ended(status));
}

void Child::await_deafness() {
  pollfd ready[] = {{in_, 0, 0}, {wake_, POLLIN, 0}};
  while (::poll(ready, 2, -1) < 0 && errno == EINTR) {
  }
  deaf_ = ready[0].revents != 0;
  if (!deaf_) return;
  on_deaf_();
  if (!ended_within(last_moment)) tell_end("closed its standard input");
}

void Child::tell_end(const std::string& how) {
  if (!stopping_ && !told_.exchange(true)) on_end_(how);
}

}  // namespace tool
