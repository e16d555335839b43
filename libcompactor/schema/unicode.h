// Which characters of a text from a peer a terminal must not be shown as they are.
#pragma once

#include <cstddef>
#include <string_view>

namespace compactor::schema {

/// The code point that `text` begins with. Precondition: `length` is utf8_length(text), not 0.
char32_t code_point(std::string_view text, std::size_t length);

/// Characters that change how the text around them looks and are not seen themselves: bidirectional
/// controls, zero-width characters, line and paragraph separators, tags, variation selectors. That
/// is Unicode's categories Cf, Zl and Zp, and what it calls default ignorable. Control characters
/// (U+0000 to U+001F, U+007F to U+009F) are not among them.
bool is_invisible(char32_t code);

}  // namespace compactor::schema
