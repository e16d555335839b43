// Bytes as text, and back: hex, what a terminal may see. JSON strings and base64 are the schema's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tool {

void append_hex(std::string& out, std::string_view bytes);
/// Blanks between digits are allowed. Nothing when there is an odd digit or another character.
std::optional<std::string> decode_hex(std::string_view text);

/// Valid UTF-8 of which every character can be shown: no controls but tab, CR and LF.
bool is_printable_utf8(std::string_view bytes);

/// One line of valid UTF-8 without controls and without characters that cannot be seen.
bool is_shown_as_it_is(std::string_view text);

/// Appends what may go to a terminal: controls (also C1) as \n, \t, \x1b …, characters that cannot
/// be seen but change what is (bidirectional marks, zero-width ones) as \u202e, a backslash
/// doubled, bytes that are not UTF-8 as \xNN. Nothing that a peer sends can move the cursor, or
/// show its text as another one.
void append_terminal_escaped(std::string& out, std::string_view text);
std::string terminal_escaped(std::string_view text);

}  // namespace tool
