#include "capture/sniffer.h"

namespace compactor::capture {

Sniffer::Sniffer(ExchangeEvents& events, const ExchangeOptions& options,
                 const ReassemblyLimits& limits)
    : tracker_(events, options),
      reassembler_(
          [this](const ConnectionInfo& info) { return tls_.watch(info, tracker_.open(info)); },
          limits) {}

void Sniffer::on_packet(int link_type, std::string_view bytes, std::size_t wire_length, Time time) {
  ++packets_.packets;
  last_ = time;
  tracker_.on_time(time);
  Segment segment;
  switch (decode(link_type, bytes, wire_length, segment)) {
    case Packet::tcp:
      return reassembler_.on_segment(segment, time);
    case Packet::other:
      ++packets_.other;
      break;
    case Packet::fragment:
      ++packets_.fragments;
      break;
    case Packet::malformed:
      ++packets_.malformed;
      break;
    case Packet::cut:
      ++packets_.cut;
      break;
  }
  reassembler_.on_time(time);
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
