// Finding the next message in a stream that is met in the middle, or behind a hole.
#pragma once

#include <cstddef>
#include <string_view>

#include "wire/parser.h"

namespace compactor::wire {

struct NextHead {
  bool found = false;
  /// Found: where the head begins. Not found: no head begins before this; the bytes from here to
  /// the end could be the start of one and are to be offered again with what follows. They are at
  /// most kMaxUndecided.
  std::size_t offset = 0;
};

/// Longest start of a head that is waited for. A longer one is passed over.
constexpr std::size_t kMaxUndecided = std::size_t{9} << 10;

/// The first plausible head in `bytes`: a request line (a method that http_parser knows, a target,
/// HTTP/1.x) or a status line (HTTP/1.x and three digits), ended by CRLF, and behind it the name of
/// a header with its colon or the empty line. It need not stand behind a CRLF: a body ends without
/// one. Linear in the size of `bytes`.
NextHead find_head(Kind kind, std::string_view bytes);

}  // namespace compactor::wire
