#include "capture/packet_filter.h"

#include <pcap/pcap.h>

#include <utility>

#include "capture/capture_error.h"

namespace compactor::capture {

bool can_carry_vlan(int link_type) {
  return link_type == DLT_EN10MB;
}

std::string make_filter(const std::string& filter, const std::vector<std::uint16_t>& ports,
                        bool vlan) {
  std::string any;
  for (const std::uint16_t port : ports)
    any += (any.empty() ? "tcp port " : " or tcp port ") + std::to_string(port);
  if (ports.empty()) return filter;
  // `vlan` shifts where all that follows it in the expression looks, hence innermost last.
  if (vlan) any = any + " or (vlan and (" + any + " or (vlan and (" + any + "))))";
  return filter.empty() ? any : "(" + filter + ") and (" + any + ")";
}

void PacketFilter::Free::operator()(bpf_program* program) const {
  pcap_freecode(program);
  delete program;  // NOLINT: the struct is ours, what it points to is libpcap's
}

PacketFilter::PacketFilter(std::string filter, std::vector<std::uint16_t> ports)
    : filter_(std::move(filter)), ports_(std::move(ports)) {}

PacketFilter::~PacketFilter() = default;

bool PacketFilter::accepts(const CapturedPacket& packet) {
  if (filter_.empty() && ports_.empty()) return true;
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
  header.len = static_cast<bpf_u_int32>(packet.wire_length);
  const auto* bytes =
      reinterpret_cast<const u_char*>(packet.bytes.data());  // NOLINT: libpcap's API
  return pcap_offline_filter(&program(packet.link_type), &header, bytes) != 0;
}

void PacketFilter::prepare(int link_type) {
  if (!filter_.empty() || !ports_.empty()) program(link_type);
}

const bpf_program& PacketFilter::program(int link_type) {
  Program& program = programs_[link_type];
  if (program) return *program;
  constexpr int kWhole = 262'144;  // of a packet that is accepted: more than any
  const std::string expression = make_filter(filter_, ports_, can_carry_vlan(link_type));
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> handle(pcap_open_dead(link_type, kWhole),
                                                              pcap_close);
  Program compiled(new bpf_program{});
  if (pcap_compile(handle.get(), compiled.get(), expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw CaptureError(CaptureError::Kind::filter,
                       "filter `" + expression + "`: " + pcap_geterr(handle.get()));
  program = std::move(compiled);
  return *program;
}

}  // namespace compactor::capture
