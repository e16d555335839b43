#include "capture/sniffer.h"

namespace compactor::capture {

std::uint64_t PacketStats::not_tcp() const {
  std::uint64_t all = 0;
  for (auto kind = static_cast<std::size_t>(Packet::udp); kind < by_kind.size(); ++kind)
    all += by_kind[kind];
  return all;
}

Sniffer::Sniffer(ExchangeEvents& events, const ExchangeOptions& options,
                 const ReassemblyLimits& limits)
    : tracker_(events, options),
      reassembler_([this](const ConnectionInfo& info) { return tracker_.open(info); }, limits,
                   [&events](const ConnectionReport& report) { events.on_connection(report); }) {}

void Sniffer::on_packet(int link_type, std::string_view bytes, std::size_t wire_length, Time time) {
  ++packets_.packets;
  last_ = time;
  tracker_.on_time(time);
  Segment segment;
  const Packet what = dissector_.read(link_type, bytes, wire_length, time, segment);
  ++packets_.by_kind[static_cast<std::size_t>(what)];
  if (what == Packet::tcp) return reassembler_.on_segment(segment, time);
  reassembler_.on_time(time);
}

PacketStats Sniffer::packets() const {
  PacketStats all = packets_;
  all.fragments = dissector_.fragments_left_out();
  return all;
}

void Sniffer::on_time(Time now) {
  last_ = now;
  reassembler_.on_time(now);
  tracker_.on_time(now);
}

void Sniffer::finish() {
  reassembler_.finish(last_);
}

}  // namespace compactor::capture
