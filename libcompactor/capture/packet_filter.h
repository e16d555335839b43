// Which packets are looked at: pcap-filter(7), for packets of any link type.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture_file.h"

struct bpf_program;

namespace compactor::capture {

/// `(FILTER) and (tcp port A or tcp port B)`, the ports also under one or two VLAN tags. Empty when
/// there is nothing to filter. `vlan`: the link type can carry tags; else a filter that names them
/// is an error of libpcap.
std::string make_filter(const std::string& filter, const std::vector<std::uint16_t>& ports,
                        bool vlan);
bool can_carry_vlan(int link_type);

/// Compiled for each link type that comes. One thread at a time.
class PacketFilter {
 public:
  PacketFilter(std::string filter, std::vector<std::uint16_t> ports);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  /// Throws CaptureError (filter) when the filter means nothing for such packets.
  bool accepts(const CapturedPacket& packet);
  /// The same error, before there is a packet.
  void prepare(int link_type);

 private:
  struct Free {
    void operator()(bpf_program* program) const;
  };
  using Program = std::unique_ptr<bpf_program, Free>;

  const bpf_program& program(int link_type);

  std::string filter_;
  std::vector<std::uint16_t> ports_;
  std::map<int, Program> programs_;
};

}  // namespace compactor::capture
