#include "capture/packet.h"

#include <arpa/inet.h>
#include <pcap/dlt.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <optional>

namespace compactor::capture {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

constexpr unsigned kEtherIpv4 = 0x0800;
constexpr unsigned kEtherIpv6 = 0x86dd;
constexpr unsigned kProtocolTcp = 6;

/// What is left of a packet: the captured bytes, and how many there were on the wire (never fewer).
struct Rest {
  std::string_view bytes;
  std::size_t wire = 0;

  bool has(std::size_t n) const { return bytes.size() >= n; }
  const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());  // NOLINT: bytes are bytes
  }
  unsigned u8(std::size_t at) const { return data()[at]; }
  unsigned u16(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  std::uint32_t u32(std::size_t at) const { return std::uint32_t{u16(at)} << 16 | u16(at + 2); }

  void skip(std::size_t n) {
    bytes.remove_prefix(n);
    wire -= n;
  }
  /// Lower layers pad and add trailers; the upper one knows where it ends. When it says more than
  /// there was, the packet was cut before it was captured.
  void set_length(std::size_t n) {
    wire = n;
    bytes = bytes.substr(0, n);
  }
  /// Too few bytes: was it the snaplen, or is the packet itself too short?
  Packet too_short(std::size_t needed) const {
    return wire >= needed ? Packet::cut : Packet::malformed;
  }
};

struct Link {
  std::size_t header = 0;
  std::optional<std::size_t> ether_type;  // where it stands; without it the IP version tells
};

std::optional<Link> link_layer(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
      return Link{14, 12};
    case DLT_LINUX_SLL:
      return Link{16, 14};
#ifdef DLT_LINUX_SLL2
    case DLT_LINUX_SLL2:
      return Link{20, 0};
#endif
    case DLT_NULL:
    case DLT_LOOP:
      return Link{4,
                  std::nullopt};  // the address family differs between systems, and in byte order
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return Link{0, std::nullopt};
    default:
      return std::nullopt;
  }
}

bool is_vlan_tag(unsigned ether_type) {
  return ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100;
}

Packet decode_tcp(Rest rest, Segment& segment) {
  if (!rest.has(20)) return rest.too_short(20);
  const std::size_t header = std::size_t{rest.u8(12) >> 4} * 4;
  if (header < 20 || header > rest.wire) return Packet::malformed;
  segment.source.port = static_cast<std::uint16_t>(rest.u16(0));
  segment.destination.port = static_cast<std::uint16_t>(rest.u16(2));
  segment.seq = rest.u32(4);
  segment.ack = rest.u32(8);
  const unsigned flags = rest.u8(13);
  segment.fin = flags & 0x01;
  segment.syn = flags & 0x02;
  segment.rst = flags & 0x04;
  segment.has_ack = flags & 0x10;
  segment.length = static_cast<std::uint32_t>(rest.wire - header);
  segment.payload = rest.bytes.substr(std::min(header, rest.bytes.size()));
  return Packet::tcp;
}

Packet decode_ipv4(Rest rest, Segment& segment) {
  if (!rest.has(20)) return rest.too_short(20);
  if (rest.u8(0) >> 4 != 4) return Packet::malformed;
  const std::size_t header = std::size_t{rest.u8(0) & 15} * 4;
  // Segmentation offload leaves the total length 0 for a packet over 64 KiB: then the capture knows
  // it.
  const std::size_t total = rest.u16(2) != 0 ? rest.u16(2) : rest.wire;
  if (header < 20 || total < header) return Packet::malformed;
  if (rest.u8(9) != kProtocolTcp) return Packet::other;
  if ((rest.u16(6) & 0x3fff) != 0) return Packet::fragment;  // an offset, or more to follow
  segment.source.address = Address::v4(rest.data() + 12);
  segment.destination.address = Address::v4(rest.data() + 16);
  rest.set_length(total);
  if (!rest.has(header)) return Packet::cut;
  rest.skip(header);
  return decode_tcp(rest, segment);
}

