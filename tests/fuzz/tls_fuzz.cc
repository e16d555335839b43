// A connection of TLS that keys open, with anything done to it: never a crash, never a byte
// unaccounted for, never a message that was not said. With clang: libFuzzer; everywhere: driver.cc.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "capture/exchange.h"
#include "decrypt/keys.h"
#include "support/pcap_streams.h"
#include "text/hex.h"

namespace {

using namespace compactor::capture;  // NOLINT

void check(bool holds) {
  if (!holds) std::abort();
}

const std::string kFolder = FUZZ_DATA "/tls/";

class Told : public ExchangeEvents {
 public:
  std::set<std::string> whole;
  std::uint64_t messages = 0;
  std::uint64_t tls = 0;
  bool on_message(const SeenMessage& message) override {
    ++messages;
    if (!message.partial) whole.insert(std::string(message.name) + " " + std::string(message.body));
    return true;
  }
  void on_answer(const SeenAnswer&) override {}
  void on_gap(const SeenGap&) override {}
  void on_tls(const SeenTls&) override { ++tls; }
};

/// Both directions of one connection, in whatever order they are said.
class Talk {
 public:
  Talk(ExchangeEvents& events, const ExchangeOptions& options) : tracker_(events, options) {
    ConnectionInfo info;
    info.number = 1;
    info.client = Side::a;
    reader_ = tracker_.open(info);
  }

  void say(Side side, std::string_view bytes) {
    time_ += std::chrono::milliseconds{1};
    tracker_.on_time(time_);
    if (ended_[index(side)] || bytes.empty()) return;
    reader_->on_data(side, bytes, {time_, at_[index(side)], at_[index(other(side))]});
    at_[index(side)] += bytes.size();
    bytes_ += bytes.size();
  }
  void lose(Side side, std::size_t bytes) {
    if (ended_[index(side)] || bytes == 0) return;
    reader_->on_gap(side, bytes, time_);
    at_[index(side)] += bytes;
    bytes_ += bytes;
  }
  void end(Side side) {
    if (!ended_[index(side)]) reader_->on_end(side, time_);
    ended_[index(side)] = true;
  }
  void close() {
    reader_->on_close(Close::ended, time_);
    reader_.reset();
    check(tracker_.ledger().stream_bytes() == bytes_);
  }
  const ExchangeLedger& ledger() const { return tracker_.ledger(); }

 private:
  ExchangeTracker tracker_;
  std::unique_ptr<StreamReader> reader_;
  std::uint64_t at_[2] = {1'000, 1'000};
  bool ended_[2] = {};
  std::uint64_t bytes_ = 0;
  Time time_{std::chrono::seconds{1'000'000}};
};

const pcap_streams::Stream& recorded() {
  static const auto all = pcap_streams::read(kFolder + "pingpong-both-linked.pcap");
  return all.front();
}

/// The first record of the client: its ClientHello.
std::string_view hello() {
  constexpr std::size_t kHello = 5 + 0x75;
  return std::string_view(recorded().requests).substr(0, kHello);
}

/// The key of the server, or secrets of any kind, which are none, for the recorded ClientHello.
const compactor::decrypt::Keys& keys(bool right) {
  static const auto all = [] {
    auto pair = std::make_unique<std::array<compactor::decrypt::Keys, 2>>();
    auto& made = *pair;
    made[0].add_server_key(kFolder + "pingpong-both-linked.key");
    std::string random;
    compactor::text::append_hex(random, hello().substr(11, 32));
    std::string name = "/tmp/tls-fuzz-XXXXXX";
    const int file = ::mkstemp(name.data());
    for (const char* label :
         {"CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
          "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}) {
      const std::string line =
          std::string(label) + " " + random + " " + std::string(96, '7') + "\n";
      check(::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }
    made[1].add_log(name, compactor::decrypt::KeyLog::Empty::refused);
    ::close(file);
    ::unlink(name.c_str());
    return pair;
  }();
  return (*all)[right ? 0 : 1];
}

ExchangeOptions options(bool right_keys = true) {
  ExchangeOptions options;
  options.keys = &keys(right_keys);
  options.http = true;
  return options;
}

/// What is said when nothing befalls it.
const std::set<std::string>& said() {
  static const auto all = [] {
    Told told;
    Talk talk(told, options());
    // A little at a time, as nobody waits long for the other side.
    for (std::size_t at = 0; at < 20'000; at += 100) {
      talk.say(Side::a, std::string_view(recorded().requests)
                            .substr(std::min(at, recorded().requests.size()), 100));
      talk.say(Side::b, std::string_view(recorded().responses)
                            .substr(std::min(at, recorded().responses.size()), 100));
    }
    talk.close();
    check(told.whole.size() > 1);
    return told.whole;
  }();
  return all;
}

/// Three bytes of the input say what becomes of the next piece.
void damage(Talk& talk, std::string_view input) {
  std::string_view rest[2] = {recorded().requests, recorded().responses};
  for (; input.size() >= 3; input.remove_prefix(3)) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
    const std::size_t number = (byte(0) & 1) == 0 ? 0 : 1;
    const Side side = number == 0 ? Side::a : Side::b;
    const std::size_t size = 1 + (std::size_t{byte(1)} << 8 | byte(2)) % 2'000;
    std::string piece(rest[number].substr(0, size));
    rest[number].remove_prefix(piece.size());
    const unsigned what = byte(0) >> 1;
    if (what == 1) {
      talk.lose(side, piece.size());
      continue;
    }
    if (what == 2 && !piece.empty()) {
      char& changed = piece[byte(2) % piece.size()];
      changed = static_cast<char>(changed ^ byte(1));
    }
    if (what == 3) piece.insert(byte(2) % (piece.size() + 1), 1, static_cast<char>(byte(1)));
    if (what == 4) piece.erase(0, 1);
    talk.say(side, piece);
    if (what == 5) talk.end(side);
  }
}

/// The input itself is in the records.
void invent(Talk& talk, std::string_view input) {
  talk.say(Side::a, hello());
  while (input.size() >= 3) {
    const auto kind = static_cast<std::uint8_t>(input[0]);
    const std::string_view payload = input.substr(1, 2 + static_cast<std::uint8_t>(input[1]) % 100);
    input.remove_prefix(1 + payload.size());
    std::string record = {static_cast<char>(20 + kind % 5), '\3', static_cast<char>(kind >> 3 & 3),
                          '\0', static_cast<char>(payload.size())};
    talk.say((kind & 0x80) == 0 ? Side::a : Side::b, record.append(payload));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data),
                               size);  // NOLINT: bytes are bytes
  const std::set<std::string>& known = said();
  Told told;
  const bool invents = !input.empty() && (input[0] & 1) != 0;
  Talk talk(told, options(!invents || (input[0] & 2) != 0));
  invents ? invent(talk, input.substr(1))
          : damage(talk, input.substr(std::min<std::size_t>(1, size)));
  talk.close();
  check(std::includes(known.begin(), known.end(), told.whole.begin(), told.whole.end()));
  check(told.messages == talk.ledger().messages);
  check(told.tls == talk.ledger().tls);
  return 0;
}
