// Lines in the order in which they are printed, with what they begin with.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "output/console.h"

namespace tool {

/// With `legend_first` they are held until all of them are there, so that the legend of all names
/// stands before the first; but no more than some MiB of them.
class HeldLines {
 public:
  HeldLines(Console& console, bool legend_first) : console_(console), waits_(legend_first) {}

  /// One line, as Console::render() made it.
  void add(std::string_view line, WallTime time, const NamesInLine& names);
  /// Prints them, but for those that are still to be held; at the end, all.
  void print(bool end);

 private:
  static constexpr std::size_t most_held = std::size_t{8} << 20;

  Console& console_;
  bool waits_;
  std::string legend_;
  std::string lines_;
};

}  // namespace tool
