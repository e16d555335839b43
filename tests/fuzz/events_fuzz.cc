// Streams of events: RecordIO and the chunks that carry it, however the bytes are split, with holes
// and in midstream. Never a crash; what is told was sent where nothing is broken; and what is held
// is bounded. With clang: libFuzzer; everywhere: driver.cc.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "capture/chunk_seeker.h"
#include "capture/exchange.h"
#include "capture/recordio.h"

namespace {

using namespace compactor::capture;  // NOLINT
using Texts = std::vector<std::string>;

constexpr std::size_t kMaxRecord = 1'000;
constexpr std::size_t kMostUnfinished = 8'192;

void check(bool holds) {
  if (!holds) std::abort();
}

class Luck {
 public:
  explicit Luck(std::string_view input) {
    std::uint32_t seed = 1;
    for (const char c : input.substr(0, 2)) seed = seed * 256 + static_cast<std::uint8_t>(c);
    random_.seed(seed);
  }
  std::size_t below(std::size_t bound) { return random_() % std::max<std::size_t>(bound, 1); }

 private:
  std::minstd_rand random_;
};

std::string record(std::string_view text) {
  return std::to_string(text.size()).append("\n").append(text);
}

std::string chunk(std::string_view bytes) {
  char head[32];
  std::snprintf(head, sizeof head, "%zx\r\n", bytes.size());
  return std::string(head).append(bytes).append("\r\n");
}

/// Whatever the split, the same records.
void split_records(std::string_view bytes, Luck& luck) {
  const auto read = [&](auto next_size) {
    Texts records;
    RecordSplitter splitter([&](const Record& found) { records.emplace_back(found.bytes); },
                            kMaxRecord);
    for (auto rest = bytes; !rest.empty();) {
      const auto piece = rest.substr(0, next_size());
      splitter.feed(piece, Time{});
      check(splitter.memory() <= kMaxRecord);
      rest.remove_prefix(piece.size());
    }
    return records;
  };
  const auto whole = read([&] { return bytes.size(); });
  check(whole == read([] { return std::size_t{1}; }));
  check(whole == read([&] { return 1 + luck.below(100); }));
  for (const auto& each : whole) check(bytes.find(each) != std::string_view::npos);
}

/// Any bytes as the middle of a stream, with holes.
void lose_records(std::string_view bytes, Luck& luck) {
  RecordSplitter splitter([](const Record& found) { check(found.bytes.size() <= kMaxRecord); },
                          kMaxRecord);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, 1 + luck.below(200));
    bytes.remove_prefix(piece.size());
    switch (luck.below(6)) {
      case 0:
        splitter.skip(1 + luck.below(300));
        break;
      case 1:
        splitter.begin_chunk(luck.below(2) == 0 ? piece.size() : luck.below(2'000));
        break;
      default:
        splitter.feed(piece, Time{});
    }
    check(splitter.memory() <= 3 * kMaxRecord);
  }
}

void seek_chunks(std::string_view bytes, Luck& luck) {
  ChunkSeeker seeker;
  std::uint64_t at = 0;
  while (!bytes.empty() && !seeker.found()) {
    const auto piece = bytes.substr(0, 1 + luck.below(300));
    bytes.remove_prefix(piece.size());
    seeker.add(piece, {Time{}, at, 0});
    at += piece.size();
    check(seeker.offset() <= at);
    std::uint64_t next = seeker.offset();
    seeker.replay([&](std::string_view held, const Stamp& stamp) {
      check(stamp.offset == next);
      next += held.size();
    });
    check(next == at);
  }
}

struct Told final : ExchangeEvents {
  bool on_message(const SeenMessage&) override { return true; }
  void on_answer(const SeenAnswer&) override {}
  void on_gap(const SeenGap& gap) override { gap_bytes += gap.bytes; }
  void on_record(const SeenRecord& seen) override { records.emplace_back(seen.record); }
  std::uint64_t gap_bytes = 0;
  Texts records;
};

/// The input as the texts of events, some of which are lost; or, `broken`, as what stands between
/// them too.
void stream_events(std::string_view bytes, Luck& luck, bool broken) {
  Told told;
  ExchangeOptions options;
  options.http = true;
  options.unfinished_bytes = kMostUnfinished;
  ExchangeTracker tracker(told, options);
  ConnectionInfo info;
  info.number = 1;
  const bool from_start = luck.below(2) == 0;
  if (from_start) info.client = Side::a;
  auto reader = tracker.open(info);
  const std::string ask = "POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
  Time time{std::chrono::seconds{1'000}};
  std::uint64_t at = 0;
  const auto come = [&](std::string_view packet) {
    time += std::chrono::milliseconds{1};
    reader->on_data(Side::b, packet, {time, at, from_start ? ask.size() : 0});
    at += packet.size();
  };
  std::uint64_t asked = 0;
  if (from_start) {
    reader->on_data(Side::a, ask, {time, 0, 0});
    asked = ask.size();
    come("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  Texts sent;
  std::uint64_t lost = 0;
  while (!bytes.empty()) {
    const auto text = bytes.substr(0, 1 + luck.below(400));
    bytes.remove_prefix(text.size());
    sent.emplace_back(text);
    std::string wire = chunk(record(text));
    if (broken && luck.below(4) == 0) wire = std::string(text);
    for (std::string_view rest = wire; !rest.empty();) {
      const auto packet =
          rest.substr(0, luck.below(3) == 0 ? 1 + luck.below(rest.size()) : rest.size());
      rest.remove_prefix(packet.size());
      if (luck.below(10) != 0) {
        come(packet);
        continue;
      }
      reader->on_gap(Side::b, packet.size(), time);
      at += packet.size();
      lost += packet.size();
    }
  }
  reader->on_end(Side::b, time);
  reader->on_close({Close::finished}, time);
  reader.reset();
  check(tracker.ledger().stream_bytes() == at + asked);
  check(told.gap_bytes == lost);
  if (broken) return;
  // In order, and nothing that was not sent.
  auto next = sent.begin();
  for (const auto& each : told.records) {
    next = std::find(next, sent.end(), each);
    check(next != sent.end());
    ++next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);  // NOLINT
  Luck luck(input);
  const auto bytes = input.substr(std::min<std::size_t>(2, size));
  std::string records;
  std::string chunks;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto text = bytes.substr(at, 1 + luck.below(200));
    at += text.size();
    records += luck.below(30) == 0 ? std::string(text) : record(text);
    chunks += luck.below(30) == 0 ? std::string(text) : chunk(record(text));
  }
  for (const std::string_view each : {bytes, std::string_view(records), std::string_view(chunks)}) {
    split_records(each, luck);
    lose_records(each, luck);
    seek_chunks(each, luck);
  }
  stream_events(bytes, luck, false);
  stream_events(bytes, luck, true);
  return 0;
}
