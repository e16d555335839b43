// By what a packet is known again in another capture of the same traffic.
#pragma once

#include <cstdint>
#include <cstring>

#include "capture/packet.h"

namespace compactor::capture {

/// A hash of addresses, ports, IP identification, sequence numbers, flags and length. Of 64 bits:
/// among a million packets two different ones share it once in some tens of millions of captures.
inline std::uint64_t identity_of(const Segment& segment) {
  std::uint64_t hash = 0;
  const auto mix = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  };
  const auto mix_endpoint = [&mix](const Endpoint& endpoint) {
    std::uint64_t halves[2];
    static_assert(sizeof halves == sizeof endpoint.address.bytes);
    std::memcpy(halves, endpoint.address.bytes.data(), sizeof halves);
    mix(halves[0]);
    mix(halves[1]);
    mix(endpoint.port);
  };
  mix_endpoint(segment.source);
  mix_endpoint(segment.destination);
  mix(std::uint64_t{segment.seq} << 32 | segment.ack);
  mix(std::uint64_t{segment.length} << 32 | std::uint64_t{segment.ip_id} << 4 |
      static_cast<std::uint64_t>(segment.syn) << 3 | static_cast<std::uint64_t>(segment.fin) << 2 |
      static_cast<std::uint64_t>(segment.rst) << 1 | static_cast<std::uint64_t>(segment.has_ack));
  return hash;
}

}  // namespace compactor::capture
