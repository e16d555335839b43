// Lines in the order of the time that they are about.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "output/events.h"

namespace tool {

/// A message is told when its answer has come, so messages are told in another order than they were
/// sent in. This holds back what is told until nothing earlier can come any more.
class TimeOrder {
 public:
  /// Gets each line, in order.
  using Print = std::function<void(std::string_view line, std::uint64_t tag)>;

  explicit TimeOrder(Print print) : print_(std::move(print)) {}

  /// What `append(std::string&)` appends is about that time. `tag` is handed on with it.
  template <class Append>
  void add(WallTime time, std::uint64_t tag, Append&& append) {
    Slice& slice = slice_of(time);
    const std::size_t begin = slice.text.size();
    append(slice.text);
    slice.lines.push_back({time, begin, slice.text.size() - begin, tag});
    held_ += slice.text.size() - begin;
    while (held_ > most_held) release_first();
  }

  /// Nothing will be added that is about an earlier time.
  void release(WallTime before);
  /// Nothing will be added at all.
  void release_all();

 private:
  static constexpr std::size_t most_held = std::size_t{64} << 20;

  struct Line {
    WallTime time;
    std::size_t begin;
    std::size_t size;
    std::uint64_t tag;
  };
  /// What is about the same twentieth of a second.
  struct Slice {
    std::string text;
    std::vector<Line> lines;
  };

  Slice& slice_of(WallTime time);
  void release_first();

  Print print_;
  std::map<WallTime, Slice> slices_;  // by when they end
  std::size_t held_ = 0;
};

}  // namespace tool
