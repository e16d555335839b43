// A capture file of any bytes: never a crash, never a byte unaccounted for. With clang: libFuzzer;
// everywhere: driver.cc.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "capture/sniffer.h"

namespace {

using namespace compactor::capture;  // NOLINT

class Silent : public ExchangeEvents {
 public:
  std::uint64_t messages = 0;
  std::uint64_t gap_bytes = 0;
  bool on_message(const SeenMessage&) override {
    ++messages;
    return true;
  }
  void on_answer(const SeenAnswer&) override {}
  void on_gap(const SeenGap& gap) override { gap_bytes += gap.bytes; }
};

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr int kLinkTypes[] = {1, 113, 276, 0, 108, 12};

/// Small limits, so that all of them are met.
ExchangeOptions small_options() {
  ExchangeOptions options;
  options.http = true;
  options.max_body = 4'096;
  options.unanswered = 4;
  options.unanswered_bytes = 2'048;
  options.unfinished_bytes = 4'096;
  return options;
}

ReassemblyLimits small_limits() {
  ReassemblyLimits limits;
  limits.connections = 4;
  limits.buffered_per_direction = 2'048;
  limits.buffered = 4'096;
  return limits;
}

/// Cuts the input into records; the first two bytes decide how, and what befalls each on its way.
/// So the bytes of a seed stay the stream they were, and mutations reach beyond the checks of
/// lengths.
class Records {
 public:
  explicit Records(std::string_view bytes)
      : rest_(bytes.substr(std::min<std::size_t>(2, bytes.size()))) {
    std::uint32_t seed = 1;
    for (const char c : bytes.substr(0, 2)) seed = seed * 256 + static_cast<std::uint8_t>(c);
    random_.seed(seed);
  }
  bool next(std::uint8_t& kind, std::string_view& record) {
    if (rest_.empty()) return false;
    kind = static_cast<std::uint8_t>(random_());
    record = rest_.substr(0, 1 + random_() % 400);
    rest_.remove_prefix(record.size());
    return true;
  }

 private:
  std::string_view rest_;
  std::minstd_rand random_;
};

/// A well-formed packet around a piece of a stream. `kind`: which side, and now and then a flag, a
/// wrong place, or an acknowledgement that goes back.
std::string wrap(std::uint8_t kind, std::string_view record, std::uint32_t (&seq)[2]) {
  std::string packet(40, '\0');
  const std::size_t side = record.starts_with("HTTP/1") || (kind & 7) == 7 ? 1 : 0;
  const auto put = [&](std::size_t at, std::uint32_t value, int size) {
    for (int i = size - 1; i >= 0; --i, value >>= 8)
      packet[at + static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
  };
  packet[0] = 0x45;
  put(2, static_cast<std::uint32_t>(40 + record.size()), 2);
  packet[9] = 6;
  put(12, 0x0a000001 + static_cast<std::uint32_t>(side), 4);
  put(16, 0x0a000002 - static_cast<std::uint32_t>(side), 4);
  put(20, side == 0 ? 1000 : 2000, 2);
  put(22, side == 0 ? 2000 : 1000, 2);
  const unsigned luck = kind >> 3;
  const std::uint32_t skew = luck == 1 ? 7 : luck == 2 ? ~std::uint32_t{4} : 0;
  put(24, seq[side] + skew, 4);
  put(28, seq[1 - side] - (luck % 4 == 0 ? luck * 40 : 0), 4);
  packet[32] = 0x50;
  packet[33] = static_cast<char>(0x10 | (luck == 3 ? kind & 7 : 0));
  seq[side] += static_cast<std::uint32_t>(record.size());
  return packet + std::string(record);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Silent events;
  Sniffer sniffer(events, small_options(), small_limits());
  const std::string_view input(reinterpret_cast<const char*>(data),
                               size);  // NOLINT: bytes are bytes
  const int link_type = size == 0 ? 1 : kLinkTypes[data[0] % 6];
  std::uint32_t seq[2] = {0xffffff80, 0x1000};
  Time time{std::chrono::seconds{1'000'000}};
  Records records(input);
  std::uint8_t kind = 0;
  std::string_view record;
  while (records.next(kind, record)) {
    time += std::chrono::milliseconds{(kind & 0x1f) == 0x10   ? 300'000
                                      : (kind & 0x3f) == 0x30 ? 700
                                                              : 3};
    if ((kind & 0x8f) == 0x80) {
      sniffer.on_packet(link_type, record, record.size() + (kind & 8), time);
    } else {
      const std::string packet = wrap(kind, record, seq);
      sniffer.on_packet(12, packet, packet.size(), time);
    }
  }
  sniffer.finish();
  const ExchangeLedger& ledger = sniffer.ledger();
  const ReassemblyStats& streams = sniffer.reassembly();
  check(ledger.stream_bytes() == streams.data_bytes + streams.gap_bytes);
  check(ledger.gap_bytes == events.gap_bytes);
  check(ledger.messages == events.messages);
  return 0;
}
