#include "output/output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <utility>

namespace output_output_test {

namespace {

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    for (int end : ends) {
      if (end >= 0) ::close(end);
    }
  }
  std::string read_all() {
    std::string all;
    std::array<char, 4096> piece;
    for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;) {
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  void close_writer() { ::close(std::exchange(ends[1], -1)); }
  void close_reader() { ::close(std::exchange(ends[0], -1)); }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("what is written arrives, in order, by finish") {
  Pipe pipe;
  std::string expected;
  auto reader = std::async(std::launch::async, [&] { return pipe.read_all(); });
  {
    tool::Output output(pipe.ends[1]);
    for (int i = 0; i < 20'000; ++i) {
      auto line = std::to_string(i) + "\n";
      expected += line;
      output.write(line);
    }
    output.finish();
    CHECK(output.handed_over() == expected.size());
    output.write("too late");
  }
  pipe.close_writer();
  CHECK(reader.get() == expected);
}

TEST_CASE("a reader that stops is told of once, and again when half is free; nothing is lost") {
  Pipe pipe;
  std::atomic<int> full = 0;
  std::promise<void> freed;
  tool::Output output(pipe.ends[1], 1 << 20);
  output.watch(
      [&](bool is_full) {
        if (is_full) {
          ++full;
        } else {
          freed.set_value();
        }
      },
      {});
  const std::string line(1000, 'x');
  std::size_t written = 0;
  while (full == 0) {
    output.write(line);
    written += line.size();
  }
  CHECK(output.full());
  CHECK(written > 1 << 20);
  auto reader = std::async(std::launch::async, [&] { return pipe.read_all(); });
  freed.get_future().get();
  CHECK_FALSE(output.full());
  CHECK(full == 1);
  output.watch({}, {});
  output.finish();
  pipe.close_writer();
  CHECK(reader.get().size() == written);
}

TEST_CASE("a reader that goes away is told of, and nothing blocks") {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close_reader();
  std::promise<void> broken;
  tool::Output output(pipe.ends[1]);
  output.watch({}, [&] { broken.set_value(); });
  output.write("x");
  broken.get_future().get();
  CHECK(output.broken());
  output.write("y");
  CHECK(output.drain(std::chrono::seconds(30)));
}

TEST_CASE("drain tells when the reader does not read") {
  Pipe pipe;
  tool::Output output(pipe.ends[1]);
  output.write(std::string(1 << 20, 'x'));
  CHECK_FALSE(output.drain(std::chrono::milliseconds(20)));
  auto reader = std::async(std::launch::async, [&] { return pipe.read_all(); });
  CHECK(output.drain(std::chrono::seconds(30)));
  output.finish();
  pipe.close_writer();
  CHECK(reader.get().size() == 1 << 20);
}

}  // namespace output_output_test
