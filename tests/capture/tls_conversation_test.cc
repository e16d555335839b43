// Random conversations, pipelined and acknowledged as it comes, inside TLS: told as they are told
// without it.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/conversation.h"
#include "support/tls_kit.h"

namespace capture_tls_conversation_test {

using namespace capture_test;          // NOLINT
using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using tls_kit::Flight;
using tls_kit::Role;

namespace {

/// Puts the segments of one connection into records of TLS, one for each, behind a handshake.
class Wrapper {
 public:
  explicit Wrapper(const tls_kit::Terms& terms) : talk_(terms) {}

  TcpPackets wrap(const TcpPackets& packets) {
    for (const TcpPacket& packet : packets) add(packet);
    return std::move(wrapped_);
  }
  const std::string& key_log() const { return talk_.key_log(); }

 private:
  /// One direction.
  struct Half {
    Endpoint source;
    std::uint32_t first = 0;                              // sequence number of its first byte
    std::map<std::uint64_t, std::uint64_t> wire{{0, 0}};  // offsets without TLS -> with it

    std::uint64_t end() const { return wire.rbegin()->second; }
    /// What the receiver of so much without TLS would have received with it. A FIN counts as one.
    std::uint32_t translate(std::uint32_t number) const {
      const std::uint64_t plain = number - first;
      const auto at = std::prev(wire.upper_bound(plain));
      const bool fin = plain > wire.rbegin()->first;
      return first + static_cast<std::uint32_t>(at->second + (fin ? 1 : 0));
    }
  };

  void add(TcpPacket packet) {
    if (packet.syn && !packet.has_ack) halves_[0].source = packet.source;
    const std::size_t from = packet.source == halves_[0].source ? 0 : 1;
    Half& mine = halves_[from];
    Half& theirs = halves_[1 - from];
    if (packet.syn) {
      mine.source = packet.source;
      mine.first = packet.seq + 1;
      wrapped_.push_back(packet);
      return;
    }
    if (!packet.payload.empty() && !std::exchange(shook_hands_, true)) shake_hands(packet);
    packet.seq = mine.translate(packet.seq);
    if (packet.has_ack) packet.ack = theirs.translate(packet.ack);
    if (!packet.payload.empty()) {
      const std::uint64_t plain = mine.wire.rbegin()->first + packet.payload.size();
      packet.payload = say(from, packet.payload);
      const std::uint64_t wire = mine.end() + packet.payload.size();
      mine.wire[plain] = wire;
    }
    wrapped_.push_back(packet);
  }

  void shake_hands(const TcpPacket& first) {
    std::uint64_t sent[2] = {};
    for (const Flight& flight : talk_.flights()) {
      const std::size_t from = index(flight.sender);
      TcpPacket packet = first;
      packet.source = halves_[from].source;
      packet.destination = halves_[1 - from].source;
      packet.seq = halves_[from].first + static_cast<std::uint32_t>(sent[from]);
      packet.ack = halves_[1 - from].first + static_cast<std::uint32_t>(sent[1 - from]);
      packet.payload = flight.bytes;
      wrapped_.push_back(packet);
      sent[from] += flight.bytes.size();
    }
    for (const std::size_t side : {0U, 1U}) halves_[side].wire[0] = sent[side];
    told_ = talk_.flights().size();
  }

  std::string say(std::size_t from, const std::string& text) {
    const Role role = from == 0 ? Role::client : Role::server;
    talk_.say(role, text);
    std::string bytes;
    for (; told_ < talk_.flights().size(); ++told_) bytes += talk_.flights()[told_].bytes;
    return bytes;
  }

  tls_kit::Conversation talk_;
  Half halves_[2];
  bool shook_hands_ = false;
  std::size_t told_ = 0;  // flights
  TcpPackets wrapped_;
};

Result read(const TcpPackets& packets, const tls_kit::Keys* keys) {
  ExchangeOptions options;
  options.keys = keys;
  Result result = sniff(put_together(packets), options);
  CHECK(result.ledger.stream_bytes() ==
        result.reassembly.delivered_bytes + result.reassembly.gap_bytes);
  return result;
}

/// All that is said of the messages, by their number.
std::vector<std::string> told(const Result& result) {
  std::vector<std::string> lines;
  for (const Told& each : result.messages)
    lines.push_back(std::to_string(each.seq) + " " + each.line() + " " +
                    std::to_string(each.latency.value_or(0ns).count()) +
                    (each.partial ? " partial" : "") + (each.uncertain ? " uncertain" : ""));
  std::sort(lines.begin(), lines.end());
  return lines;
}

tls_kit::Terms terms(unsigned seed) {
  tls_kit::Terms terms;
  if (seed % 2 == 0) terms.version = TLS1_3_VERSION;
  return terms;
}

/// Nothing is told that was not said, or answered otherwise.
void check_true(const Result& result, const Conversation& truth) {
  for (const Told& each : result.messages) {
    CAPTURE(each.name);
    const auto known = truth.statuses.find(each.name);
    REQUIRE(known != truth.statuses.end());
    if (each.status) CHECK(each.status == known->second);
  }
}

}  // namespace

TEST_CASE("where nothing is lost, TLS makes no difference") {
  std::size_t messages = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Conversation conversation = converse(random, Loss::none);
    Wrapper wrapper(terms(seed));
    const TcpPackets wrapped = wrapper.wrap(conversation.packets);
    const auto keys = tls_kit::keys_of_log(wrapper.key_log());
    const Result inside = read(wrapped, keys.get());
    CHECK(told(inside) == told(read(conversation.packets, nullptr)));
    CHECK(inside.ledger.passed_over_bytes == 0);
    messages += inside.messages.size();
  }
  CHECK(messages > 2'000);
}

TEST_CASE("packets that overtake each other, or are missing: nothing is wrong, nothing invented") {
  std::size_t messages = 0;
  std::size_t without = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Conversation conversation = converse(random, Loss::none);
    Wrapper wrapper(terms(seed));
    TcpPackets packets = wrapper.wrap(conversation.packets);
    const auto keys = tls_kit::keys_of_log(wrapper.key_log());
    if (seed % 3 != 0) drop(packets, random, 1 + seed % 5);
    if (seed % 2 == 0) split(packets, random, 500);
    if (seed % 4 != 1) reorder(packets, random, seed % 4 == 0 ? 30ms : 3ms);
    const Result result = read(packets, keys.get());
    check_true(result, conversation);
    const bool lost = result.ledger.gaps > 0;
    for (const Told& each : result.messages) {
      const auto truth = conversation.statuses.at(each.name);
      const bool missing = truth && !each.status;
      if (missing) ++without;
      // That it was never answered is said only where that is so, or its answer is not there.
      if (missing && !lost) CHECK(each.status == truth);
    }
    messages += result.messages.size();
  }
  CHECK(messages > 1'000);
  CHECK(without < messages / 2);
}

}  // namespace capture_tls_conversation_test
