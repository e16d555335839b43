// Takes a capture apart into TCP segments, does to them what networks and captures do, and puts it
// together again on any link layer. Every change is drawn from the generator it is given, so that a
// seed repeats it.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/capture_kit.h"

namespace capture_test {

using compactor::capture::Endpoint;
using Random = std::mt19937;

struct TcpPacket {
  Time time;
  Endpoint source;
  Endpoint destination;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  bool syn = false;
  bool fin = false;
  bool rst = false;
  bool has_ack = false;
  std::string payload;
};

using TcpPackets = std::vector<TcpPacket>;

/// Only what is TCP.
TcpPackets take_apart(const RawCapture& capture);

enum class LinkLayer { ethernet, vlan, qinq, cooked, cooked2, null, loop, raw };
constexpr LinkLayer kLinkLayers[] = {LinkLayer::ethernet, LinkLayer::vlan,    LinkLayer::qinq,
                                     LinkLayer::cooked,   LinkLayer::cooked2, LinkLayer::null,
                                     LinkLayer::loop,     LinkLayer::raw};

struct Frame {
  LinkLayer link = LinkLayer::ethernet;
  bool ipv6 = false;     // IPv4 addresses become ::a.b.c.d behind 2001:db8
  bool options = false;  // IP options, or IPv6 extension headers
  bool padding = false;  // a trailer that belongs to no layer
};
RawCapture put_together(const TcpPackets& packets, const Frame& frame = {});

// Nothing is lost by these.
void reorder(TcpPackets& packets, Random& random, std::chrono::nanoseconds window);
void duplicate(TcpPackets& packets, Random& random, double share, std::chrono::nanoseconds window);
void split(TcpPackets& packets, Random& random, std::size_t largest);
void merge(TcpPackets& packets, Random& random, std::size_t largest);
/// Every direction's sequence numbers pass 2^32 after some hundred bytes.
void wrap(TcpPackets& packets, Random& random);
void overlap(TcpPackets& packets, Random& random, double share);
void probe_keepalive(TcpPackets& packets, Random& random, double share);

// These lose bytes.
void cut_start(TcpPackets& packets, std::size_t count);
void drop(TcpPackets& packets, Random& random, std::size_t count);

/// One direction of one connection, as bytes: what stood where. Connections that share addresses
/// and ports are told apart by their SYN.
struct Stream {
  Endpoint source;
  Endpoint destination;
  std::uint32_t first = 0;  // sequence number of byte 0
  std::string bytes;
  std::vector<bool> seen;
};
std::vector<Stream> streams(const TcpPackets& packets);

}  // namespace capture_test
