// The lines that come through a pipe, on a thread of their own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>

#include "body/line_splitter.h"

namespace tool {

/// What lies in a pipe.
std::uint64_t bytes_in(int pipe);

/// Reads from construction until the pipe is at its end, or, as others may hold it open, until what
/// was there when its writer had ended is read.
class PipeReader {
 public:
  /// A line without its end that is not empty; of one longer than longest_line the start.
  using OnLine = std::function<void(std::string_view line)>;

  /// Owns `pipe`. `writer_ended` is asked ten times a second.
  PipeReader(int pipe, OnLine on_line, std::function<bool()> writer_ended);
  ~PipeReader();  // waits until all is read
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  /// All lines were handed out.
  bool done() const { return done_; }

 private:
  void run();
  bool read(std::optional<std::uint64_t>& left);
  void hand_out();

  const int pipe_;
  const OnLine on_line_;
  const std::function<bool()> writer_ended_;
  LineSplitter lines_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace tool
