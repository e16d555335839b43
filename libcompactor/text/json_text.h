// The pieces of JSON text: strings and numbers.
#pragma once

#include <string>
#include <string_view>

namespace compactor::text {

/// Appends the text in quotes. Control characters, C1 ones too, and invisible ones (see
/// text/utf8.h) are escaped, so that no terminal acts on them. Bytes that are not UTF-8 become
/// U+FFFD each; then the result is false.
bool append_json_string(std::string& out, std::string_view text);
/// The same without the quotes.
bool append_json_escaped(std::string& out, std::string_view text);

/// Appends the shortest text that reads back as the same number; "NaN", "Infinity" and "-Infinity"
/// in quotes, as proto3 JSON has it. False when the bits do not come back: a NaN other than the
/// usual one.
bool append_json_number(std::string& out, double value);
bool append_json_number(std::string& out, float value);

}  // namespace compactor::text
