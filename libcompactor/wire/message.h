// HTTP requests -> libprocess messages: which request is a message, and its parts. Facts as
// measured on libprocess.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/parser.h"

namespace compactor::wire {

/// The parts of a message. Views into the HttpMessage it was read from.
struct MessageHead {
  std::string_view sender;   // trimmed; Libprocess-From wins over User-Agent
  std::string_view raw_id;   // first path segment, still percent-encoded
  std::string_view name;     // everything behind the second '/', up to '?' or '#'; not decoded
  unsigned reply_depth = 0;  // see kReplyDepthHeader
};

/// A header of ours, on messages that a program sends only because it received one: 1 on a reply, 2
/// on a reply to a reply. Others pass over it; who replies to whatever comes can tell by it that it
/// is talking to somebody who does the same.
inline constexpr std::string_view kReplyDepthHeader = "Compactor-Reply-Depth";

/// False for a target without a path that begins with '/', as in `OPTIONS *`.
bool has_path(const HttpMessage& request);

/// Nothing when the request is plain HTTP. A request is a message if and only if its method is POST
/// and either User-Agent starts with "libprocess/" or Libprocess-From is present.
/// Of a header that is repeated the last counts.
/// The target may be in absolute form (http://host/ID/NAME); `//NAME` has an empty id.
std::optional<MessageHead> message_head(const HttpMessage& request);

/// Percent-decoding as libprocess does it on a path segment: '+' is a blank, a bad escape is an
/// error (nothing). `decoded` is cleared first; when nothing needs decoding the result is a view of
/// `raw`, else of `decoded`.
std::optional<std::string_view> decode_id(std::string_view raw, std::string& decoded);

/// Content-Encoding says gzip.
bool is_gzip(const HttpMessage& message);
/// The body comes in chunks, as Transfer-Encoding says last.
bool is_chunked(const HttpMessage& message);

/// The body as delivered: decompressed if Content-Encoding says gzip, into `inflated`; else a view
/// of the body. Nothing, with `why`, when it is not gzip after all, is cut, or grows over
/// `max_body`.
/// No bytes are an empty body, whatever the header says; several gzip members are one body.
std::optional<std::string_view> delivered_body(const HttpMessage& message, std::string& inflated,
                                               std::size_t max_body, std::string& why);

}  // namespace compactor::wire
