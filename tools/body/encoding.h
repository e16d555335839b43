// What a terminal may see of text from a peer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// One line of valid UTF-8 without controls and without characters that cannot be seen.
bool is_shown_as_it_is(std::string_view text);

/// Appends what may go to a terminal: controls (also C1) as \n, \t, \x1b …, characters that cannot
/// be seen but change what is (bidirectional marks, zero-width ones) as \u202e, a backslash
/// doubled, bytes that are not UTF-8 as \xNN. Nothing that a peer sends can move the cursor, or
/// show its text as another one.
void append_terminal_escaped(std::string& out, std::string_view text);
std::string terminal_escaped(std::string_view text);

/// JSON in one line -> on several, each but the first after so many blanks. What stands outside of
/// its braces is left as it is.
void append_indented_json(std::string& out, std::string_view json, std::size_t indent);

}  // namespace tool
