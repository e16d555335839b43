#include "capture/dissector.h"

#include <pcap/dlt.h>
#include <pcap/pcap.h>

#include <algorithm>

#include "capture/capture_error.h"

namespace compactor::capture {
namespace {

/// Layers that carry others, one inside the other. A packet with more is made to exhaust somebody.
constexpr int kMostLayers = 24;

// IEEE 802 numbers.
constexpr unsigned kEtherIpv4 = 0x0800;
constexpr unsigned kEtherArp = 0x0806;
constexpr unsigned kEtherBridged = 0x6558;  // Ethernet inside something
constexpr unsigned kEtherIpv6 = 0x86dd;
constexpr unsigned kEtherMpls = 0x8847;
constexpr unsigned kEtherMplsMulticast = 0x8848;
constexpr unsigned kEtherPppoe = 0x8864;
constexpr unsigned kEtherErspan2 = 0x88be;
constexpr unsigned kEtherErspan3 = 0x22eb;
constexpr unsigned kEtherMacsec = 0x88e5;
constexpr unsigned kLargestLength = 1500;  // below, the field is a length

// IANA protocol numbers.
constexpr unsigned kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kIpv6 = 41, kGre = 47, kEsp = 50,
                   kIcmpv6 = 58, kEtherIp = 97, kSctp = 132, kMplsInIp = 137, kEthernet = 143;
constexpr unsigned kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51,
                   kDestinationOptions = 60, kMobility = 135;

// UDP ports of tunnels.
constexpr unsigned kVxlan = 4789, kVxlanLinux = 8472, kVxlanGpe = 4790, kGeneve = 6081,
                   kGtpUser = 2152, kMplsInUdp = 6635;

/// Too few bytes: was it the snaplen, or is the packet itself too short?
Packet too_short(const ByteView& rest, std::size_t needed) {
  return rest.wire >= needed ? Packet::cut : Packet::malformed;
}

bool is_vlan_tag(unsigned type) {
  return type == 0x8100 || type == 0x88a8 ||
         (type >= 0x9100 && type <= 0x9300 && type % 0x100 == 0);
}

/// Ethernet with something in it that is known here would begin there.
bool holds_ethernet(const ByteView& rest, std::size_t at) {
  if (!rest.has(at + 14)) return false;
  const unsigned type = rest.u16(at + 12);
  return type == kEtherIpv4 || type == kEtherIpv6 || type == kEtherArp || is_vlan_tag(type) ||
         type == kEtherMpls || type == kEtherPppoe;
}

bool is_extension(unsigned protocol) {
  return protocol == kHopByHop || protocol == kRouting || protocol == kFragment ||
         protocol == kAuthentication || protocol == kDestinationOptions || protocol == kMobility;
}

std::size_t extension_length(unsigned protocol, const ByteView& rest) {
  if (protocol == kFragment) return 8;
  if (protocol == kAuthentication) return (std::size_t{rest.u8(1)} + 2) * 4;
  return (std::size_t{rest.u8(1)} + 1) * 8;
}

/// A fragment header on a packet that is whole ("atomic", RFC 6946) makes it no fragment.
bool is_piece(unsigned protocol, const ByteView& rest) {
  return protocol == kFragment && (rest.u16(2) & 0xfff9) != 0;
}

}  // namespace

bool is_known_link_type(int link_type) {
  switch (link_type) {
    case DLT_EN10MB:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_PPP:
    case DLT_NFLOG:
      return true;
    default:
      return false;
  }
}

std::string_view known_link_types() {
  return "Ethernet, Linux cooked, loopback, PPP, NFLOG and raw IP";
}

void require_link_type(int link_type, const std::string& name) {
  if (is_known_link_type(link_type)) return;
  const char* text = pcap_datalink_val_to_name(link_type);
  throw CaptureError(CaptureError::Kind::file,
                     name + ": link type " + (text != nullptr ? text : std::to_string(link_type)) +
                         " is not supported (" + std::string(known_link_types()) + " are)");
}

Packet Dissector::read(int link_type, std::string_view bytes, std::size_t wire_length, Time time,
                       Segment& segment) {
  segment_ = &segment;
  now_ = time;
  depth_ = 0;
  return read_link(link_type, {bytes, std::max(wire_length, bytes.size())});
}

/// Every layer that can hold another of its kind asks.
bool Dissector::is_too_deep() {
  return ++depth_ > kMostLayers;
}

Packet Dissector::read_link(int link_type, ByteView rest) {
  const auto after = [&](std::size_t header, std::size_t type_at) {
    if (!rest.has(header)) return too_short(rest, header);
    const unsigned type = rest.u16(type_at);
    rest.skip(header);
    return read_ether_type(type, rest);
  };
  switch (link_type) {
    case DLT_EN10MB:
      return read_ethernet(rest);
    case DLT_LINUX_SLL:
      return after(16, 14);
    case DLT_LINUX_SLL2:
      return after(20, 0);
    case DLT_NULL:
    case DLT_LOOP:
      // The address family differs between systems, and in byte order.
      if (!rest.has(4)) return too_short(rest, 4);
      rest.skip(4);
      return read_any_ip(rest);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return read_any_ip(rest);
    case DLT_PPP:
      return read_ppp(rest);
    case DLT_NFLOG:
      return read_nflog(rest);
    default:
      return Packet::link;
  }
}

Packet Dissector::read_ethernet(ByteView rest) {
  if (is_too_deep()) return Packet::malformed;
  if (!rest.has(14)) return too_short(rest, 14);
  const unsigned type = rest.u16(12);
  rest.skip(14);
  return read_ether_type(type, rest);
}

Packet Dissector::read_ether_type(unsigned type, ByteView rest) {
  while (is_vlan_tag(type)) {
    if (!rest.has(4)) return too_short(rest, 4);
    type = rest.u16(2);
    rest.skip(4);
  }
  if (type <= kLargestLength) return read_llc(rest);
  switch (type) {
    case kEtherIpv4:
      return read_ipv4(rest);
    case kEtherIpv6:
      return read_ipv6(rest);
    case kEtherMpls:
    case kEtherMplsMulticast:
      return read_mpls(rest);
    case kEtherPppoe:
      return read_pppoe(rest);
    case kEtherBridged:
      return read_ethernet(rest);
    case kEtherArp:
      return Packet::arp;
    case kEtherMacsec:
      return Packet::macsec;
    default:
      return Packet::link;
  }
}

/// IEEE 802.2: a SNAP header holds an Ethernet type; SAP 6 is IP.
Packet Dissector::read_llc(ByteView rest) {
  if (!rest.has(3)) return too_short(rest, 3);
  const unsigned saps = rest.u16(0);
  if (saps == 0x0606) {
    rest.skip(3);
    return read_any_ip(rest);
  }
  if (saps != 0xaaaa) return Packet::link;
  if (!rest.has(8)) return too_short(rest, 8);
  const unsigned type = rest.u16(6);
  rest.skip(8);
  return type > kLargestLength ? read_ether_type(type, rest) : Packet::link;
}

/// RFC 2516
Packet Dissector::read_pppoe(ByteView rest) {
  if (!rest.has(6)) return too_short(rest, 6);
  if (rest.u16(0) != 0x1100) return Packet::link;
  rest.skip(6);
  return read_ppp(rest);
}

/// RFC 1661, 1662: with or without address and control, the protocol in two bytes or in one.
Packet Dissector::read_ppp(ByteView rest) {
  if (!rest.has(2)) return too_short(rest, 2);
  if (rest.u16(0) == 0xff03) rest.skip(2);
  if (!rest.has(2)) return too_short(rest, 2);
  const bool is_short = (rest.u8(0) & 1) != 0;
  const unsigned protocol = is_short ? rest.u8(0) : rest.u16(0);
  rest.skip(is_short ? 1 : 2);
  switch (protocol) {
    case 0x0021:
      return read_ipv4(rest);
    case 0x0057:
      return read_ipv6(rest);
    case 0x0281:
      return read_mpls(rest);
    default:
      return Packet::link;
  }
}

/// Attributes of a type and a length, in the byte order of the host, padded to four bytes. The
/// payload is one of them.
Packet Dissector::read_nflog(ByteView rest) {
  constexpr unsigned kPayload = 9;
  if (!rest.has(4)) return too_short(rest, 4);
  rest.skip(4);
  while (rest.has(4)) {
    std::size_t length = rest.u8(0) | rest.u8(1) << 8;
    unsigned type = rest.u8(2) | rest.u8(3) << 8;
    if (type > 0xff) {
      length = rest.u16(0);
      type = rest.u16(2);
    }
    if (length < 4 || length > rest.wire) return Packet::malformed;
    if (type == kPayload) {
      rest.set_length(length);
      rest.skip(4);
      return read_any_ip(rest);
    }
    const std::size_t padded = (length + 3) / 4 * 4;
    if (!rest.has(padded)) return too_short(rest, padded);
    rest.skip(padded);
  }
  return Packet::link;
}

/// RFC 3032. What is below the labels is not said: an IP version shows itself; Ethernet has a
/// control word before it (RFC 4385), which begins with 0, or has none.
Packet Dissector::read_mpls(ByteView rest) {
  for (bool bottom = false; !bottom; rest.skip(4)) {
    if (is_too_deep()) return Packet::malformed;
    if (!rest.has(4)) return too_short(rest, 4);
    bottom = (rest.u8(2) & 1) != 0;
  }
  if (!rest.has(4)) return too_short(rest, 4);
  const unsigned version = rest.u8(0) >> 4;
  if (version == 4) return read_ipv4(rest);
  if (version == 6) return read_ipv6(rest);
  if (version == 0 && !rest.has(18)) return too_short(rest, 18);
  const bool control_word = version == 0 && holds_ethernet(rest, 4) && !holds_ethernet(rest, 0);
  if (control_word) rest.skip(4);
  return read_ethernet(rest);
}

Packet Dissector::read_any_ip(ByteView rest) {
  if (!rest.has(1)) return too_short(rest, 1);
  const unsigned version = rest.u8(0) >> 4;
  if (version == 4) return read_ipv4(rest);
  if (version == 6) return read_ipv6(rest);
  return Packet::link;
}

Packet Dissector::read_ipv4(ByteView rest) {
  if (is_too_deep()) return Packet::malformed;
  if (!rest.has(20)) return too_short(rest, 20);
  if (rest.u8(0) >> 4 != 4) return Packet::malformed;
  const std::size_t header = std::size_t{rest.u8(0) & 15} * 4;
  // Segmentation offload leaves the total length 0 for a packet over 64 KiB: then the capture knows
  // it.
  const std::size_t total = rest.u16(2) != 0 ? rest.u16(2) : rest.wire;
  if (header < 20 || total < header) return Packet::malformed;
  Fragment piece;
  piece.id = rest.u16(4);
  piece.offset = std::size_t{rest.u16(6) & 0x1fffU} * 8;
  piece.last = (rest.u16(6) & 0x2000) == 0;
  piece.protocol = static_cast<std::uint8_t>(rest.u8(9));
  piece.source = Address::v4(rest.data() + 12);
  piece.destination = Address::v4(rest.data() + 16);
  segment_->ip_id = static_cast<std::uint16_t>(piece.id);
  segment_->source.address = piece.source;
  segment_->destination.address = piece.destination;
  rest.set_length(total);
  if (!rest.has(header)) return Packet::cut;
  rest.skip(header);
  piece.payload = rest;
  if (piece.offset != 0 || !piece.last) return read_fragment(piece);
  return read_ip_payload(piece.protocol, rest);
}

Packet Dissector::read_ipv6(ByteView rest) {
  if (is_too_deep()) return Packet::malformed;
  if (!rest.has(40)) return too_short(rest, 40);
  if (rest.u8(0) >> 4 != 6) return Packet::malformed;
  // As with IPv4: offload leaves a payload length of 0 for what does not fit 16 bits.
  const std::size_t length = rest.u16(4) != 0 ? rest.u16(4) : rest.wire - 40;
  unsigned next = rest.u8(6);
  const Address source = Address::v6(rest.data() + 8);
  const Address destination = Address::v6(rest.data() + 24);
  segment_->ip_id = 0;
  segment_->source.address = source;
  segment_->destination.address = destination;
  rest.skip(40);
  rest.set_length(length);
  while (is_extension(next)) {
    if (!rest.has(8)) return too_short(rest, 8);
    const std::size_t size = extension_length(next, rest);
    if (!rest.has(size)) return too_short(rest, size);
    const unsigned here = next;
    next = rest.u8(0);
    if (is_piece(here, rest)) {
      Fragment piece;
      piece.source = source;
      piece.destination = destination;
      piece.id = rest.u32(4);
      piece.protocol = static_cast<std::uint8_t>(next);
      piece.v6 = true;
      piece.offset = rest.u16(2) & 0xfff8U;
      piece.last = (rest.u16(2) & 1) == 0;
      rest.skip(size);
      piece.payload = rest;
      return read_fragment(piece);
    }
    rest.skip(size);
  }
  return read_ip_payload(next, rest);
}

Packet Dissector::read_fragment(const Fragment& piece) {
  ByteView whole;
  std::uint8_t protocol = 0;
  if (!fragments_.add(piece, now_, whole, protocol)) return Packet::fragment;
  if (!is_extension(protocol)) return read_ip_payload(protocol, whole);
  return Packet::ip;  // extension headers after the fragment header: nobody sends TCP so
}

Packet Dissector::read_ip_payload(unsigned protocol, ByteView rest) {
  switch (protocol) {
    case kTcp:
      return read_tcp(rest);
    case kUdp:
      return read_udp(rest);
    case kIpip:
      return read_ipv4(rest);
    case kIpv6:
      return read_ipv6(rest);
    case kGre:
      return read_gre(rest);
    case kMplsInIp:
      return read_mpls(rest);
    case kEtherIp:
      if (!rest.has(2)) return too_short(rest, 2);
      rest.skip(2);
      return read_ethernet(rest);
    case kEthernet:
      return read_ethernet(rest);
    case kIcmp:
    case kIcmpv6:
      return Packet::icmp;
    case kSctp:
      return Packet::sctp;
    case kEsp:
      return Packet::esp;
    default:
      return Packet::ip;
  }
}

/// RFC 2784 with the key and sequence number of RFC 2890.
Packet Dissector::read_gre(ByteView rest) {
  if (!rest.has(4)) return too_short(rest, 4);
  const unsigned flags = rest.u16(0);
  const unsigned type = rest.u16(2);
  const bool sequence = (flags & 0x1000) != 0;
  if ((flags & 0x4007) != 0) return Packet::ip;  // source routes, or the version of PPTP
  const std::size_t header =
      4 + ((flags & 0x8000) != 0 ? 4 : 0) + ((flags & 0x2000) != 0 ? 4 : 0) + (sequence ? 4 : 0);
  if (!rest.has(header)) return too_short(rest, header);
  rest.skip(header);
  // ERSPAN of the first type has no header of its own and no sequence number.
  if (type == kEtherErspan2) return sequence ? read_erspan(rest, true, 8) : read_ethernet(rest);
  if (type == kEtherErspan3) return read_erspan(rest, false, 12);
  return read_ether_type(type, rest);
}

Packet Dissector::read_erspan(ByteView rest, bool second_type, std::size_t header) {
  if (!rest.has(header)) return too_short(rest, header);
  const bool platform = !second_type && (rest.u8(11) & 1) != 0;
  if (platform) header += 8;
  if (!rest.has(header)) return too_short(rest, header);
  rest.skip(header);
  return read_ethernet(rest);
}

Packet Dissector::read_udp(ByteView rest) {
  if (!rest.has(8)) return too_short(rest, 8);
  const unsigned port = rest.u16(2);
  if (rest.u16(4) >= 8) rest.set_length(std::min<std::size_t>(rest.u16(4), rest.wire));
  rest.skip(8);
  switch (port) {
    case kVxlan:
    case kVxlanLinux:
      return read_vxlan(rest, false);
    case kVxlanGpe:
      return read_vxlan(rest, true);
    case kGeneve:
      return read_geneve(rest);
    case kGtpUser:
      return read_gtp(rest);
    case kMplsInUdp:
      return read_mpls(rest);
    default:
      return Packet::udp;
  }
}

/// RFC 7348; `generic`: its extension, which says what is inside.
Packet Dissector::read_vxlan(ByteView rest, bool generic) {
  if (!rest.has(8)) return too_short(rest, 8);
  const unsigned flags = rest.u8(0);
  const unsigned inside = generic && (flags & 0x04) != 0 ? rest.u8(3) : 3;
  if ((flags & 0x08) == 0) return Packet::udp;
  rest.skip(8);
  if (inside == 1) return read_ipv4(rest);
  if (inside == 2) return read_ipv6(rest);
  return inside == 3 ? read_ethernet(rest) : Packet::udp;
}

/// RFC 8926
Packet Dissector::read_geneve(ByteView rest) {
  if (!rest.has(8)) return too_short(rest, 8);
  if (rest.u8(0) >> 6 != 0) return Packet::udp;
  const std::size_t header = 8 + std::size_t{rest.u8(0) & 0x3f} * 4;
  const unsigned type = rest.u16(2);
  if (!rest.has(header)) return too_short(rest, header);
  rest.skip(header);
  return read_ether_type(type, rest);
}

/// 3GPP TS 29.281: a user's packet.
Packet Dissector::read_gtp(ByteView rest) {
  if (!rest.has(8)) return too_short(rest, 8);
  const unsigned flags = rest.u8(0);
  if (flags >> 5 != 1 || rest.u8(1) != 0xff) return Packet::udp;
  std::size_t header = 8;
  if ((flags & 0x07) != 0) {
    header = 12;
    if (!rest.has(header)) return too_short(rest, header);
    for (unsigned next = (flags & 0x04) != 0 ? rest.u8(11) : 0; next != 0;) {
      if (!rest.has(header + 1)) return too_short(rest, header + 1);
      const std::size_t length = std::size_t{rest.u8(header)} * 4;
      if (length == 0) return Packet::malformed;
      header += length;
      if (!rest.has(header)) return too_short(rest, header);
      next = rest.u8(header - 1);
    }
  }
  rest.skip(header);
  return read_any_ip(rest);
}

Packet Dissector::read_tcp(ByteView rest) {
  if (!rest.has(20)) return too_short(rest, 20);
  const std::size_t header = std::size_t{rest.u8(12) >> 4} * 4;
  if (header < 20 || header > rest.wire) return Packet::malformed;
  Segment& segment = *segment_;
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

}  // namespace compactor::capture
