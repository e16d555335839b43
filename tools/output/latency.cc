#include "output/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "cli/values.h"

namespace tool {

void Latency::add(std::chrono::nanoseconds sample) {
  auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(sample.count(), 0));
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
  ++count_;
  ++counts_[bucket_of(value)];
}

double Latency::min_us() const {
  return static_cast<double>(min_) / 1e3;
}
double Latency::avg_us() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_) / 1e3;
}
double Latency::max_us() const {
  return static_cast<double>(max_) / 1e3;
}

double Latency::percentile_us(double percent) const {
  if (count_ == 0) return 0;
  // The subtrahend keeps 99.9 % of 1000 at 999 whatever the rounding of binary fractions.
  auto wanted =
      static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_) - 1e-6));
  wanted = std::clamp<std::uint64_t>(wanted, 1, count_);
  std::uint64_t seen = 0;
  std::size_t bucket = 0;
  for (; bucket < buckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) break;
  }
  return static_cast<double>(std::clamp(middle_of(bucket), min_, max_)) / 1e3;
}

std::string Latency::bars(std::size_t width) const {
  std::map<int, std::uint64_t> rows;  // by power of two, of microseconds
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    if (counts_[bucket] == 0) continue;
    rows[static_cast<int>(std::bit_width(middle_of(bucket) / 1000))] += counts_[bucket];
  }
  if (rows.empty()) return {};
  std::uint64_t most = 0;
  for (const auto& [power, count] : rows) most = std::max(most, count);
  std::string out;
  for (int power = rows.begin()->first; power <= rows.rbegin()->first; ++power) {
    auto count = rows[power];
    std::string label = "< " + human_duration(static_cast<double>(std::uint64_t{1} << power));
    out += std::string(label.size() < 12 ? 12 - label.size() : 0, ' ') + label + " |";
    auto length =
        static_cast<double>(count) * static_cast<double>(width) / static_cast<double>(most);
    out += std::string(static_cast<std::size_t>(std::ceil(length)), '#');
    out += ' ' + std::to_string(count) + '\n';
  }
  return out;
}

std::size_t Latency::bucket_of(std::uint64_t nanoseconds) {
  int shift = std::max(0, static_cast<int>(std::bit_width(nanoseconds)) - sub_bits - 1);
  return (static_cast<std::size_t>(shift) << sub_bits) +
         static_cast<std::size_t>(nanoseconds >> shift);
}

std::uint64_t Latency::middle_of(std::size_t bucket) {
  if (bucket < std::size_t{2} << sub_bits) return bucket;
  auto shift = (bucket >> sub_bits) - 1;
  auto low = (bucket - (shift << sub_bits)) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace tool
