#include "capture/reassembly.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace capture_reassembly_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT

namespace {

/// What a connection told, as one line per call.
struct Log {
  std::vector<std::string> lines;
};

class Recorder : public StreamReader {
 public:
  Recorder(Log& log, const ConnectionInfo& info) : log_(log), name_(std::to_string(info.number)) {
    log_.lines.push_back(name_ + (info.client ? " from its start" : " in the middle"));
  }
  void on_data(Side sender, std::string_view bytes, const Stamp&) override {
    log_.lines.push_back(side(sender) + std::string(bytes));
  }
  void on_gap(Side sender, std::uint64_t bytes, Time) override {
    log_.lines.push_back(side(sender) + "gap of " + std::to_string(bytes));
  }
  void on_end(Side sender, Time) override { log_.lines.push_back(side(sender) + "ends"); }
  void on_close(const Ending& ending, Time) override {
    constexpr const char* kWords[] = {"finished", "reset",   "refused",
                                      "replaced", "evicted", "ended"};
    log_.lines.push_back(name_ + " " + kWords[static_cast<std::size_t>(ending.how)]);
  }

 private:
  std::string side(Side sender) const { return name_ + (sender == Side::a ? " a " : " b "); }

  Log& log_;
  std::string name_;
};

/// A reassembler, and a client and a server to speak through it.
class Wire {
 public:
  explicit Wire(const ReassemblyLimits& limits = {})
      : reassembler(
            [this](const ConnectionInfo& info) { return std::make_unique<Recorder>(log, info); },
            limits) {}

  Segment segment(bool from_client, std::uint32_t seq, std::string_view payload) const {
    Segment made;
    made.source = from_client ? client : server;
    made.destination = from_client ? server : client;
    made.seq = seq;
    made.has_ack = true;
    made.ack = from_client ? server_seq : client_seq;
    made.payload = payload;
    made.length = static_cast<std::uint32_t>(payload.size());
    return made;
  }
  void put(const Segment& made) { reassembler.on_segment(made, time += 1ms); }
  void say(std::uint32_t at, std::string_view payload) {
    put(segment(true, client_isn + 1 + at, payload));
  }
  void acknowledge(std::uint32_t upto) {
    Segment made = segment(false, server_isn + 1, {});
    made.ack = client_isn + 1 + upto;
    put(made);
  }
  void open() {
    Segment syn = segment(true, client_isn, {});
    syn.syn = true;
    syn.has_ack = false;
    put(syn);
    Segment answer = segment(false, server_isn, {});
    answer.syn = true;
    answer.ack = client_isn + 1;
    put(answer);
    client_seq = client_isn + 1;
    server_seq = server_isn + 1;
  }
  void fin(bool from_client, std::uint32_t at) {
    Segment made = segment(from_client, (from_client ? client_isn : server_isn) + 1 + at, {});
    made.fin = true;
    put(made);
  }
  std::vector<std::string> told() { return std::exchange(log.lines, {}); }

