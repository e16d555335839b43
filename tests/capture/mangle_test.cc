// Captures as a network or a capturing machine could have changed them. What loses nothing changes
// nothing of what is told; what loses bytes loses only the messages that they were part of.
#include "support/mangle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "wire/message.h"
#include "wire/parser.h"

namespace capture_mangle_test {

using namespace capture_test;          // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// Small enough for many manglings each.
std::vector<std::string> small_captures() {
  std::vector<std::string> files;
  for (const std::string& file : capture_files())
    if (file.find("1MB") == std::string::npos && file.find("100k") == std::string::npos)
      files.push_back(file);
  return files;
}

/// IPv6 changes the addresses in `to`.
std::string without_address(const std::string& line) {
  const std::size_t at = line.find('\t') + 1;
  const std::size_t host = line.find('@', at);
  return line.substr(0, host) + line.substr(line.find('\t', host));
}

std::vector<std::string> lines_without_address(const Result& result) {
  std::vector<std::string> lines;
  for (const Told& told : result.messages) lines.push_back(without_address(told.line()));
  std::sort(lines.begin(), lines.end());
  return lines;
}

void check_ledger(const Result& result) {
  CHECK(result.ledger.messages == result.messages.size());
  CHECK(result.ledger.gap_bytes == result.reassembly.gap_bytes);
  CHECK(result.ledger.gap_bytes == result.gap_bytes);
  CHECK(result.ledger.gaps == result.gaps);
  CHECK(result.ledger.stream_bytes() ==
        result.reassembly.delivered_bytes + result.reassembly.gap_bytes);
}

using Change = std::function<void(TcpPackets&, Random&)>;

void check_lossless(const Change& change, unsigned rounds = 2) {
  for (const std::string& file : small_captures()) {
    const RawCapture original = read_capture(file);
    const Result want = sniff(original);
    for (unsigned seed = 0; seed < rounds; ++seed) {
      CAPTURE(file);
      CAPTURE(seed);
      Random random(seed);
      TcpPackets packets = take_apart(original);
      change(packets, random);
      const Result got = sniff(put_together(packets));
      CHECK(got.lines() == want.lines());
      CHECK(got.ledger.gap_bytes == 0);
      CHECK(got.ledger.passed_over_bytes == want.ledger.passed_over_bytes);
      CHECK(got.ledger.stream_bytes() == want.ledger.stream_bytes());
      check_ledger(got);
    }
  }
}

/// A message in the streams of an undamaged capture: its first fields as in Told::line, and where
/// it stands.
struct Placed {
  std::string head;
  std::uint64_t begin;
  std::uint64_t end;
};

struct Requests : compactor::wire::Sink {
  std::vector<Placed> found;
  bool on_message(const compactor::wire::HttpMessage& message) override {
    if (compactor::wire::message_head(message))
      found.push_back({std::string(message.target) + "\n" + std::string(message.body),
                       message.begin, message.end});
    return true;
  }
};

std::string key(const Told& told) {
  return "/" + told.to.substr(0, told.to.find('@')) + "/" + told.name + "\n" + told.body;
}

std::vector<std::string> messages_without_a_lost_byte(const TcpPackets& before,
                                                      const TcpPackets& after) {
  std::vector<std::string> keys;
  std::map<std::pair<Endpoint, Endpoint>, std::vector<const TcpPacket*>> left;
  for (const TcpPacket& packet : after)
    left[{packet.source, packet.destination}].push_back(&packet);
  for (const Stream& stream : streams(before)) {
    std::vector<bool> seen(stream.bytes.size());
    for (const TcpPacket* packet : left[{stream.source, stream.destination}]) {
      const std::uint32_t at = packet->seq + (packet->syn ? 1 : 0) - stream.first;
      for (std::size_t i = 0; i < packet->payload.size(); ++i)
        if (at + i < seen.size() && stream.bytes[at + i] == packet->payload[i]) seen[at + i] = true;
    }
    Requests requests;
    compactor::wire::Parser parser(compactor::wire::Kind::request);
    parser.feed(stream.bytes, requests);
    for (const Placed& placed : requests.found) {
      const auto begin = seen.begin() + static_cast<std::ptrdiff_t>(placed.begin);
      const auto end = seen.begin() + static_cast<std::ptrdiff_t>(placed.end);
      if (std::find(begin, end, false) == end) keys.push_back(placed.head);
    }
  }
  return keys;
}

std::vector<std::string> keys(const Result& result, bool with_status) {
  std::vector<std::string> all;
  for (const Told& told : result.messages) {
    if (with_status && !told.status) continue;
    all.push_back(key(told) + (with_status ? "\t" + std::to_string(*told.status) : ""));
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// Sorted both.
bool includes(const std::vector<std::string>& all, const std::vector<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

void check_lossy(const Change& change, unsigned rounds) {
  for (const std::string& file : small_captures()) {
    const RawCapture original = read_capture(file);
    const Result whole = sniff(original);
    const TcpPackets before = take_apart(original);
    const std::vector<std::string> known = keys(whole, false);
    const std::vector<std::string> known_outcomes = keys(whole, true);
    for (unsigned seed = 0; seed < rounds; ++seed) {
      CAPTURE(file);
      CAPTURE(seed);
      Random random(seed);
      TcpPackets packets = before;
      change(packets, random);
      const Result got = sniff(put_together(packets));
      std::vector<std::string> intact;
      for (std::string& each : messages_without_a_lost_byte(before, packets))
        if (std::ranges::binary_search(known, each)) intact.push_back(std::move(each));
      std::sort(intact.begin(), intact.end());
      CHECK(includes(keys(got, false), intact));
      CHECK(includes(known, keys(got, false)));
      // An outcome may be unknown, but is never another message's.
      CHECK(includes(known_outcomes, keys(got, true)));
      // A FIN that is missing with the bytes before it looks like one byte more.
      CHECK(got.ledger.stream_bytes() <= whole.ledger.stream_bytes() + 2 * got.ledger.gaps);
      check_ledger(got);
    }
  }
}

}  // namespace

TEST_CASE("packets overtake each other") {
  check_lossless([](TcpPackets& packets, Random& random) { reorder(packets, random, 5ms); });
}

TEST_CASE("packets come twice") {
  check_lossless(
      [](TcpPackets& packets, Random& random) { duplicate(packets, random, 0.3, 50ms); });
}

TEST_CASE("segments are cut into small ones") {
  check_lossless([](TcpPackets& packets, Random& random) { split(packets, random, 60); });
}

TEST_CASE("one byte a segment") {
  check_lossless(
      [](TcpPackets& packets, Random& random) {
        if (packets.size() < 500) split(packets, random, 1);
      },
      1);
}

TEST_CASE("segments are joined, also to more than 64 KiB") {
  check_lossless([](TcpPackets& packets, Random& random) {
    split(packets, random, 600);
    merge(packets, random, 200'000);
  });
}

TEST_CASE("sequence numbers wrap") {
  check_lossless([](TcpPackets& packets, Random& random) { wrap(packets, random); }, 4);
}

TEST_CASE("retransmissions overlap, keep-alives probe") {
  check_lossless([](TcpPackets& packets, Random& random) {
    split(packets, random, 300);
    overlap(packets, random, 0.5);
    probe_keepalive(packets, random, 0.3);
  });
}

TEST_CASE("all of it at once") {
  check_lossless(
      [](TcpPackets& packets, Random& random) {
        split(packets, random, 200);
        wrap(packets, random);
        overlap(packets, random, 0.3);
        duplicate(packets, random, 0.2, 10ms);
        reorder(packets, random, 10ms);
      },
      3);
}

TEST_CASE("each link layer, both IP versions") {
  for (const std::string& file : small_captures()) {
    const RawCapture original = read_capture(file);
    const std::vector<std::string> want = lines_without_address(sniff(original));
    const TcpPackets packets = take_apart(original);
    for (const LinkLayer link : kLinkLayers) {
      for (const bool ipv6 : {false, true}) {
        CAPTURE(file);
        CAPTURE(static_cast<int>(link));
        CAPTURE(ipv6);
        const Result got = sniff(put_together(packets, {link, ipv6, true, true}));
        CHECK(lines_without_address(got) == want);
        CHECK(got.packets[compactor::capture::Packet::tcp] == got.packets.packets);
        check_ledger(got);
      }
    }
  }
}

TEST_CASE("the capture begins later") {
  for (const std::size_t count : {1UL, 2UL, 3UL, 5UL, 9UL, 20UL, 40UL})
    check_lossy([&](TcpPackets& packets, Random&) { cut_start(packets, count); }, 1);
}

TEST_CASE("some packets are missing") {
  for (const std::size_t count : {1UL, 2UL, 5UL, 20UL})
    check_lossy([&](TcpPackets& packets, Random& random) { drop(packets, random, count); }, 3);
}

TEST_CASE("missing, and everything else") {
  check_lossy(
      [](TcpPackets& packets, Random& random) {
        drop(packets, random, 4);
        wrap(packets, random);
        duplicate(packets, random, 0.1, 5ms);
        reorder(packets, random, 5ms);
      },
      3);
}

}  // namespace capture_mangle_test
