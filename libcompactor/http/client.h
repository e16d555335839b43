// Outgoing plain HTTP: one GET, blocking, with a deadline and a bound on everything the server can
// make us hold. It reads with the parser that reads messages: what a capture shows as an answer is
// an answer here, whatever odd but legal form it has.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "tls/config.h"

namespace compactor::http {

/// Basic authentication (RFC 7617).
struct Credentials {
  std::string user;
  std::string password;

  /// The first line, `user:password`; the password may hold colons. Nothing when there is no colon,
  /// no user, or a control character.
  static std::optional<Credentials> parse(std::string_view text);
};

/// Whom to ask, and what it may cost.
struct Server {
  std::string ip;  // numeric IPv4
  std::uint16_t port = 0;
  std::optional<Credentials> credentials;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(5);
  // Of a whole request: connecting, writing, and the last byte of the answer.
  std::chrono::nanoseconds timeout = std::chrono::seconds(5);
  std::size_t max_body = std::size_t{64} << 20;  // also decompressed
  int cancel_fd = -1;                            // once it is readable, requests give up
  std::shared_ptr<const tls::Config> tls;        // null: plain
  std::string tls_name;  // whom its certificate must be for; empty: by its address
};

enum class Fault {
  none,         // there is a status, whichever; never 1xx
  unreachable,  // no connection
  timed_out,    // connected, but no complete answer in time
  closed,       // the connection ended without an answer
  cut,          // … in the middle of the answer
  garbage,      // what came is not HTTP, or not what was asked for (101, an unknown coding)
  tls,          // there is no TLS to be had, or what came is a TLS record
  too_large,    // a head over 80 KiB, or a body over the limit
  cancelled,    // by Server::cancel_fd
};

struct Answer {
  Fault fault = Fault::none;
  std::string reason;          // of a fault, for people
  std::error_code error;       // of a TLS fault, where it is one of tls_category()
  std::optional<TlsPeer> tls;  // it came over TLS
  std::string downgraded;      // there was no TLS, for this reason: it was asked for in plain
  int status = 0;
  std::string content_type;
  std::string body;

  bool ok() const { return fault == Fault::none && status == 200; }
};

/// `path` begins with '/' and is sent as it is. Redirects are not followed (libprocess sends none
/// that lead elsewhere than to another host). Never throws for what the peer does. Blocks; any
/// thread.
Answer get(const Server& server, const std::string& path);

}  // namespace compactor::http
