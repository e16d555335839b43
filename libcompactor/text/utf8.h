// UTF-8 (RFC 3629), and which characters of a peer's text a terminal must not be shown as they are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace compactor::text {

/// The length of the UTF-8 character that `text` begins with; 0 when there is none: no overlong
/// forms, no surrogates, nothing cut.
inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead < 0xc2   ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return size;
}

/// All of it is UTF-8.
bool is_utf8(std::string_view text);

/// UTF-8 of which every character can be shown: no controls but tab, CR and LF.
bool is_printable(std::string_view text);

/// The text, or as many of its characters as fit into `most` bytes, and an ellipsis.
std::string shortened(std::string_view text, std::size_t most);

/// The code point that `text` begins with. Precondition: `length` is utf8_length(text), not 0.
inline char32_t code_point(std::string_view text, std::size_t length) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (length == 1) return lead;
  char32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return code;
}

/// U+0000 to U+001F, and U+007F to U+009F.
inline bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/// Characters that change how the text around them looks and are not seen themselves: bidirectional
/// controls, zero-width characters, line and paragraph separators, tags, variation selectors. That
/// is Unicode's categories Cf, Zl and Zp, and what it calls default ignorable. Control characters
/// are not among them.
bool is_invisible(char32_t code);

/// Every byte from 0x80 up as the character of that number (Latin-1). libprocess' JSON holds the
/// bytes of message bodies as they are; so written, every byte string is valid UTF-8, and none is
/// lost on the way through a JSON parser.
std::string bytes_as_characters(std::string_view bytes);
/// The way back. Characters above U+00FF stay UTF-8.
std::string characters_as_bytes(std::string_view text);

}  // namespace compactor::text
