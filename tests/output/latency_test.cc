#include "output/latency.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace output_latency_test {

using std::chrono::nanoseconds;

TEST_CASE("without samples everything is zero") {
  tool::Latency latency;
  CHECK(latency.count() == 0);
  CHECK(latency.percentile_us(99) == 0);
  CHECK(latency.avg_us() == 0);
  CHECK(latency.bars(50).empty());
}

TEST_CASE("one sample is its own every figure") {
  tool::Latency latency;
  latency.add(nanoseconds(123'456));
  for (double percent : {0.0, 50.0, 100.0})
    CHECK(latency.percentile_us(percent) == doctest::Approx(123.456));
  CHECK(latency.min_us() == latency.max_us());
}

TEST_CASE("percentiles are within one percent of the exact ones") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> spread(12, 2);
  tool::Latency latency;
  std::vector<double> exact;
  for (int i = 0; i < 20'000; ++i) {
    auto sample = static_cast<std::int64_t>(spread(random));
    latency.add(nanoseconds(sample));
    exact.push_back(static_cast<double>(sample) / 1e3);
  }
  std::sort(exact.begin(), exact.end());
  for (double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    auto at = static_cast<std::size_t>(percent / 100 * 20'000) - 1;
    CHECK(latency.percentile_us(percent) == doctest::Approx(exact[at]).epsilon(0.01));
  }
  CHECK(latency.min_us() == exact.front());
  CHECK(latency.max_us() == exact.back());
}

TEST_CASE("the ends of the range fit") {
  tool::Latency latency;
  latency.add(nanoseconds(0));
  latency.add(nanoseconds(-5));
  latency.add(nanoseconds::max());
  CHECK(latency.count() == 3);
  CHECK(latency.min_us() == 0);
  CHECK(latency.percentile_us(100) <= latency.max_us());
}

TEST_CASE("bars count every sample") {
  tool::Latency latency;
  for (int i = 0; i < 30; ++i) latency.add(std::chrono::microseconds(10));
  latency.add(std::chrono::microseconds(900));
  auto bars = latency.bars(40);
  CHECK(bars.find(std::string(40, '#') + " 30\n") != std::string::npos);
  CHECK(bars.find("# 1\n") != std::string::npos);
}

}  // namespace output_latency_test
