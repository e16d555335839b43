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

/// The numbers of the next bytes of both sides.
using Numbers = std::uint32_t[2];

/// A well-formed packet of raw IP.
std::string segment(std::size_t side, unsigned flags, std::uint32_t seq, std::uint32_t ack,
                    std::string_view payload) {
  std::string packet(40, '\0');
  const auto put = [&](std::size_t at, std::uint32_t value, int size) {
    for (int i = size - 1; i >= 0; --i, value >>= 8)
      packet[at + static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
  };
  packet[0] = 0x45;
  put(2, static_cast<std::uint32_t>(40 + payload.size()), 2);
  packet[9] = 6;
  put(12, 0x0a000001 + static_cast<std::uint32_t>(side), 4);
  put(16, 0x0a000002 - static_cast<std::uint32_t>(side), 4);
  put(20, side == 0 ? 1000 : 2000, 2);
  put(22, side == 0 ? 2000 : 1000, 2);
  put(24, seq, 4);
  put(28, ack, 4);
  packet[32] = 0x50;
  packet[33] = static_cast<char>(flags);
  return packet + std::string(payload);
}

/// A piece of a stream. `kind`: which side, and now and then a flag, or a wrong place.
std::string wrap(std::uint8_t kind, std::string_view record, Numbers& next) {
  const std::size_t side = record.starts_with("HTTP/1") || (kind & 7) == 7 ? 1 : 0;
  const unsigned luck = kind >> 3;
  const std::uint32_t skew = luck == 1 ? 7 : luck == 2 ? ~std::uint32_t{4} : 0;
  const std::uint32_t seq = next[side] + skew;
  next[side] += static_cast<std::uint32_t>(record.size());
  return segment(side, 0x10U | (luck == 3 ? kind & 7U : 0U), seq, next[1 - side], record);
}

/// A whole request or answer. `kind`: which; and often there is a hole before it, or what it
/// acknowledges goes back by so much.
std::string utter(std::uint8_t kind, std::uint32_t back, Numbers& next) {
  constexpr std::string_view kSaid[] = {
      "POST /x/y HTTP/1.1\r\nUser-Agent: libprocess/a@1.1.1.1:1\r\n\r\n",
      "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"};
  const std::size_t side = kind & 1;
  if ((kind >> 1 & 3) == 0) next[side] += 100;
  const std::uint32_t ack = next[1 - side] - ((kind >> 3 & 3) == 0 ? back : 0);
  const std::uint32_t seq = next[side];
  next[side] += static_cast<std::uint32_t>(kSaid[side].size());
  return segment(side, 0x10, seq, ack, kSaid[side]);
}

/// What becomes of the input: pieces of a stream and packets of any bytes, or only its sizes count,
/// and what is said is whole.
void run(Sniffer& sniffer, std::string_view input) {
  const bool speaks = !input.empty() && (input[0] & 1) != 0;
  const int link_type = input.empty() ? 1 : kLinkTypes[static_cast<std::uint8_t>(input[0]) % 6];
  Numbers next = {0xffffff80, 0x1000};
  Time time{std::chrono::seconds{1'000'000}};
  Records records(input);
  std::uint8_t kind = 0;
  std::string_view record;
  while (records.next(kind, record)) {
    const bool long_after = speaks && (kind >> 5 & 3) == 0;
    const bool after = (kind & 0x3f) == 0x30;
    time += std::chrono::milliseconds{long_after ? 300'000 : after ? 700 : 3};
    if (!speaks && (kind & 0x8f) == 0x80) {
      sniffer.on_packet(link_type, record, record.size() + (kind & 8), time);
      continue;
    }
    const auto back = static_cast<std::uint32_t>(record.size());
    const std::string packet = speaks ? utter(kind, back, next) : wrap(kind, record, next);
    sniffer.on_packet(12, packet, packet.size(), time);
  }
  sniffer.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Silent events;
  Sniffer sniffer(events, small_options(), small_limits());
  run(sniffer, {reinterpret_cast<const char*>(data), size});  // NOLINT: bytes are bytes
  const ExchangeLedger& ledger = sniffer.ledger();
  const ReassemblyStats& streams = sniffer.reassembly();
  check(ledger.stream_bytes() == streams.delivered_bytes + streams.gap_bytes);
  check(ledger.gap_bytes == events.gap_bytes);
  check(ledger.messages == events.messages);
  return 0;
}
