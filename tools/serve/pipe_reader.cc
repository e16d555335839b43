#include "serve/pipe_reader.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "cli/signals.h"

namespace tool {

namespace {

constexpr int asked_every_ms = 100;

}  // namespace

std::uint64_t bytes_in(int pipe) {
  int count = 0;
  return ::ioctl(pipe, FIONREAD, &count) == 0 ? static_cast<std::uint64_t>(count) : 0;
}

PipeReader::PipeReader(int pipe, OnLine on_line, std::function<bool()> writer_ended)
    : pipe_(pipe), on_line_(std::move(on_line)), writer_ended_(std::move(writer_ended)) {
  SignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

PipeReader::~PipeReader() {
  thread_.join();
  ::close(pipe_);
}

void PipeReader::run() {
  std::optional<std::uint64_t> left;
  while (read(left)) {
    if (!left && writer_ended_()) left = bytes_in(pipe_);
  }
  lines_.end();
  hand_out();
  done_ = true;
}

/// False when that was all; `left`: of what is there only so much is read.
bool PipeReader::read(std::optional<std::uint64_t>& left) {
  if (left == 0U) return false;
  pollfd ready{pipe_, POLLIN, 0};
  if (::poll(&ready, 1, asked_every_ms) <= 0) return true;
  std::array<char, 65536> piece;
  const auto most = std::min<std::uint64_t>(piece.size(), left.value_or(piece.size()));
  const ssize_t got = ::read(pipe_, piece.data(), most);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  if (left) *left -= static_cast<std::uint64_t>(got);
  lines_.add(std::string_view(piece.data(), static_cast<std::size_t>(got)));
  hand_out();
  return true;
}

void PipeReader::hand_out() {
  std::string_view line;
  while (lines_.next(line) != LineSplitter::Found::nothing) {
    if (!line.empty()) on_line_(line);
  }
}

}  // namespace tool
