#include "sniff/held_lines.h"

namespace tool {

void HeldLines::add(std::string_view line, WallTime time, const NamesInLine& names) {
  console_.append_legend(waits_ ? legend_ : lines_, names);
  console_.append_opening(lines_, time);
  lines_ += line;
}

void HeldLines::print(bool end) {
  if (waits_ && !end && lines_.size() < most_held) return;
  waits_ = false;
  if (!legend_.empty()) console_.print_raw(legend_);
  if (!lines_.empty()) console_.print_raw(lines_);
  legend_.clear();
  lines_.clear();
}

}  // namespace tool
