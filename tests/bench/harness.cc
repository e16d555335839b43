#include "harness.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace bench {
namespace {

/// The one that ends, of all children; throws when it failed.
pid_t wait_for_one(pid_t which) {
  int status = 0;
  pid_t ended;
  do {
    ended = ::waitpid(which, &status, 0);
  } while (ended < 0 && errno == EINTR);
  if (ended < 0) throw std::system_error(errno, std::system_category(), "waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("a measured process failed");
  return ended;
}

pid_t fork_running(const std::function<void()>& role) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (child > 0) return child;
  int status = 0;
  try {
    role();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    status = 1;
  }
  ::_exit(status);
}

}  // namespace

Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe");
  reader_ = ends[0];
  writer_ = ends[1];
}

Pipe::~Pipe() {
  ::close(reader_);
  close_writer();
}

void Pipe::close_writer() {
  if (writer_ >= 0) ::close(writer_);
  writer_ = -1;
}

void Pipe::put(std::string line) const {
  line += '\n';
  // Short enough to be written in one piece.
  if (::write(writer_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::system_error(errno, std::system_category(), "write to a pipe");
}

std::string Pipe::take() {
  close_writer();
  std::string line;
  for (char c = 0; ::read(reader_, &c, 1) == 1;) {
    if (c == '\n') return line;
    line += c;
  }
  throw std::runtime_error("the other process has gone");
}

double run_pair(const std::function<double()>& measured, const std::function<void()>& other) {
  Pipe result;
  std::vector<pid_t> running{fork_running(other),
                             fork_running([&] { result.put(std::to_string(measured())); })};
  try {
    while (!running.empty()) std::erase(running, wait_for_one(0));
  } catch (...) {
    // The other one may wait for ever for the one that failed.
    for (const pid_t child : running) ::kill(child, SIGKILL);
    throw;
  }
  return std::stod(result.take());
}

double time_program(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = Clock::now();
  pid_t child = 0;
  const int failed =
      ::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::system_category(), command[0]);
  wait_for_one(child);
  return microseconds_since(start);
}

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  if (values.empty()) throw std::runtime_error("nothing was measured");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace bench
