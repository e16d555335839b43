// What a captured packet holds: addresses, and a TCP segment.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace compactor::capture {

/// The capture's clock: UTC, nanoseconds.
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// An IP address; IPv4 is held as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), which never appears on a wire
/// itself.
struct Address {
  std::array<std::uint8_t, 16> bytes{};

  static Address v4(const std::uint8_t* four);
  static Address v6(const std::uint8_t* sixteen);
  bool is_v4() const;
  /// `10.0.0.5`, or `[fe80::1]` in brackets, so that `:port` can follow.
  std::string str() const;

  // clang-tidy 14 takes the 0 that a rewritten `<` compares with for a null pointer.
  auto operator<=>(const Address&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  /// `10.0.0.5:5050`, `[fe80::1]:5050`
  std::string str() const;

  auto operator<=>(const Endpoint&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// One TCP segment. `payload` is a view into the packet and may be shorter than what was on the
/// wire.
struct Segment {
  Endpoint source;
  Endpoint destination;
  std::uint16_t ip_id = 0;  // the identification of IPv4; 0 in IPv6
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;  // meaningful if has_ack
  bool syn = false;
  bool fin = false;
  bool rst = false;
  bool has_ack = false;
  std::string_view payload;
  std::uint32_t length = 0;  // of the payload on the wire; > payload.size() when the snaplen cut it
};

/// What a packet turned out to be.
enum class Packet : std::uint8_t {
  tcp,        // a TCP segment
  fragment,   // a piece of an IP packet of which other pieces are missing so far
  malformed,  // lengths that contradict each other
  cut,        // the snaplen left too little to tell
  // Not TCP; or TCP that cannot be seen, as it is encrypted or inside something not known here.
  udp,
  icmp,
  sctp,
  arp,
  esp,     // IPsec
  macsec,  // IEEE 802.1AE
  ip,      // another protocol over IP
  link,    // another protocol below IP
  count,
};

/// The word for it: `udp`, `macsec`, `other over IP` …
std::string_view to_string(Packet what);

}  // namespace compactor::capture
