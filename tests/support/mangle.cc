#include "support/mangle.h"

#include <algorithm>

namespace capture_test {

using namespace compactor::capture;  // NOLINT: a test reads its subject's names

namespace {

bool chance(Random& random, double share) {
  return std::uniform_real_distribution<>(0, 1)(random) < share;
}

std::size_t below(Random& random, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

std::chrono::nanoseconds delay(Random& random, std::chrono::nanoseconds most) {
  return std::chrono::nanoseconds(
      std::uniform_int_distribution<std::int64_t>(0, most.count())(random));
}

void put8(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value));
}
void put16(std::string& out, std::size_t value) {
  put8(out, static_cast<unsigned>(value >> 8 & 0xff));
  put8(out, static_cast<unsigned>(value & 0xff));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

void put_address(std::string& out, const Address& address, bool ipv6) {
  const std::string bytes(address.bytes.begin(), address.bytes.end());
  if (!ipv6) {
    out += bytes.substr(12);
  } else if (address.is_v4()) {
    out += std::string("\x20\x01\x0d\xb8", 4) + std::string(8, '\0') + bytes.substr(12);
  } else {
    out += bytes;
  }
}

std::string tcp(const TcpPacket& packet) {
  std::string out;
  put16(out, packet.source.port);
  put16(out, packet.destination.port);
  put32(out, packet.seq);
  put32(out, packet.ack);
  put8(out, 6 << 4);  // with four bytes of options
  put8(out, (packet.fin ? 1U : 0U) | (packet.syn ? 2U : 0U) | (packet.rst ? 4U : 0U) |
                (packet.has_ack ? 16U : 0U));
  put16(out, 512);
  put32(out, 0);
  put32(out, 0x01010101);  // no-operation
  return out + packet.payload;
}

std::string ipv4(const TcpPacket& packet, bool options) {
  const std::string body = tcp(packet);
  const std::size_t header = options ? 28 : 20;
  std::string out;
  put8(out, static_cast<unsigned>(0x40 | header / 4));
  put8(out, 0);
  // A merged segment may not fit: as with offload, 0 then says "all there is".
  put16(out, header + body.size() > 0xffff ? 0 : header + body.size());
  put32(out, 0);
  put8(out, 64);
  put8(out, 6);
  put16(out, 0);
  put_address(out, packet.source.address, false);
  put_address(out, packet.destination.address, false);
  if (options) out += std::string("\x94\x04\x00\x00\x01\x01\x01\x00", 8);
  return out + body;
}

std::string ipv6(const TcpPacket& packet, bool extensions) {
  const std::string body = tcp(packet);
  std::string extra;
  if (extensions) {
    extra += std::string("\x3c\x00\x01\x04\x00\x00\x00\x00", 8);          // hop-by-hop
    extra += std::string("\x2c\x01\x01\x0c", 4) + std::string(12, '\0');  // destination options
    extra += std::string("\x06\x00\x00\x00\x12\x34\x56\x78", 8);          // an atomic fragment
  }
  std::string out;
  put32(out, 0x60000000);
  const std::size_t size = extra.size() + body.size();
  put16(out, size > 0xffff ? 0 : size);
  put8(out, extensions ? 0 : 6);
  put8(out, 64);
  put_address(out, packet.source.address, true);
  put_address(out, packet.destination.address, true);
  return out + extra + body;
}

int link_type(LinkLayer link) {
  switch (link) {
    case LinkLayer::cooked:
      return 113;
    case LinkLayer::cooked2:
      return 276;
    case LinkLayer::null:
      return 0;
    case LinkLayer::loop:
      return 108;
    case LinkLayer::raw:
      return 12;  // DLT_RAW, as libpcap hands out LINKTYPE_RAW
    default:
      return 1;
  }
}

std::string link_header(LinkLayer link, bool ipv6) {
  const std::size_t type = ipv6 ? 0x86dd : 0x0800;
  std::string out;
  switch (link) {
    case LinkLayer::ethernet:
      out = std::string(12, '\2');
      break;
    case LinkLayer::vlan:
      out = std::string(12, '\2') + std::string("\x81\x00\x00\x05", 4);
      break;
    case LinkLayer::qinq:
      out = std::string(12, '\2') + std::string("\x88\xa8\x00\x05\x81\x00\x00\x06", 8);
      break;
    case LinkLayer::cooked:
      out = std::string(14, '\0');
      break;
    case LinkLayer::cooked2:
      put16(out, type);
      return out + std::string(18, '\0');
    case LinkLayer::null:
      return std::string(ipv6 ? "\x0a\0\0\0" : "\x02\0\0\0", 4);
    case LinkLayer::loop:
      return std::string(ipv6 ? "\0\0\0\x1c" : "\0\0\0\x02", 4);
    case LinkLayer::raw:
      return {};
  }
  put16(out, type);
  return out;
}

/// Sorts by a new time each, and keeps that time.
void resort(TcpPackets& packets) {
  std::stable_sort(packets.begin(), packets.end(),
                   [](const TcpPacket& x, const TcpPacket& y) { return x.time < y.time; });
}

bool continues(const TcpPacket& first, const TcpPacket& second) {
  return first.source == second.source && first.destination == second.destination && !first.syn &&
         !first.fin && !first.rst && !second.syn && !second.rst && !first.payload.empty() &&
         !second.payload.empty() && first.seq + first.payload.size() == second.seq &&
         first.has_ack == second.has_ack;
}

using Direction = std::pair<Endpoint, Endpoint>;

}  // namespace

TcpPackets take_apart(const RawCapture& capture) {
  TcpPackets packets;
  Dissector dissector;
  for (const RawPacket& raw : capture.packets) {
    Segment segment;
    if (dissector.read(capture.link_type, raw.bytes, raw.wire_length, raw.time, segment) !=
        Packet::tcp)
      continue;
    packets.push_back({raw.time, segment.source, segment.destination, segment.seq, segment.ack,
                       segment.syn, segment.fin, segment.rst, segment.has_ack,
                       std::string(segment.payload)});
  }
  return packets;
}

RawCapture put_together(const TcpPackets& packets, const Frame& frame) {
  RawCapture capture{link_type(frame.link), {}};
  for (const TcpPacket& packet : packets) {
    std::string bytes = link_header(frame.link, frame.ipv6);
    bytes += frame.ipv6 ? ipv6(packet, frame.options) : ipv4(packet, frame.options);
    if (frame.padding && packet.payload.size() < 1000) bytes += std::string(7, 'P');
    const std::size_t size = bytes.size();
    capture.packets.push_back({packet.time, std::move(bytes), size});
  }
  return capture;
}

void reorder(TcpPackets& packets, Random& random, std::chrono::nanoseconds window) {
  for (TcpPacket& packet : packets) packet.time += delay(random, window);
  resort(packets);
}

void duplicate(TcpPackets& packets, Random& random, double share, std::chrono::nanoseconds window) {
  const std::size_t count = packets.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (!chance(random, share)) continue;
    TcpPacket copy = packets[i];
    copy.time += delay(random, window);
    packets.push_back(std::move(copy));
  }
  resort(packets);
}

