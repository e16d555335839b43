#include "sniff/time_order.h"

#include <algorithm>
#include <utility>

namespace tool {

namespace {

constexpr std::chrono::milliseconds slice_length{50};
constexpr std::size_t chunk_size = 64 << 10;
constexpr std::size_t most_spare = 128;

}  // namespace

TimeOrder::Slice& TimeOrder::slice_of(WallTime time) {
  Slice& slice = slices_[time - time.time_since_epoch() % slice_length + slice_length];
  if (!slice.chunks.empty() && slice.chunks.back().size() < chunk_size) return slice;
  if (spare_.empty()) {
    slice.chunks.emplace_back().reserve(chunk_size + (8 << 10));
  } else {
    slice.chunks.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  return slice;
}

void TimeOrder::release(WallTime before) {
  while (!slices_.empty() && slices_.begin()->first <= before) release_first();
}

void TimeOrder::release_all() {
  while (!slices_.empty()) release_first();
}

void TimeOrder::release_first() {
  auto slice = std::move(slices_.extract(slices_.begin()).mapped());
  std::stable_sort(slice.lines.begin(), slice.lines.end(),
                   [](const Line& a, const Line& b) { return a.time < b.time; });
  print(slice);
  for (auto& chunk : slice.chunks) {
    held_ -= chunk.size();
    if (spare_.size() >= most_spare || chunk.capacity() > 4 * chunk_size) continue;
    chunk.clear();
    spare_.push_back(std::move(chunk));
  }
}

/// Lines that stand one after the other in a chunk at once.
void TimeOrder::print(const Slice& slice) {
  const auto& lines = slice.lines;
  for (std::size_t first = 0; first < lines.size();) {
    std::size_t next = first + 1;
    std::size_t end = lines[first].begin + lines[first].size;
    while (next < lines.size() && lines[next].chunk == lines[first].chunk &&
           lines[next].begin == end)
      end += lines[next++].size;
    const std::string_view chunk = slice.chunks[lines[first].chunk];
    print_(chunk.substr(lines[first].begin, end - lines[first].begin),
           {lines.data() + first, next - first});
    first = next;
  }
}

}  // namespace tool
