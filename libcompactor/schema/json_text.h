// The pieces of JSON text: strings, base64, numbers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace compactor::schema {

/// The length of the UTF-8 character that `text` begins with; 0 when there is none (RFC 3629: no
/// overlong forms, no surrogates, nothing cut).
std::size_t utf8_length(std::string_view text);

/// Appends the text in quotes. Control characters, C1 ones too, and invisible ones (see
/// schema/unicode.h) are escaped, so that no terminal acts on them. Bytes that are not UTF-8 become
/// U+FFFD each; then the result is false.
bool append_json_string(std::string& out, std::string_view text);
/// The same without the quotes.
bool append_json_escaped(std::string& out, std::string_view text);

/// Appends base64 (RFC 4648 §4, padded), without quotes.
void append_base64(std::string& out, std::string_view bytes);
/// Reads base64 in the standard or the URL alphabet, padded or not. Nothing when it is neither.
std::optional<std::string> decode_base64(std::string_view text);

/// Appends the shortest text that reads back as the same number; "NaN", "Infinity" and "-Infinity"
/// in quotes, as proto3 JSON has it. False when the bits do not come back: a NaN other than the
/// usual one.
bool append_json_number(std::string& out, double value);
bool append_json_number(std::string& out, float value);

}  // namespace compactor::schema