  Log log;
  Reassembler reassembler;
  Time time{std::chrono::seconds{1'000'000}};
  Endpoint client{Address{}, 40'000};
  Endpoint server{Address{}, 5'050};
  std::uint32_t client_isn = 0xfffffffd;  // wraps with the third byte
  std::uint32_t server_isn = 77;
  std::uint32_t client_seq = 0;
  std::uint32_t server_seq = 0;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("in order, from SYN to FIN, across the wrap of the numbers") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.say(3, "def");
  wire.fin(true, 6);
  wire.fin(false, 0);
  CHECK(wire.told() ==
        Lines{"1 from its start", "1 a abc", "1 a def", "1 a ends", "1 b ends", "1 finished"});
  CHECK(wire.reassembler.stats().delivered_bytes == 6);
}

TEST_CASE("out of order, twice, overlapping: each byte once, the first copy of it") {
  Wire wire;
  wire.open();
  wire.say(6, "ghi");
  wire.say(3, "def");
  wire.say(4, "EFGHIJ");
  wire.say(0, "abc");
  wire.say(0, "ABC");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a def", "1 a ghi", "1 a J"});
  CHECK(wire.reassembler.stats().retransmitted == 1);
  CHECK(wire.reassembler.stats().overlapping == 1);
  CHECK(wire.reassembler.stats().out_of_order == 2);
  CHECK(wire.reassembler.buffered() == 0);
}

TEST_CASE("a hole is told once the other side has acknowledged it, and not at once") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.say(5, "fgh");
  wire.acknowledge(8);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
  wire.reassembler.on_time(wire.time + 300ms);
  CHECK(wire.told() == Lines{"1 a gap of 2", "1 a fgh"});
}

TEST_CASE("what comes late, but before patience ends, leaves no hole") {
  Wire wire;
  wire.open();
  wire.acknowledge(3);
  wire.time += 150ms;
  wire.say(0, "abc");
  wire.reassembler.on_time(wire.time + 300ms);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
}

TEST_CASE("a hole that nobody acknowledged waits longer") {
  Wire wire;
  wire.open();
  wire.say(2, "cd");
  wire.reassembler.on_time(wire.time + 5s);
  CHECK(wire.told().empty());
  wire.reassembler.on_time(wire.time + 11s);
  CHECK(wire.told() == Lines{"1 from its start", "1 a gap of 2", "1 a cd"});
}

TEST_CASE("the end of the capture tells every hole") {
  Wire wire;
  wire.open();
  wire.say(2, "c");
  wire.say(5, "f");
  wire.reassembler.finish(wire.time);
  CHECK(wire.told() ==
        Lines{"1 from its start", "1 a gap of 2", "1 a c", "1 a gap of 2", "1 a f", "1 ended"});
}

TEST_CASE("what is held is bounded: a hole is given up when too much waits behind it") {
  ReassemblyLimits limits;
  limits.buffered_per_direction = 2'000;
  Wire wire(limits);
  wire.open();
  const std::string block(500, 'x');
  for (std::uint32_t at = 100; at < 5'000; at += 500) {
    wire.say(at, block);
    CHECK(wire.reassembler.buffered() <= 2'000 + 700);
  }
  CHECK(wire.reassembler.stats().gaps == 1);
  CHECK(wire.reassembler.stats().gap_bytes == 100);
}

TEST_CASE("of holes that cost too much together, the one that is open for longest is given up") {
  ReassemblyLimits limits;
  limits.buffered = 4'000;
  Wire wire(limits);
  const auto as = [&](std::uint16_t port) { wire.client.port = port; };
  const std::string block(500, 'x');
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{2}}) {
    as(port);
    wire.open();
    wire.say(100, block);
    wire.say(600, block);
  }
  as(3);
  wire.open();
  wire.say(3, "def");
  as(2);
  wire.say(1'100, block);  // what only grows does not move
  CHECK(wire.reassembler.stats().gaps == 0);
  wire.say(1'600, block);
  wire.say(2'100, block);
  CHECK(wire.reassembler.stats().gaps == 1);
  CHECK(wire.reassembler.buffered() <= 4'000);
  as(3);
  wire.say(0, "abc");
  const Lines told = wire.told();
  CHECK(std::count(told.begin(), told.end(), "1 a gap of 100") == 1);
  REQUIRE(told.size() >= 2);
  CHECK(told[told.size() - 2] == "3 a abc");
  CHECK(told.back() == "3 a def");
}

TEST_CASE("a connection met in the middle begins with the first bytes sent, not the first seen") {
  Wire wire;
  wire.client_seq = wire.client_isn + 1;
  wire.server_seq = wire.server_isn + 1;
  wire.say(3, "def");
  wire.say(0, "abc");
  CHECK(wire.told().empty());
  wire.reassembler.on_time(wire.time + 300ms);
  CHECK(wire.told() == Lines{"1 in the middle", "1 a abc", "1 a def"});
  CHECK(wire.reassembler.stats().midstream == 1);
}

TEST_CASE("a SYN that was overtaken by data still is the start") {
  Wire wire;
  wire.server_seq = wire.server_isn + 1;
  wire.say(0, "abc");
  wire.open();
  wire.say(3, "def");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a def"});
}

TEST_CASE("RST closes, after what was under way") {
  Wire wire;
  wire.open();
  Segment rst = wire.segment(true, wire.client_isn + 1, {});
  rst.rst = true;
  wire.put(rst);
  wire.say(0, "abc");
  wire.reassembler.on_time(wire.time + 300ms);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 reset"});
  CHECK(wire.reassembler.stats().resets == 1);
}

TEST_CASE("an RST from far outside of the window is none") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  Segment rst = wire.segment(true, wire.client_isn + 0x7000'0000, {});
  rst.rst = true;
  wire.put(rst);
  wire.reassembler.on_time(wire.time + 1s);
  wire.say(3, "def");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a def"});
  CHECK(wire.reassembler.stats().out_of_window == 1);
}

TEST_CASE("an RST that does not stand where the stream does is none") {
  const auto survives = [](std::uint32_t at) {
    Wire wire;
    wire.open();
    wire.say(0, "abc");
    wire.acknowledge(3);
    wire.say(3, "def");
    wire.say(8, "i");  // "gh" is still to come
    Segment rst = wire.segment(true, wire.client_isn + 1 + at, {});
    rst.rst = true;
    wire.put(rst);
    wire.reassembler.on_time(wire.time + 300ms);
    CHECK(wire.reassembler.stats().resets + wire.reassembler.stats().out_of_window == 1);
    return wire.reassembler.stats().resets == 0;
  };
  CHECK(survives(2));
  CHECK_FALSE(survives(3));
  CHECK_FALSE(survives(9));
  CHECK_FALSE(survives(10));  // behind a FIN that is not in the capture
  CHECK(survives(11));
  CHECK(survives(30'000'000));
}

TEST_CASE("an RST that answers a SYN acknowledges it") {
  for (const bool acknowledges : {true, false}) {
    Wire wire;
    Segment syn = wire.segment(true, wire.client_isn, {});
    syn.syn = true;
    syn.has_ack = false;
    wire.put(syn);
    Segment rst = wire.segment(false, 0, {});
    rst.rst = true;
    rst.has_ack = acknowledges;
    rst.ack = wire.client_isn + 1;
    wire.put(rst);
    CHECK(wire.reassembler.stats().resets == (acknowledges ? 1 : 0));
  }
}

TEST_CASE("the same ports again: a new SYN is a new connection, its copy is not") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.client_isn = 5'000;
  wire.server_isn = 9'000;
  wire.open();
  wire.open();
  wire.say(0, "xyz");
  CHECK(wire.told() ==
        Lines{"1 from its start", "1 a abc", "1 replaced", "2 from its start", "2 a xyz"});
  CHECK(wire.reassembler.stats().reused == 1);
}

TEST_CASE("keep-alives are not data") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.say(2, "?");
  wire.say(2, "");
  wire.say(3, "def");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a def"});
  CHECK(wire.reassembler.stats().keepalives == 2);
}

TEST_CASE("what the snaplen cut is a hole at once") {
  Wire wire;
  wire.open();
  Segment cut = wire.segment(true, wire.client_isn + 1, "abc");
  cut.length = 10;
  wire.put(cut);
  wire.say(10, "klm");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a gap of 7", "1 a klm"});
  CHECK(wire.reassembler.stats().cut == 1);
}

TEST_CASE("copies of a closed connection's segments open nothing") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.fin(true, 3);
  wire.fin(false, 0);
  wire.told();
  wire.say(0, "abc");
  wire.open();
  CHECK(wire.told().empty());
  CHECK(wire.reassembler.stats().connections == 1);
}

TEST_CASE("the connection that was silent for longest is evicted when there are too many") {
  ReassemblyLimits limits;
  limits.connections = 2;
  Wire wire(limits);
  for (std::uint16_t port = 1; port <= 3; ++port) {
    wire.client.port = port;
    wire.open();
    wire.say(0, "x");
  }
  CHECK(wire.told() == Lines{"1 from its start", "1 a x", "2 from its start", "2 a x", "1 evicted",
                             "3 from its start", "3 a x"});
  CHECK(wire.reassembler.stats().evicted == 1);
}

TEST_CASE("a connection that is idle for hours is not forgotten") {
  Wire wire;
  wire.open();
  wire.say(0, "x");
  wire.reassembler.on_time(wire.time += 3h);
  wire.say(1, "y");
  CHECK(wire.told() == Lines{"1 from its start", "1 a x", "1 a y"});
}

TEST_CASE("a hole that the receiver still asks for is waited for") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.say(6, "ghi");
  wire.acknowledge(3);
  wire.reassembler.on_time(wire.time += 61s);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
  wire.say(3, "def");
  CHECK(wire.told() == Lines{"1 a def", "1 a ghi"});
  CHECK(wire.reassembler.stats().gaps == 0);
}

TEST_CASE("a hole of which the receiver says nothing is given up after a while") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.say(6, "ghi");
  wire.reassembler.on_time(wire.time += 9s);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
  wire.reassembler.on_time(wire.time += 2s);
  CHECK(wire.told() == Lines{"1 a gap of 3", "1 a ghi"});
}

