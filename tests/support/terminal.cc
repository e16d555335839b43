#include "support/terminal.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>
#include <vector>

namespace e2e {

Terminal::Terminal(const Arguments& command, const Environment& environment,
                   unsigned short columns) {
  std::vector<std::string> words = command;
  Environment variables{{"TERM", "xterm"},
                        {"LC_ALL", "C.UTF-8"},
                        {"HOME", BUILD_ROOT},
                        {"PATH", std::getenv("PATH")}};
  for (const auto& [name, value] : environment) variables[name] = value;
  std::vector<std::string> settings;
  for (const auto& [name, value] : variables) settings.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (auto& word : words) argv.push_back(word.data());
  for (auto& setting : settings) envp.push_back(setting.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  winsize size{24, columns, 0, 0};
  pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("forkpty");
  if (pid_ == 0) {
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(126);
  }
}

Terminal::~Terminal() {
  ::kill(pid_, SIGKILL);
  ::close(fd_);
  ::waitpid(pid_, nullptr, 0);
}

void Terminal::type(std::string_view keys) {
  REQUIRE(::write(fd_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

bool Terminal::read_more() {
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0)
    return false;
  char buffer[4096];
  const ssize_t count = ::read(fd_, buffer, sizeof buffer);
  if (count > 0) got_.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

std::string Terminal::until(const std::string& text) {
  for (;;) {
    const auto at = got_.find(text);
    if (at != std::string::npos) {
      std::string out = got_.substr(0, at + text.size());
      got_.erase(0, at + text.size());
      return out;
    }
    if (!read_more()) FAIL("\"", text, "\" did not come; what came is: ", got_);
  }
}

std::string Terminal::rest() {
  while (read_more()) {
  }
  return std::exchange(got_, {});
}

}  // namespace e2e
