// Lines in the order of the time that they are about.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "output/events.h"
#include "output/short_names.h"

namespace tool {

/// A message is told when its answer has come, so messages are told in another order than they were
/// sent in. This holds back what is told until nothing earlier can come any more.
class TimeOrder {
 public:
  struct Line {
    WallTime time;
    std::size_t chunk;  // of the slice
    std::size_t begin;
    std::size_t size;
    std::uint64_t tag;
    NamesInLine names;
  };
  /// Gets some lines, in order: `text` is what they say, one after the other.
  using Print = std::function<void(std::string_view text, std::span<const Line> lines)>;

  explicit TimeOrder(Print print) : print_(std::move(print)) {}

  /// What `append(std::string&)` appends is about that time; it gives the names in it, which are
  /// handed on with it, as `tag` is.
  template <class Append>
  void add(WallTime time, std::uint64_t tag, Append&& append) {
    Slice& slice = slice_of(time);
    std::string& text = slice.chunks.back();
    const std::size_t begin = text.size();
    const NamesInLine names = append(text);
    slice.lines.push_back({time, slice.chunks.size() - 1, begin, text.size() - begin, tag, names});
    held_ += text.size() - begin;
    while (held_ > most_held) release_first();
  }

  /// Nothing will be added that is about an earlier time.
  void release(WallTime before);
  /// Nothing will be added at all.
  void release_all();

 private:
  static constexpr std::size_t most_held = std::size_t{64} << 20;

  /// What is about the same twentieth of a second. In chunks that are used again: one text would be
  /// copied when it grows, into memory that was never touched (half a million small messages took a
  /// quarter longer).
  struct Slice {
    std::vector<std::string> chunks;
    std::vector<Line> lines;
  };

  Slice& slice_of(WallTime time);
  void release_first();
  void print(const Slice& slice);

  Print print_;
  std::map<WallTime, Slice> slices_;  // by when they end
  std::vector<std::string> spare_;    // chunks to use again
  std::size_t held_ = 0;
};

}  // namespace tool
