// The body keys of an NDJSON line: what --batch reads and what an --exec actor writes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "body.h"

namespace tool {

/// The bytes that one of body, body_text, body_base64, body_hex holds; none of them is an empty body. Throws Failure (exit 2)
/// for more than one, for a value that does not read, and for a line recorded without its body.
std::string body_of_line(const nlohmann::json& line, std::string_view name, TypeCodec* types);

/// The text under `key`, "" when there is none. Throws Failure (exit 2) when it is no text.
std::string text_of_line(const nlohmann::json& line, const char* key);

/// Throws Failure (exit 2) when it is no JSON object.
nlohmann::json parse_line(std::string_view text);

}  // namespace tool
