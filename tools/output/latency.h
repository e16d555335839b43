// Latencies of a run of any length in fixed memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace tool {

/// Minimum, mean and maximum are exact; percentiles are within 1 % (128 buckets to each power of
/// two).
class Latency {
 public:
  void add(std::chrono::nanoseconds sample);

  std::uint64_t count() const { return count_; }
  double min_us() const;
  double avg_us() const;
  double max_us() const;
  /// The value that `percent` (0–100) of the samples do not exceed. 0 without samples.
  double percentile_us(double percent) const;

  /// For a terminal: one line for each power of two between the smallest and the largest sample,
  /// with a bar of at most `width` characters. Empty without samples.
  std::string bars(std::size_t width) const;

 private:
  static constexpr int sub_bits = 7;
  static constexpr std::size_t buckets = (64 - sub_bits) << sub_bits;

  static std::size_t bucket_of(std::uint64_t nanoseconds);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint32_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace tool
