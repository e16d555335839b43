// More connections than are kept: each new one costs the same. What costs a pass over all that
// there are takes longer here than a test may.
#include <doctest/doctest.h>

#include <memory>
#include <utility>

#include "capture/reassembly.h"

namespace capture_many_flows_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

struct Counts {
  std::uint64_t data = 0;
  std::uint64_t closed[6] = {};
};

class Counter : public StreamReader {
 public:
  explicit Counter(Counts& counts) : counts_(counts) {}
  void on_data(Side, std::string_view, const Stamp&) override { ++counts_.data; }
  void on_gap(Side, std::uint64_t, Time) override {}
  void on_end(Side, Time) override {}
  void on_close(const Ending& ending, Time) override {
    ++counts_.closed[static_cast<std::size_t>(ending.how)];
  }

 private:
  Counts& counts_;
};

Endpoint client(std::uint32_t number) {
  const std::uint8_t address[] = {10, 0, 0, static_cast<std::uint8_t>(number >> 16)};
  return {Address::v4(address), static_cast<std::uint16_t>(number)};
}

Endpoint server() {
  const std::uint8_t address[] = {10, 0, 1, 1};
  return {Address::v4(address), 5050};
}

struct Wire {
  explicit Wire(const ReassemblyLimits& limits = {})
      : reassembler([this](const ConnectionInfo&) { return std::make_unique<Counter>(counts); },
                    limits) {}

  void put(bool from_client, Segment made, std::uint32_t number, std::uint32_t seq) {
    made.source = client(number);
    made.destination = server();
    if (!from_client) std::swap(made.source, made.destination);
    made.seq = seq;
    made.length = static_cast<std::uint32_t>(made.payload.size());
    reassembler.on_segment(made, time += 1us);
  }
  void say(std::uint32_t number) {
    Segment syn, data;
    syn.syn = true;
    put(true, syn, number, 0);
    data.payload = "x";
    put(true, data, number, 1);
  }
  void end(std::uint32_t number) {
    Segment syn, fin;
    syn.syn = true;
    put(false, syn, number, 0);
    fin.fin = true;
    put(false, fin, number, 1);
    put(true, fin, number, 2);
  }

  Counts counts;
  Reassembler reassembler;
  Time time{std::chrono::seconds{1'000'000}};
};

constexpr std::uint32_t kFlows = 400'000;

}  // namespace

TEST_CASE("400,000 connections, of which the one that was silent for longest goes each time") {
  Wire wire;
  for (std::uint32_t i = 1; i <= kFlows; ++i) wire.say(i);
  CHECK(wire.counts.data == kFlows);
  const auto evicted = wire.reassembler.stats().evicted;
  CHECK(evicted == kFlows - ReassemblyLimits{}.connections);
  CHECK(wire.counts.closed[static_cast<std::size_t>(Close::evicted)] == evicted);
}

TEST_CASE("400,000 connections that end, while late copies of them may come") {
  Wire wire;
  for (std::uint32_t i = 1; i <= kFlows; ++i) {
    wire.say(i);
    wire.end(i);
  }
  CHECK(wire.counts.data == kFlows);
  CHECK(wire.counts.closed[static_cast<std::size_t>(Close::finished)] == kFlows);
  CHECK(wire.reassembler.stats().evicted == 0);
}

}  // namespace capture_many_flows_test
