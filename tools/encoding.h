// Bytes as text, and back: base64, hex, JSON strings, what a terminal may see.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tool {

/// RFC 4648 §4, padded.
void append_base64(std::string& out, std::string_view bytes);
/// Also without padding and in the URL alphabet. Nothing when it is no base64.
std::optional<std::string> decode_base64(std::string_view text);

void append_hex(std::string& out, std::string_view bytes);
/// Blanks between digits are allowed. Nothing when there is an odd digit or another character.
std::optional<std::string> decode_hex(std::string_view text);

/// Valid UTF-8 of which every character can be shown: no controls but tab, CR and LF.
bool is_printable_utf8(std::string_view bytes);

/// Appends the contents of a JSON string (without the quotes). What is no UTF-8 becomes U+FFFD, so
/// that the line is valid JSON whatever a peer sent.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends what may go to a terminal: controls (also C1) as \n, \t, \x1b …, a backslash doubled,
/// bytes that are no UTF-8 as \xNN. Nothing that a peer sends can move the cursor.
void append_terminal_escaped(std::string& out, std::string_view text);
std::string terminal_escaped(std::string_view text);

/// The length of the valid UTF-8 character at `at`, 0 when there is none (overlong, surrogate, cut
/// …).
std::size_t utf8_length(std::string_view text, std::size_t at);

}  // namespace tool