TEST_CASE(
    "a challenge ACK of an older connection, and the reset that answers it, count for nothing") {
  Wire wire;
  Segment syn = wire.segment(true, wire.client_isn, {});
  syn.syn = true;
  syn.has_ack = false;
  wire.put(syn);
  Segment challenge = wire.segment(false, 77, {});
  challenge.ack = wire.client_isn + 860'578'524;
  wire.put(challenge);
  Segment reset = wire.segment(true, challenge.ack, {});
  reset.rst = true;
  reset.has_ack = false;
  wire.put(reset);
  wire.reassembler.on_time(wire.time += 1s);
  wire.open();
  wire.say(0, "abc");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
  CHECK(wire.reassembler.stats().connections == 1);
}

TEST_CASE("of two different answers to a SYN the client chooses") {
  for (const bool first : {true, false}) {
    Wire wire;
    Segment syn = wire.segment(true, wire.client_isn, {});
    syn.syn = true;
    syn.has_ack = false;
    wire.put(syn);
    for (const bool counts : {first, !first}) {
      Segment answer = wire.segment(false, wire.server_isn + (counts ? 0 : 16'995'000), {});
      answer.syn = true;
      answer.ack = wire.client_isn + 1;
      wire.put(answer);
    }
    wire.client_seq = wire.client_isn + 1;
    wire.server_seq = wire.server_isn + 1;
    wire.say(0, "abc");
    wire.put(wire.segment(false, wire.server_isn + 1, "xyz"));
    CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 b xyz"});
    CHECK(wire.reassembler.stats().connections == 1);
  }
}

