// How far the clocks of the hosts that captured the same traffic were apart.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "capture/packet.h"

namespace compactor::capture {

/// Gets the packets of each capture, one capture after the other, and compares those that are in
/// two. A sample is kept, the same packets of each: memory is bounded however long they are.
class Clocks {
 public:
  explicit Clocks(std::size_t captures) : samples_(captures) {}

  void add(std::size_t capture, const Segment& segment, Time time);

  /// By how much each is ahead of the first; nothing where no packet links it to that one.
  std::vector<std::optional<std::chrono::nanoseconds>> offsets() const;

 private:
  struct Seen {
    Time time;
    bool forward;        // from the lower to the higher address
    bool twice = false;  // a packet that was sent again says nothing
  };
  struct Sample {
    std::unordered_map<std::uint64_t, Seen> packets{};
    std::uint64_t mask = 0;  // of the identity: where it is not 0 the packet is not kept
  };

  static std::optional<std::chrono::nanoseconds> difference(const Sample& one, const Sample& two);

  std::vector<Sample> samples_;
};

}  // namespace compactor::capture
