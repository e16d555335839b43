// PID: the address of a process, `id@host:port` (libprocess calls it UPID).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "compactor/export.h"

namespace compactor {

/// A value. Two PIDs are equal when id, host and port are equal as given: no name is resolved, so
/// `b@localhost:1` is not `b@127.0.0.1:1`.
struct COMPACTOR_API Pid {
  std::string id;
  std::string host;  // IPv4 literal or host name; libprocess has no IPv6 here
  std::uint16_t port = 0;

  /// Strict: exactly one '@', exactly one ':' after it, a decimal port 0–65535. An empty id or host
  /// is allowed, an id may hold anything but '@'. Throws InvalidPid, whose text says what is wrong.
  static Pid parse(std::string_view text);

  /// As libprocess reads a peer's text: id up to the first '@', host up to the next ':', then a
  /// decimal port. Blanks around the whole are ignored. Nothing when that does not fit.
  static std::optional<Pid> from_peer(std::string_view text);

  /// `id@host:port`
  std::string str() const;

  /// `host:port`
  std::string address() const;

  /// `http://host:port/id`, and `/endpoint` behind it when one is given. The id stands as it is.
  std::string as_url(std::string_view endpoint = {}) const;

  bool operator==(const Pid&) const = default;
};

COMPACTOR_API std::ostream& operator<<(std::ostream& out, const Pid& pid);

}  // namespace compactor

template <>
struct COMPACTOR_API std::hash<compactor::Pid> {
  std::size_t operator()(const compactor::Pid& pid) const noexcept;
};
