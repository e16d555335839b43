#include "capture/text_offsets.h"

#include <algorithm>

namespace compactor::capture {

void TextOffsets::add(std::uint64_t wire_end, std::size_t text) {
  if (marks_.size() >= kMost) drop(kMost / 2);
  marks_.push_back({wire_end, end() + text});
}

std::uint64_t TextOffsets::text_at(std::uint64_t wire) const {
  const auto after =
      std::upper_bound(marks_.begin(), marks_.end(), wire,
                       [](std::uint64_t offset, const Mark& mark) { return offset < mark.wire; });
  if (after != marks_.begin()) return (after - 1)->text;
  if (wire >= forgotten_.wire) return forgotten_.text;
  // So far back it is about right.
  return forgotten_.text - std::min(forgotten_.wire - wire, forgotten_.text - kOrigin);
}

void TextOffsets::forget(std::uint64_t wire) {
  if (marks_.size() <= 2 * kLate || marks_[2 * kLate].wire > wire) return;
  const auto after =
      std::upper_bound(marks_.begin(), marks_.end(), wire,
                       [](std::uint64_t offset, const Mark& mark) { return offset < mark.wire; });
  drop(static_cast<std::size_t>(after - marks_.begin()) - kLate);
}

void TextOffsets::drop(std::size_t count) {
  forgotten_ = marks_[count - 1];
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace compactor::capture
