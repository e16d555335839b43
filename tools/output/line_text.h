// Text that fits the columns of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// Where there is no terminal to ask.
inline constexpr std::size_t columns_elsewhere = 100;

/// The columns of a terminal that is standard output; columns_elsewhere when it is none, or one
/// that does not say.
std::size_t columns_of_stdout();

/// How many columns a text takes that is fit for a terminal.
std::size_t width_of(std::string_view text);

/// As much of it as fits, with … for the rest.
std::string fitted(std::string_view text, std::size_t width);

/// Words on lines of so many columns, with so many blanks before each but the first, which begins
/// at `column`.
void append_wrapped(std::string& out, std::string_view text, std::size_t columns,
                    std::size_t column, std::size_t indent);

/// Ids without the master that gave them: S0, O12, 0001. Each was given once in a run of a master.
std::string with_short_ids(std::string_view text);

}  // namespace tool
