// Messages and responses -> bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "compactor/message.h"
#include "compactor/pid.h"

namespace compactor::wire {

/// Null when the message can be carried in this style; else why not, in words for the user.
const char* why_not_sendable(Style style, std::string_view from, const Pid& to,
                             std::string_view name);

/// Appends one message, byte for byte what libprocess or compactor sends:
///   libprocess  POST /ID/NAME HTTP/1.1, User-Agent, Libprocess-From, Connection, Host, and a
///   non-empty body as
///               Transfer-Encoding: chunked in a single chunk
///   compactor   POST /ID/NAME HTTP/1.0, Connection, Content-Length (also 0), Libprocess-From
///   legacy      the same with User-Agent: libprocess/FROM in the place of Libprocess-From
/// With a `reply_depth` there is one header more, kReplyDepthHeader.
/// The id is percent-encoded where it must be. Precondition: why_not_sendable() is null.
void append_message(std::string& out, Style style, std::string_view from, const Pid& to,
                    std::string_view name, std::string_view body, unsigned reply_depth = 0);

/// An upper bound of what append_message appends.
std::size_t message_size_bound(std::string_view from, const Pid& to, std::string_view name,
                               std::size_t body_size);

/// Appends the id with everything escaped that would not survive a request line and libprocess'
/// decoding:
/// '+', '%', '?', '#', '/', blank, controls, non-ASCII. '(' and ')' stay.
void append_encoded_id(std::string& out, std::string_view id);

/// Whether the answer has to name its keep-alive: to an HTTP/1.0 request that asked for it.
enum class Persist { implied, stated };

/// `date` is an IMF-fixdate (RFC 9110 §5.6.7). Header order as libprocess writes it.
/// An empty `content_type` is left out; `head_only` answers HEAD: the length of the body without
/// the body.
void append_accepted(std::string& out, std::string_view date, Persist persist);
void append_response(std::string& out, int status, std::string_view content_type,
                     std::string_view body, std::string_view date, Persist persist,
                     bool head_only = false);

std::string_view reason_phrase(int status);

}  // namespace compactor::wire
