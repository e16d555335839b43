// Packets -> messages: the stages of this room in one, and the ledger of them all.
#pragma once

#include <array>
#include <cstdint>

#include "capture/dissector.h"
#include "capture/exchange.h"
#include "capture/packet.h"
#include "capture/reassembly.h"

namespace compactor::capture {

/// What became of the packets. Together with ExchangeLedger and ReassemblyStats every packet and
/// byte is accounted for.
struct PacketStats {
  std::uint64_t packets = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Packet::count)> by_kind{};
  std::uint64_t fragments = 0;  // of IP, that could not be put together

  std::uint64_t operator[](Packet what) const { return by_kind[static_cast<std::size_t>(what)]; }
  /// Not TCP, or not to be seen.
  std::uint64_t not_tcp() const;
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

  /// When the first message began that has not been told: none when all have been.
  std::optional<Time> first_untold() const { return tracker_.first_untold(); }

  PacketStats packets() const;
  const ReassemblyStats& reassembly() const { return reassembler_.stats(); }
  const ExchangeLedger& ledger() const { return tracker_.ledger(); }

 private:
  PacketStats packets_;
  Dissector dissector_;
  ExchangeTracker tracker_;
  Reassembler reassembler_;
  Time last_{};
};

}  // namespace compactor::capture
