// The body keys of an NDJSON line: what --batch reads and what an --exec actor writes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "body/body.h"

namespace tool {

/// The bytes that one of body, body_text, body_base64, body_hex holds; none of them is an empty
/// body. Throws Failure (exit 2) for more than one (but of a body recorded with body_inexact the
/// bytes count), for a value that does not read, and for a line recorded without its body.
std::string body_of_line(const nlohmann::ordered_json& line, std::string_view name,
                         TypeCodec* types);

/// The form in which that was given.
BodyForm form_of_line(const nlohmann::ordered_json& line);

/// The text under `key`, "" when there is none. Throws Failure (exit 2) when it is no text.
std::string text_of_line(const nlohmann::ordered_json& line, const char* key);

/// The members keep their order: that of a map's entries is part of the bytes. Throws Failure (exit
/// 2) when it is no JSON object.
nlohmann::ordered_json parse_line(std::string_view text);

}  // namespace tool
