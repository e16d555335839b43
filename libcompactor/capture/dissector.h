// A captured packet -> the TCP segment in it, under any number of tunnels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "capture/byte_view.h"
#include "capture/fragments.h"
#include "capture/packet.h"

namespace compactor::capture {

/// Whether the dissector knows this libpcap link type (a DLT_ number).
bool is_known_link_type(int link_type);
/// DLT_EN10MB.
inline constexpr int link_ethernet = 1;
/// `Ethernet`, `Linux cooked`, … for messages.
std::string_view known_link_types();
/// Throws CaptureError (file) with the name when it is not known.
void require_link_type(int link_type, const std::string& name);

/// Reads Ethernet (VLAN tags, LLC/SNAP, PPPoE, MPLS), Linux cooked v1 and v2, BSD loopback, PPP,
/// NFLOG and raw IP; IPv4 and IPv6, with their fragments put together; and inside them VXLAN,
/// GENEVE, GRE, ERSPAN, IPIP, 6in4, MPLS, GTP-U.
class Dissector {
 public:
  /// `bytes` is what was captured, `wire_length` what was on the wire. The payload of the segment
  /// is a view into them, or into memory of the dissector, valid until the next call.
  Packet read(int link_type, std::string_view bytes, std::size_t wire_length, Time time,
              Segment& segment);

  /// IP fragments that were not put together.
  std::uint64_t fragments_left_out() const { return fragments_.left_out(); }

 private:
  Packet read_link(int link_type, ByteView rest);
  Packet read_ethernet(ByteView rest);
  Packet read_ether_type(unsigned type, ByteView rest);
  Packet read_llc(ByteView rest);
  Packet read_pppoe(ByteView rest);
  Packet read_ppp(ByteView rest);
  Packet read_nflog(ByteView rest);
  Packet read_mpls(ByteView rest);
  Packet read_any_ip(ByteView rest);
  Packet read_ipv4(ByteView rest);
  Packet read_ipv6(ByteView rest);
  Packet read_ip_payload(unsigned protocol, ByteView rest);
  Packet read_fragment(const Fragment& piece);
  Packet read_gre(ByteView rest);
  Packet read_erspan(ByteView rest, bool second_type, std::size_t header);
  Packet read_udp(ByteView rest);
  Packet read_vxlan(ByteView rest, bool generic);
  Packet read_geneve(ByteView rest);
  Packet read_gtp(ByteView rest);
  Packet read_tcp(ByteView rest);
  bool is_too_deep();

  FragmentAssembler fragments_;
  Segment* segment_ = nullptr;  // being filled in
  Time now_{};
  int depth_ = 0;
};

}  // namespace compactor::capture
