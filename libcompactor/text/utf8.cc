#include "text/utf8.h"

#include <algorithm>
#include <array>

namespace compactor::text {
namespace {

struct InvisibleRange {
  char32_t first;
  char32_t last;
};

// Unicode 15, in order.
constexpr std::array invisible_ranges{
    InvisibleRange{0x00ad, 0x00ad},    // soft hyphen
    InvisibleRange{0x034f, 0x034f},    // combining grapheme joiner
    InvisibleRange{0x0600, 0x0605},    // Arabic number signs
    InvisibleRange{0x061c, 0x061c},    // Arabic letter mark
    InvisibleRange{0x06dd, 0x06dd},    // Arabic end of ayah
    InvisibleRange{0x070f, 0x070f},    // Syriac abbreviation mark
    InvisibleRange{0x0890, 0x0891},    // Arabic pound and piastre marks
    InvisibleRange{0x08e2, 0x08e2},    // Arabic disputed end of ayah
    InvisibleRange{0x115f, 0x1160},    // Hangul fillers
    InvisibleRange{0x17b4, 0x17b5},    // Khmer inherent vowels
    InvisibleRange{0x180b, 0x180f},    // Mongolian selectors and vowel separator
    InvisibleRange{0x200b, 0x200f},    // zero-width space and joiners, left-to-right and
                                       // right-to-left marks
    InvisibleRange{0x2028, 0x202e},    // line and paragraph separators, embeddings and overrides
    InvisibleRange{0x2060, 0x206f},    // word joiner, invisible operators, isolates
    InvisibleRange{0x3164, 0x3164},    // Hangul filler
    InvisibleRange{0xfe00, 0xfe0f},    // variation selectors
    InvisibleRange{0xfeff, 0xfeff},    // byte order mark
    InvisibleRange{0xffa0, 0xffa0},    // halfwidth Hangul filler
    InvisibleRange{0xfff0, 0xfffb},    // interlinear annotation
    InvisibleRange{0x110bd, 0x110bd},  // Kaithi number signs
    InvisibleRange{0x110cd, 0x110cd},
    InvisibleRange{0x13430, 0x1343f},  // Egyptian hieroglyph controls
    InvisibleRange{0x1bca0, 0x1bca3},  // shorthand format controls
    InvisibleRange{0x1d173, 0x1d17a},  // musical format controls
    InvisibleRange{0xe0000, 0xe0fff},  // tags, variation selectors
};

}  // namespace

bool is_invisible(char32_t code) {
  const auto* range =
      std::lower_bound(invisible_ranges.begin(), invisible_ranges.end(), code,
                       [](const InvisibleRange& r, char32_t wanted) { return r.last < wanted; });
  return range != invisible_ranges.end() && range->first <= code;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t') {
      ++at;
      continue;
    }
    const std::string_view rest = text.substr(at);
    const std::size_t length = utf8_length(rest);
    if (length == 0 || is_control(code_point(rest, length))) return false;
    at += length;
  }
  return true;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most)) + "…";
}

std::string bytes_as_characters(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

std::string characters_as_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if ((lead == 0xc2 || lead == 0xc3) && i + 1 < text.size()) {
      const auto trail = static_cast<unsigned char>(text[++i]);
      out += static_cast<char>(((lead & 0x03) << 6) | (trail & 0x3f));
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace compactor::text
