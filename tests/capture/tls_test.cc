// Connections that speak TLS: told, counted, and, with keys, read, whatever befalls their packets.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/mangle.h"
#include "support/talk.h"
#include "support/tls_kit.h"

namespace capture_tls_test {

using namespace capture_test;          // NOLINT
using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using tls_kit::Conversation;
using tls_kit::Flight;
using tls_kit::Keys;
using tls_kit::Role;
using tls_kit::Terms;

namespace {

constexpr int kExchanges = 8;

/// Messages m0, m1 … of growing size, each with an answer that no other has.
void converse(Conversation& talk) {
  for (int i = 0; i < kExchanges; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 700, static_cast<char>('a' + i));
    talk.say(Role::client, talk::message("m" + std::to_string(i), body));
    talk.say(Role::server, talk::answer(200 + i));
  }
}

Terms tls13() {
  Terms terms;
  terms.version = TLS1_3_VERSION;
  return terms;
}

/// A connection, each flight of it a packet a millisecond after the one before.
TcpPackets packets_of(const std::vector<Flight>& flights) {
  const std::uint8_t addresses[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
  const Endpoint ends[2] = {{Address::v4(addresses[0]), 40'000},
                            {Address::v4(addresses[1]), 5'050}};
  std::uint32_t next[2] = {1'000, 70'000};
  Time time{std::chrono::seconds{1'000'000}};
  TcpPackets packets;
  const auto add = [&](std::size_t side, const std::string& payload, bool syn, bool fin) {
    TcpPacket packet;
    packet.time = time += 1ms;
    packet.source = ends[side];
    packet.destination = ends[1 - side];
    packet.seq = next[side];
    packet.ack = next[1 - side];
    packet.syn = syn;
    packet.fin = fin;
    packet.has_ack = !syn || side == 1;
    packet.payload = payload;
    next[side] += static_cast<std::uint32_t>(payload.size()) + (syn || fin ? 1 : 0);
    packets.push_back(packet);
  };
  add(0, "", true, false);
  add(1, "", true, false);
  for (const Flight& flight : flights) add(index(flight.sender), flight.bytes, false, false);
  add(0, "", false, true);
  add(1, "", false, true);
  return packets;
}

Result read(const TcpPackets& packets, const Keys* keys) {
  ExchangeOptions options;
  options.keys = keys;
  options.http = true;
  Result result = sniff(put_together(packets), options);
  CHECK(result.ledger.stream_bytes() ==
        result.reassembly.delivered_bytes + result.reassembly.gap_bytes);
  CHECK(result.ledger.messages == result.messages.size());
  return result;
}

/// NAME=STATUS of each message.
std::string told(const Result& result) {
  std::string all;
  for (const Told& each : result.messages)
    all += each.name + "=" + (each.status ? std::to_string(*each.status) : "?") +
           (each.partial ? "~ " : " ");
  return all;
}

std::string whole() {
  std::string all;
  for (int i = 0; i < kExchanges; ++i)
    all += "m" + std::to_string(i) + "=" + std::to_string(200 + i) + " ";
  return all;
}

/// Each is one that was said, or the beginning of one; its answer is its own.
void check_nothing_invented(const Result& result) {
  for (const Told& each : result.messages) {
    CAPTURE(each.name);
    REQUIRE(each.name.size() == 2);
    const int i = each.name[1] - '0';
    CHECK((i >= 0 && i < kExchanges));
    const std::string body(static_cast<std::size_t>(i) * 700, static_cast<char>('a' + i));
    CHECK(body.starts_with(each.body));
    if (!each.partial) CHECK(body == each.body);
    if (each.status) CHECK(*each.status == 200 + i);
  }
  CHECK(result.http.empty());
}

void check_whole(const Result& result) {
  CHECK(told(result) == whole());
  CHECK(result.ledger.passed_over_bytes == 0);
  CHECK(result.ledger.tls == 1);
  CHECK(result.ledger.unanswered + result.ledger.uncertain == 0);
  REQUIRE(result.tls.size() == 1);
  CHECK(result.tls[0].opened == true);
  CHECK(result.tls[0].reason.empty());
  CHECK(result.tls[0].client == "10.0.0.1:40000");
}

bool contains(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("without keys a TLS connection is named, and its bytes are counted as such") {
  Terms terms = tls13();
  terms.server_name = "agent.example";
  Conversation talk(terms);
  converse(talk);
  for (const std::size_t largest : {60'000U, 50U, 3U, 1U}) {
    CAPTURE(largest);
    TcpPackets packets = packets_of(talk.flights());
    Random random(1);
    split(packets, random, largest);
    const Result result = read(packets, nullptr);
    CHECK(result.messages.empty());
    CHECK(result.ledger.tls == 1);
    CHECK(result.ledger.passed_over_bytes == 0);
    CHECK(result.ledger.tls_bytes ==
          talk.bytes(Role::client).size() + talk.bytes(Role::server).size());
    CHECK(result.tls_begins == 1);
    REQUIRE(result.tls.size() == 1);
    CHECK(result.tls[0].version == "TLSv1.3");
    CHECK(result.tls[0].cipher == "TLS_AES_128_GCM_SHA256");
    CHECK(result.tls[0].server_name == "agent.example");
    CHECK(result.tls[0].bytes == result.ledger.tls_bytes);
    CHECK_FALSE(result.tls[0].opened);
  }
}

TEST_CASE("with keys what is inside is read, with latencies as they are, in packets of any size") {
  for (const Terms& terms : {Terms{}, tls13()}) {
    Conversation talk(terms);
    converse(talk);
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    for (const std::size_t largest : {60'000U, 300U, 7U, 1U}) {
      CAPTURE(largest);
      TcpPackets packets = packets_of(talk.flights());
      Random random(2);
      split(packets, random, largest);
      const Result result = read(packets, keys.get());
      check_whole(result);
      for (const Told& each : result.messages) CHECK(each.latency == 1ms);
      CHECK(result.ledger.tls_bytes > 0);
      CHECK(result.tls[0].bytes == result.ledger.stream_bytes());
    }
  }
}

TEST_CASE("many answers on their way at once, and several messages in a record") {
  Conversation talk{Terms{}};
  std::string asked;
  for (int i = 0; i < kExchanges; ++i) asked += talk::message("m" + std::to_string(i));
  std::string answered;
  for (int i = 0; i < kExchanges; ++i) answered += talk::answer(200 + i);
  talk.say(Role::client, asked);
  talk.say(Role::server, answered.substr(0, 100));
  talk.say(Role::server, answered.substr(100));
  const auto keys = tls_kit::keys_of_server();
  check_whole(read(packets_of(talk.flights()), keys.get()));
}

TEST_CASE("the time of an answer is that of its first byte, also when its record takes long") {
  Conversation talk{Terms{}};
  talk.say(Role::client, talk::message("m0"));
  talk.say(Role::server, talk::answer(200, std::string(5'000, 'x')));
  TcpPackets packets = packets_of(talk.flights());
  const std::size_t at = packets.size() - 3;  // before the two FINs
  TcpPacket rest = packets[at];
  rest.payload = packets[at].payload.substr(1'000);
  rest.seq += 1'000;
  rest.time += 300us;
  packets[at].payload.resize(1'000);
  packets.insert(packets.begin() + static_cast<std::ptrdiff_t>(at) + 1, rest);
  const auto keys = tls_kit::keys_of_server();
  const Result result = read(packets, keys.get());
  CHECK(told(result) == "m0=200 ");
  CHECK(result.messages.at(0).latency == 1ms);
}

TEST_CASE("packets that overtake each other, come twice, or overlap, change nothing") {
  for (const Terms& terms : {Terms{}, tls13()}) {
    Conversation talk(terms);
    converse(talk);
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    for (unsigned seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      TcpPackets packets = packets_of(talk.flights());
      split(packets, random, 400);
      if (seed % 2 == 0) overlap(packets, random, 0.3);
      duplicate(packets, random, 0.2, 10ms);
      reorder(packets, random, seed % 3 == 0 ? 20ms : 2ms);
      if (seed % 5 == 0) wrap(packets, random);
      check_whole(read(packets, keys.get()));
    }
  }
}

TEST_CASE("packets that are missing lose what they were part of, and nothing is invented") {
  std::size_t read_in_part = 0;
  for (const Terms& terms : {Terms{}, tls13()}) {
    Conversation talk(terms);
    converse(talk);
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    for (unsigned seed = 0; seed < 150; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      TcpPackets packets = packets_of(talk.flights());
      split(packets, random, 1'000);
      drop(packets, random, 1 + seed % 4);
      if (seed % 3 == 0) reorder(packets, random, 3ms);
      const Result result = read(packets, keys.get());
      check_nothing_invented(result);
      // Of answers that are hidden it is not said that they never came.
      CHECK(result.ledger.unanswered <= (result.ledger.gaps == 0 ? 8U : 1U));
      if (result.ledger.gaps == 0) continue;
      REQUIRE(result.tls.size() == 1);
      CHECK_FALSE(result.tls[0].reason.empty());
      if (!result.messages.empty()) ++read_in_part;
    }
  }
  CHECK(read_in_part > 50);
}

TEST_CASE("the capture begins later") {
  Conversation talk{Terms{}};
  converse(talk);
  const auto keys = tls_kit::keys_of_server();
  for (std::size_t count = 1; count < 12; ++count) {
    CAPTURE(count);
    TcpPackets packets = packets_of(talk.flights());
    cut_start(packets, count);
    const Result result = read(packets, keys.get());
    CHECK(result.ledger.passed_over_bytes == 0);
    REQUIRE(result.tls.size() == 1);
    if (count <= 2) {  // only the SYNs are missing
      check_whole(result);
      continue;
    }
    CHECK(result.messages.empty());
    CHECK(result.tls[0].opened == false);
    CHECK(contains(result.tls[0].reason, "its handshake is not in the capture"));
    CHECK(result.ledger.tls_bytes == result.ledger.stream_bytes() - result.ledger.gap_bytes);
  }
}

TEST_CASE("bytes that were changed on the way end it, with a reason") {
  Random random(3);
  for (const Terms& terms : {Terms{}, tls13()}) {
    Conversation talk(terms);
    converse(talk);
    const auto keys = tls_kit::keys_of_log(talk.key_log());
    for (int i = 0; i < 1'500; ++i) {
      CAPTURE(i);
      std::vector<Flight> flights = talk.flights();
      for (int changes = 1 + i % 3; changes > 0; --changes) {
        std::string& bytes = flights[random() % flights.size()].bytes;
        char& byte = bytes[random() % bytes.size()];
        byte = static_cast<char>(byte ^ 1 << random() % 8);
      }
      TcpPackets packets = packets_of(flights);
      if (i % 4 == 0) split(packets, random, 200);
      if (i % 8 == 1) drop(packets, random, 1);
      check_nothing_invented(read(packets, keys.get()));
    }
  }
}

TEST_CASE("a server that answers a ClientHello in plain, and one that answers plain by an alert") {
  const Conversation hello{Terms{}};
  talk::Talk asked;
  asked.ask(hello.flights()[0].bytes);
  asked.reply(talk::answer(400));
  asked.close();
  CHECK(asked.tracker.ledger().http_bytes == talk::answer(400).size());
  CHECK(asked.tracker.ledger().tls_bytes == hello.flights()[0].bytes.size());
  CHECK(asked.listener.tls.at(0).version == "TLSv1.2");
  CHECK(asked.listener.tls.at(0).cipher.empty());

  talk::Talk plain;
  plain.ask(talk::message("a"));
  plain.reply(std::string("\x15\x03\x03\0\2\2\x46", 7));
  plain.close();
  CHECK(plain.told() == "a=?");
  CHECK(plain.tracker.ledger().tls_bytes == 7);
  CHECK(plain.tracker.ledger().passed_over_bytes == 0);
}

TEST_CASE("a connection that speaks TLS is told once, and counted") {
  talk::Talk talk;
  talk.ask(std::string("\x16\x03\x01\0\5hello", 10));
  talk.reply(std::string("\x16\x03\x03\0\5hello", 10));
  talk.ask(std::string("\x17\x03\x03\0\5hello", 10));
  CHECK(talk.listener.tls_begins == 1);
  CHECK(talk.listener.tls.empty());
  talk.close();
  REQUIRE(talk.listener.tls.size() == 1);
  CHECK(talk.listener.tls[0].bytes == 30);
  CHECK(talk.tracker.ledger().tls == 1);
  CHECK(talk.tracker.ledger().tls_bytes == 30);
  CHECK(talk.tracker.ledger().stream_bytes() == 30);
}

TEST_CASE("a hello of SSL 2 is TLS too") {
  talk::Talk old;
  old.ask(std::string("\x80\x2e\x01\x03\x01", 5) + std::string(43, 'x'));
  old.reply(std::string("\x15\x03\x01\0\2\2\x46", 7));
  old.close();
  CHECK(old.tracker.ledger().tls == 1);
  CHECK(old.tracker.ledger().tls_bytes == 55);
}

TEST_CASE("one byte does not decide, and may be all there is") {
  talk::Talk tls;
  for (const char c : std::string("\x16\x03\x01\0\1x", 6)) tls.ask(std::string(1, c));
  tls.close();
  CHECK(tls.tracker.ledger().tls_bytes == 6);
  CHECK(tls.tracker.ledger().tls == 1);

  talk::Talk other;
  other.ask("\x16");
  other.ask("x");
  other.close();
  CHECK(other.tracker.ledger().tls == 0);
  CHECK(other.tracker.ledger().passed_over_bytes == 2);

  talk::Talk single;
  single.ask("\x16");
  single.lose(Side::a, 10);
  single.close();
  CHECK(single.tracker.ledger().stream_bytes() == 11);
  CHECK(single.tracker.ledger().tls == 0);
}

TEST_CASE("met in the middle: the version is that of the header, where it says one") {
  talk::Talk middle({}, false);
  middle.reply(std::string(500, '\x80'));  // of a record that began before
  middle.ask(std::string("\x17\x03\x02\0\5hello", 10));
  middle.reply(std::string(300, '\x81'));
  middle.close();
  CHECK(middle.tracker.ledger().tls_bytes == 810);
  CHECK(middle.tracker.ledger().passed_over_bytes == 0);
  REQUIRE(middle.listener.tls.size() == 1);
  CHECK(middle.listener.tls[0].version == "TLSv1.1");
  CHECK(middle.listener.tls[0].bytes == 810);

  talk::Talk later({}, false);
  later.ask(std::string("\x17\x03\x03\0\5hello", 10));
  later.close();
  CHECK(later.listener.tls.at(0).version.empty());
}

TEST_CASE("who listens is told of a connection before it ends") {
  const Conversation hello{Terms{}};
  ExchangeOptions options;
  options.tls_wait = 2s;
  talk::Talk live(options);
  live.ask(hello.flights()[0].bytes);
  live.reply(hello.flights()[1].bytes);
  live.tracker.on_time(live.time + 1s);
  CHECK(live.listener.tls.empty());
  live.tracker.on_time(live.time + 3s);
  REQUIRE(live.listener.tls.size() == 1);
  CHECK(live.listener.tls[0].version == "TLSv1.2");
  live.tracker.on_time(live.time + 9s);
  live.close();
  CHECK(live.listener.tls.size() == 1);
}

TEST_CASE("what waits for a handshake that never goes on is bounded, and so is a hello") {
  const auto keys = tls_kit::keys_of_server();
  ExchangeOptions options;
  options.keys = keys.get();
  const Conversation hello{Terms{}};
  talk::Talk waits(options);
  waits.ask(hello.flights()[0].bytes);
  const std::string record = std::string("\x17\x03\x03\x40\0", 5) + std::string(0x4000, 'x');
  for (int i = 0; i < 10; ++i) waits.ask(record);
  waits.close();
  CHECK(contains(waits.listener.tls.at(0).reason, "more came before its handshake than is held"));
  CHECK(waits.tracker.ledger().tls_bytes == hello.flights()[0].bytes.size() + 10 * record.size());

  for (const Keys* with :
       {static_cast<const Keys*>(nullptr), static_cast<const Keys*>(keys.get())}) {
    options.keys = with;
    options.unfinished_bytes = 20'000;
    talk::Talk endless(options);
    std::string piece = std::string("\x16\x03\x01\x10\0", 5) + std::string(0x1000, 'x');
    piece.replace(5, 4, std::string("\x01\0\xff\0", 4));
    for (int i = 0; i < 10; ++i) endless.ask(piece);
    CHECK(endless.tracker.ledger().abandoned == 1);
    endless.close();
    CHECK(endless.tracker.ledger().tls_bytes == 10 * piece.size());
  }
}

TEST_CASE("a body inside that does not fit costs the body, and not the connection") {
  Conversation talk{Terms{}};
  const std::string large = talk::message("large", std::string(100'000, 'x'));
  talk.say(Role::client, large);
  talk.say(Role::server, talk::answer(202));
  talk.say(Role::client, talk::message("next"));
  talk.say(Role::server, talk::answer(404));
  const auto keys = tls_kit::keys_of_server();
  ExchangeOptions options;
  options.keys = keys.get();
  options.unfinished_bytes = 60'000;
  TcpPackets packets = packets_of(talk.flights());
  Random random(4);
  split(packets, random, 3'000);
  const Result result = sniff(put_together(packets), options);
  REQUIRE(result.messages.size() == 2);
  CHECK(result.messages[0].size == 100'000);
  CHECK(result.messages[0].body.empty());
  CHECK(result.messages[0].status == 202);
  CHECK(result.messages[1].name == "next");
  CHECK(result.messages[1].status == 404);
  CHECK(result.ledger.abandoned == 1);
  CHECK(result.tls.at(0).reason.empty());
}

TEST_CASE("answers that are hidden are not said to be missing") {
  Conversation talk{Terms{}};
  converse(talk);
  std::vector<Flight> flights = talk.flights();
  // The last answer but two is damaged.
  int answers = 0;
  for (auto flight = flights.rbegin(); flight != flights.rend(); ++flight) {
    if (flight->sender != Role::server || ++answers != 3) continue;
    flight->bytes.back() = static_cast<char>(flight->bytes.back() ^ 1);
    break;
  }
  const auto keys = tls_kit::keys_of_server();
  const Result result = read(packets_of(flights), keys.get());
  CHECK(told(result) == "m0=200 m1=201 m2=202 m3=203 m4=204 m5=? m6=? m7=? ");
  CHECK(result.ledger.unanswered == 0);
  CHECK(result.ledger.uncertain == 3);
  for (const Told& each : result.messages) CHECK(each.uncertain == !each.status);
  CHECK(contains(result.tls.at(0).reason, "could not be verified"));
  CHECK(result.tls[0].opened == true);
}

}  // namespace capture_tls_test
