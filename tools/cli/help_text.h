// Help as wide as the terminal.
#pragma once

#include <cstddef>
#include <string>

namespace tool {

/// Breaks lines at blanks so that they fit into so many columns; what is described in a column of
/// its own stays there. Commands of examples stay whole: they are there to be copied.
std::string wrapped(const std::string& text, std::size_t columns);

/// To stdout; wrapped when that is a terminal, else with a line for each option, as grep(1) likes
/// it.
void print_help(const std::string& text);

}  // namespace tool
