// base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace compactor::text {

/// Appends it in the standard alphabet (§4), padded, without quotes.
void append_base64(std::string& out, std::string_view bytes);
/// Reads the standard or the URL alphabet, padded or not. Nothing when it is neither.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace compactor::text