void split(TcpPackets& packets, Random& random, std::size_t largest) {
  TcpPackets result;
  for (const TcpPacket& packet : packets) {
    std::size_t at = 0;
    do {
      TcpPacket piece = packet;
      piece.payload = packet.payload.substr(at, 1 + below(random, largest));
      piece.seq = packet.seq + static_cast<std::uint32_t>(at);
      at += piece.payload.size();
      piece.fin = packet.fin && at == packet.payload.size();
      result.push_back(std::move(piece));
    } while (at < packet.payload.size());
  }
  packets = std::move(result);
}

void merge(TcpPackets& packets, Random& random, std::size_t largest) {
  TcpPackets result;
  for (const TcpPacket& packet : packets) {
    const bool joins = !result.empty() && continues(result.back(), packet) &&
                       result.back().payload.size() + packet.payload.size() <= largest &&
                       chance(random, 0.8);
    if (joins) {
      result.back().payload += packet.payload;
      result.back().fin = packet.fin;
      result.back().ack = packet.ack;
    } else {
      result.push_back(packet);
    }
  }
  packets = std::move(result);
}

void wrap(TcpPackets& packets, Random& random) {
  std::map<Direction, std::uint32_t> shift;
  for (const TcpPacket& packet : packets) {
    const auto near_end = static_cast<std::uint32_t>(0U - 1 - below(random, 600));
    shift.try_emplace({packet.source, packet.destination}, near_end - packet.seq);
  }
  for (TcpPacket& packet : packets) {
    packet.seq += shift[{packet.source, packet.destination}];
    const auto back = shift.find({packet.destination, packet.source});
    if (packet.has_ack && back != shift.end()) packet.ack += back->second;
  }
}

void overlap(TcpPackets& packets, Random& random, double share) {
  std::map<Direction, TcpPacket> before;
  for (TcpPacket& packet : packets) {
    const TcpPacket original = packet;
    const auto known = before.find({packet.source, packet.destination});
    if (known != before.end() && continues(known->second, packet) && chance(random, share)) {
      const std::string& old = known->second.payload;
      const std::size_t size = 1 + below(random, old.size());
      packet.payload = old.substr(old.size() - size) + packet.payload;
      packet.seq -= static_cast<std::uint32_t>(size);
    }
    before[{packet.source, packet.destination}] = original;
  }
}

void probe_keepalive(TcpPackets& packets, Random& random, double share) {
  TcpPackets result;
  for (const TcpPacket& packet : packets) {
    result.push_back(packet);
    if (packet.payload.empty() || packet.fin || packet.rst || !chance(random, share)) continue;
    TcpPacket probe = packet;
    probe.seq += static_cast<std::uint32_t>(packet.payload.size()) - 1;
    probe.payload = chance(random, 0.5) ? "?" : "";
    result.push_back(probe);
  }
  packets = std::move(result);
}

void cut_start(TcpPackets& packets, std::size_t count) {
  packets.erase(packets.begin(),
                packets.begin() + static_cast<std::ptrdiff_t>(std::min(count, packets.size())));
}

void drop(TcpPackets& packets, Random& random, std::size_t count) {
  for (; count > 0 && !packets.empty(); --count)
    packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(below(random, packets.size())));
}

std::vector<Stream> streams(const TcpPackets& packets) {
  std::vector<Stream> all;
  std::map<Direction, std::size_t> current;
  for (const TcpPacket& packet : packets) {
    const Direction direction{packet.source, packet.destination};
    const std::uint32_t seq = packet.seq + (packet.syn ? 1 : 0);
    const auto known = current.find(direction);
    if (known == current.end() || (packet.syn && all[known->second].first != seq)) {
      current[direction] = all.size();
      all.push_back({packet.source, packet.destination, seq, {}, {}});
    }
    Stream& stream = all[current[direction]];
    const std::uint32_t at = seq - stream.first;
    if (packet.payload.empty() || at >= 1U << 31) continue;
    const std::size_t end = std::size_t{at} + packet.payload.size();
    if (stream.bytes.size() < end) stream.bytes.resize(end);
    if (stream.seen.size() < end) stream.seen.resize(end);
    stream.bytes.replace(at, packet.payload.size(), packet.payload);
    std::fill(stream.seen.begin() + at, stream.seen.begin() + static_cast<std::ptrdiff_t>(end),
              true);
  }
  return all;
}

}  // namespace capture_test
