// Packets -> messages: the stages of this room in one, and the ledger of them all.
#pragma once

#include <cstdint>

#include "capture/exchange.h"
#include "capture/packet.h"
#include "capture/reassembly.h"
#include "capture/tls_spotter.h"

namespace compactor::capture {

/// What became of the packets. Together with ExchangeLedger and ReassemblyStats every packet and
/// byte is accounted for.
struct PacketStats {
  std::uint64_t packets = 0;
  std::uint64_t other = 0;      // not TCP over IP
  std::uint64_t fragments = 0;  // of IP: not put together
  std::uint64_t malformed = 0;
  std::uint64_t cut = 0;  // the snaplen left not even the TCP header
};

class Sniffer {
 public:
  Sniffer(ExchangeEvents& events, const ExchangeOptions& options,
          const ReassemblyLimits& limits = {});

  void on_packet(int link_type, std::string_view bytes, std::size_t wire_length, Time time);
  /// Live: time passes also without packets.
  void on_time(Time now);
  /// The capture is over. Nothing may be fed afterwards.
  void finish();

  const PacketStats& packets() const { return packets_; }
  const ReassemblyStats& reassembly() const { return reassembler_.stats(); }
  const ExchangeLedger& ledger() const { return tracker_.ledger(); }
  const TlsStats& tls() const { return tls_.stats(); }

 private:
  PacketStats packets_;
  ExchangeTracker tracker_;
  TlsSpotter tls_;
  Reassembler reassembler_;
  Time last_{};
};

}  // namespace compactor::capture
