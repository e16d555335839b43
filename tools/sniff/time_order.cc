#include "sniff/time_order.h"

#include <algorithm>
#include <utility>

namespace tool {

namespace {

constexpr std::chrono::milliseconds slice_length{50};

}  // namespace

TimeOrder::Slice& TimeOrder::slice_of(WallTime time) {
  return slices_[time - time.time_since_epoch() % slice_length + slice_length];
}

void TimeOrder::release(WallTime before) {
  while (!slices_.empty() && slices_.begin()->first <= before) release_first();
}

void TimeOrder::release_all() {
  while (!slices_.empty()) release_first();
}

void TimeOrder::release_first() {
  auto slice = std::move(slices_.extract(slices_.begin()).mapped());
  held_ -= slice.text.size();
  std::stable_sort(slice.lines.begin(), slice.lines.end(),
                   [](const Line& a, const Line& b) { return a.time < b.time; });
  for (const auto& line : slice.lines)
    print_(std::string_view(slice.text).substr(line.begin, line.size), line.tag);
}

}  // namespace tool
