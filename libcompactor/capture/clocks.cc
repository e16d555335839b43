#include "capture/clocks.h"

#include <algorithm>

#include "capture/packet_identity.h"

namespace compactor::capture {
namespace {

using Nanos = std::chrono::nanoseconds;

constexpr std::size_t kMostKept = 32'768;

Nanos median(std::vector<Nanos>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void Clocks::add(std::size_t capture, const Segment& segment, Time time) {
  Sample& sample = samples_[capture];
  const std::uint64_t identity = identity_of(segment);
  if ((identity & sample.mask) != 0) return;
  const auto [found, fresh] =
      sample.packets.try_emplace(identity, Seen{time, segment.source < segment.destination});
  if (!fresh) found->second.twice = true;
  if (sample.packets.size() <= kMostKept) return;
  sample.mask = sample.mask << 1 | 1;
  std::erase_if(sample.packets,
                [&](const auto& packet) { return (packet.first & sample.mask) != 0; });
}

/// How much later it is by the clock of `two`. A packet takes its time from host to host: one way
/// that adds to the difference and the other way it takes away, so the middle of both is right.
std::optional<Nanos> Clocks::difference(const Sample& one, const Sample& two) {
  std::vector<Nanos> forward;
  std::vector<Nanos> backward;
  for (const auto& [identity, seen] : one.packets) {
    const auto found = two.packets.find(identity);
    if (found == two.packets.end() || seen.twice || found->second.twice) continue;
    (seen.forward ? forward : backward).push_back(found->second.time - seen.time);
  }
  if (forward.empty() && backward.empty()) return std::nullopt;
  if (forward.empty()) return median(backward);
  if (backward.empty()) return median(forward);
  const Nanos there = median(forward);
  return there + (median(backward) - there) / 2;
}

std::vector<std::optional<Nanos>> Clocks::offsets() const {
  std::vector<std::optional<Nanos>> known(samples_.size());
  if (known.empty()) return known;
  known.front() = Nanos{0};
  // From those that are known to those that share packets with them.
  std::vector<std::size_t> next{0};
  while (!next.empty()) {
    const std::size_t from = next.back();
    next.pop_back();
    for (std::size_t to = 1; to < samples_.size(); ++to) {
      if (known[to]) continue;
      const auto apart = difference(samples_[from], samples_[to]);
      if (!apart) continue;
      known[to] = *known[from] + *apart;
      next.push_back(to);
    }
  }
  return known;
}

}  // namespace compactor::capture