TEST_CASE("what was said after the answer to a SYN that does not count is not held any longer") {
  Wire wire;
  Segment syn = wire.segment(true, wire.client_isn, {});
  syn.syn = true;
  syn.has_ack = false;
  wire.put(syn);
  for (const std::uint32_t isn : {wire.server_isn + 16'995'000, wire.server_isn}) {
    Segment answer = wire.segment(false, isn, {});
    answer.syn = true;
    answer.ack = wire.client_isn + 1;
    wire.put(answer);
  }
  wire.client_seq = wire.client_isn + 1;
  wire.server_seq = wire.server_isn + 1;
  wire.put(wire.segment(false, wire.server_isn + 16'995'000 + 11, "xyz"));
  CHECK(wire.reassembler.buffered() > 0);
  wire.say(0, "abc");
  CHECK(wire.reassembler.buffered() == 0);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc"});
}

TEST_CASE("data may come with the SYN") {
  Wire wire;
  Segment syn = wire.segment(true, wire.client_isn, "abc");
  syn.syn = true;
  syn.has_ack = false;
  wire.put(syn);
  Segment answer = wire.segment(false, wire.server_isn, {});
  answer.syn = true;
  answer.ack = wire.client_isn + 4;
  wire.put(answer);
  wire.server_seq = wire.server_isn + 1;
  wire.say(3, "def");
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 a def"});
  CHECK(wire.reassembler.stats().connections == 1);
}

TEST_CASE("a FIN that was acknowledged but not captured is no lost byte") {
  Wire wire;
  wire.open();
  wire.say(0, "abc");
  wire.acknowledge(4);
  wire.reassembler.on_time(wire.time + 1s);
  wire.reassembler.finish(wire.time + 2s);
  CHECK(wire.told() == Lines{"1 from its start", "1 a abc", "1 ended"});
}

}  // namespace capture_reassembly_test