constexpr unsigned kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51,
                   kDestinationOptions = 60, kMobility = 135;

bool is_extension(unsigned protocol) {
  return protocol == kHopByHop || protocol == kRouting || protocol == kFragment ||
         protocol == kAuthentication || protocol == kDestinationOptions || protocol == kMobility;
}

std::size_t extension_length(unsigned protocol, const Rest& rest) {
  if (protocol == kFragment) return 8;
  if (protocol == kAuthentication) return (std::size_t{rest.u8(1)} + 2) * 4;
  return (std::size_t{rest.u8(1)} + 1) * 8;
}

/// A fragment header on a packet that is whole ("atomic", RFC 6946) makes it no fragment.
bool is_piece(unsigned protocol, const Rest& rest) {
  return protocol == kFragment && (rest.u16(2) & 0xfff9) != 0;
}

Packet decode_ipv6(Rest rest, Segment& segment) {
  if (!rest.has(40)) return rest.too_short(40);
  if (rest.u8(0) >> 4 != 6) return Packet::malformed;
  // As with IPv4: offload leaves a payload length of 0 for what does not fit 16 bits.
  const std::size_t length = rest.u16(4) != 0 ? rest.u16(4) : rest.wire - 40;
  unsigned next = rest.u8(6);
  segment.source.address = Address::v6(rest.data() + 8);
  segment.destination.address = Address::v6(rest.data() + 24);
  rest.skip(40);
  rest.set_length(length);
  while (is_extension(next)) {
    if (!rest.has(8)) return rest.too_short(8);
    if (is_piece(next, rest)) return Packet::fragment;
    const std::size_t size = extension_length(next, rest);
    if (!rest.has(size)) return rest.too_short(size);
    next = rest.u8(0);
    rest.skip(size);
  }
  if (next != kProtocolTcp) return Packet::other;
  return decode_tcp(rest, segment);
}

Packet decode_ip(const Rest& rest, unsigned ether_type, Segment& segment) {
  if (ether_type == kEtherIpv4) return decode_ipv4(rest, segment);
  if (ether_type == kEtherIpv6) return decode_ipv6(rest, segment);
  return Packet::other;
}

}  // namespace

Address Address::v4(const std::uint8_t* four) {
  Address address;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
  std::copy(four, four + 4, address.bytes.begin() + kMappedPrefix.size());
  return address;
}

Address Address::v6(const std::uint8_t* sixteen) {
  Address address;
  std::copy(sixteen, sixteen + 16, address.bytes.begin());
  return address;
}

bool Address::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

std::string Address::str() const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4()) return inet_ntop(AF_INET, bytes.data() + kMappedPrefix.size(), text, sizeof text);
  return std::string("[") + inet_ntop(AF_INET6, bytes.data(), text, sizeof text) + "]";
}

std::string Endpoint::str() const {
  return address.str() + ":" + std::to_string(port);
}

bool is_known_link_type(int link_type) {
  return link_layer(link_type).has_value();
}

Packet decode(int link_type, std::string_view bytes, std::size_t wire_length, Segment& segment) {
  const std::optional<Link> link = link_layer(link_type);
  if (!link) return Packet::other;
  Rest rest{bytes, std::max(wire_length, bytes.size())};
  if (!rest.has(link->header)) return rest.too_short(link->header);
  unsigned ether_type = link->ether_type ? rest.u16(*link->ether_type) : 0;
  rest.skip(link->header);
  if (!link->ether_type) {
    if (!rest.has(1)) return rest.too_short(1);
    ether_type = rest.u8(0) >> 4 == 4 ? kEtherIpv4 : rest.u8(0) >> 4 == 6 ? kEtherIpv6 : 0;
  }
  while (is_vlan_tag(ether_type)) {
    if (!rest.has(4)) return rest.too_short(4);
    ether_type = rest.u16(2);
    rest.skip(4);
  }
  return decode_ip(rest, ether_type, segment);
}

}  // namespace compactor::capture
