// A message as a receiver sees it, and what its sender learns of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "compactor/export.h"
#include "compactor/pid.h"

namespace compactor {

class Inbound;

/// The dialect of an outgoing message (the bytes of each are in wire/encode.h). Receivers accept
/// all three.
enum class Style {
  libprocess,  // HTTP/1.1, chunked, User-Agent and Libprocess-From: what Mesos sends
  compactor,   // HTTP/1.0, Content-Length, Libprocess-From: what the Python library sends
  legacy,      // HTTP/1.0, Content-Length, User-Agent only: what its legacy mode sends
};

/// A received message. Every reference is valid only during the call that hands it out.
struct MessageView {
  const Pid& from;          // as libprocess reads the sender; `@0.0.0.0:0` when it is no PID
  std::string_view sender;  // the sender's header as it came, trimmed
  const Pid& to;            // decoded id @ the address this Context advertises
  std::string_view name;
  std::string_view body;          // decompressed when it came with Content-Encoding: gzip
  unsigned reply_depth = 0;       // 0: sent of its sender's own accord, as far as is known; 1: as a
                                  // reply (see Context::reply), 2: as a reply to a reply …
  Inbound* connection = nullptr;  // for ReturnAddress::of()
};

/// Where a reply to a message goes: what is to be kept of one that is replied to later.
struct COMPACTOR_API ReturnAddress {
  Pid to;                             // its sender
  std::string from;                   // its receiver, whose the reply is
  unsigned depth = 0;                 // its reply_depth; the reply has one more
  std::weak_ptr<Inbound> connection;  // on which it came

  static ReturnAddress of(const MessageView& message);
};

/// What became of a sent message.
enum class Outcome {
  accepted,         // 202: queued to a live process; not: handled
  no_such_process,  // 404
  not_handled,      // 405: how the Python library says that it has no such process or mailbox
  refused,          // 400, 5xx or any other status, 200 and 204 too, which no libprocess answers;
                    // reason has the status and the start of the body
  no_answer,  // written, wholly or in part, and the connection ended, or we stopped, before an
              // answer; or the peer answers nothing (see Options::max_unanswered)
  failed,     // not a byte of it was written: it has certainly not arrived
};

/// Where it went wrong, for those who act on it (exit codes, retry).
enum class Fault {
  none,
  resolve,     // host name unknown
  connect,     // refused, unreachable, or no connection within the connect time-out
  closed,      // the peer closed, or reset, the connection
  timed_out,   // keep-alive or retransmission gave up
  not_http,    // what came back is no HTTP response
  tls,         // there was no TLS to be had, or what came back to plain text is a TLS record
  stopped,     // the Context stopped first
  terminated,  // a local receiver ended before it handled the message
};

struct Delivery {
  Outcome outcome = Outcome::accepted;
  Fault fault = Fault::none;
  int status = 0;  // of the HTTP response; 0 when there was none. A local delivery counts as 202
  std::string reason;               // empty for accepted; else one line for people
  std::error_code error;            // the system's reason, where there is one
  std::chrono::nanoseconds ack{0};  // from send() to the response; 0 when there was none
};

/// Called exactly once, on the loop thread of the Context.
using OnDelivery = std::function<void(const Delivery&)>;

/// What send() says at once. Only `queued` leads to a call of OnDelivery.
enum class SendResult {
  queued,
  full,  // the address has its limit of queued bytes or unanswered messages; see Context::when_room
  invalid,  // cannot be carried: blank, control, '?', '#' or non-ASCII in the name, CR or LF in an
            // id, an empty id in the libprocess dialect, a bad address, a body over the limit of
            // one address' queue
  stopped,  // the Context has been stopped
};

/// Why a linked process is no longer there.
enum class ExitReason {
  closed,       // FIN; or a local process that terminated
  reset,        // RST
  refused,      // nobody listens there
  timed_out,    // connect time-out, keep-alive, or retransmission gave up
  unreachable,  // no route, network down, host name unknown, or no socket to be had for it
  tls,          // no TLS with it: see TlsFault
};

/// The words that the JSON output uses too: accepted no_such_process …, closed reset refused …
COMPACTOR_API std::string_view to_string(Style style);
COMPACTOR_API std::string_view to_string(Outcome outcome);
COMPACTOR_API std::string_view to_string(Fault fault);
COMPACTOR_API std::string_view to_string(SendResult result);
COMPACTOR_API std::string_view to_string(ExitReason reason);

}  // namespace compactor
