#include "cli/last_resort.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace cli_last_resort_test {

namespace {

struct End {
  int exit = -1;
  int signal = 0;
  std::string err;
};

/// How a process ends in which a thread throws this.
template <class Exception>
End end_of(bool json, const Exception& exception) {
  std::array<int, 2> err{};
  REQUIRE(::pipe(err.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);  // doctest's is for this process
    ::dup2(err[1], STDERR_FILENO);
    tool::install_last_resort(json);
    std::thread([&] { throw exception; }).join();
    ::_exit(0);
  }
  ::close(err[1]);
  End end;
  std::array<char, 4096> piece;
  for (ssize_t got = 1; got > 0;) {
    got = ::read(err[0], piece.data(), piece.size());
    if (got > 0) end.err.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(err[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) end.exit = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

TEST_CASE("memory that runs out on any thread is exit 6 with one error") {
  const auto text = end_of(false, std::bad_alloc());
  CHECK(text.exit == 6);
  CHECK(text.err == "compactor: out of memory\n");
  const auto json = end_of(true, std::bad_alloc());
  CHECK(json.exit == 6);
  const auto error = nlohmann::json::parse(json.err);
  CHECK(error.at("type") == "error");
  CHECK(error.at("exit") == 6);
}

TEST_CASE("what else is not caught aborts, and says what it was") {
  const auto other = end_of(false, std::runtime_error("a fault of ours"));
  CHECK(other.signal == SIGABRT);
  CHECK(other.err.find("a fault of ours") != std::string::npos);
}

}  // namespace

}  // namespace cli_last_resort_test
