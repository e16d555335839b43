// Packets under tunnels, in fragments, cut and malformed.
#include "capture/dissector.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/mangle.h"

namespace capture_dissector_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using capture_test::LinkLayer;
using capture_test::put_together;
using capture_test::Random;
using capture_test::TcpPacket;

namespace {

constexpr int kEthernet = 1;
constexpr int kRaw = 12;
constexpr std::uint8_t kOne[] = {10, 0, 0, 1};
constexpr std::uint8_t kTwo[] = {10, 0, 0, 2};

std::string bytes(std::initializer_list<int> values) {
  std::string all;
  for (const int value : values) all += static_cast<char>(value);
  return all;
}

std::string big16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// A TCP segment with this payload, from its IP header on.
std::string inner_ip(const std::string& payload, bool v6 = false) {
  const TcpPacket packet{
      {},     {Address::v4(kOne), 1111}, {Address::v4(kTwo), 2222}, 5, 6, false, false, false, true,
      payload};
  return put_together({packet}, {LinkLayer::raw, v6, false, false}).packets[0].bytes;
}

std::string ethernet(unsigned type, const std::string& payload) {
  return std::string(12, '\2') + big16(type) + payload;
}

std::string ipv4(int protocol, const std::string& payload, unsigned id = 7, unsigned fragment = 0) {
  return bytes({0x45, 0}) + big16(20 + payload.size()) + big16(id) + big16(fragment) +
         bytes({64, protocol, 0, 0, 172, 16, 0, 1, 172, 16, 0, 2}) + payload;
}

std::string ipv6(int next, const std::string& payload) {
  return bytes({0x60, 0, 0, 0}) + big16(payload.size()) + bytes({next, 64}) +
         std::string(32, '\x20') + payload;
}

std::string udp(unsigned port, const std::string& payload) {
  return big16(50'000) + big16(port) + big16(8 + payload.size()) + big16(0) + payload;
}

std::string gre(unsigned flags, unsigned type, const std::string& payload) {
  std::string header = big16(flags) + big16(type);
  for (const unsigned flag : {0x8000U, 0x2000U, 0x1000U})
    if ((flags & flag) != 0) header += std::string(4, '\1');
  return header + payload;
}

struct Reading {
  Packet what = Packet::malformed;
  std::string payload;
  std::string source;
};

Reading read(Dissector& dissector, int link_type, const std::string& packet, Time time = Time{},
             std::size_t wire = 0) {
  Segment segment;
  Reading reading;
  reading.what = dissector.read(link_type, packet, std::max(wire, packet.size()), time, segment);
  if (reading.what != Packet::tcp) return reading;
  reading.payload = segment.payload;
  reading.source = segment.source.str();
  return reading;
}

Reading read(int link_type, const std::string& packet) {
  Dissector dissector;
  return read(dissector, link_type, packet);
}

/// In so many pieces, each a multiple of eight bytes but the last.
std::vector<std::string> in_pieces(const std::string& payload, std::size_t size, unsigned id) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < payload.size(); at += size) {
    const bool last = at + size >= payload.size();
    pieces.push_back(ipv4(6, payload.substr(at, size), id,
                          static_cast<unsigned>(at / 8) | (last ? 0U : 0x2000U)));
  }
  return pieces;
}

}  // namespace

TEST_CASE("what is inside a tunnel is read, whatever the tunnel") {
  const std::string ip4 = inner_ip("payload");
  const std::string ip6 = inner_ip("payload", true);
  const std::string frame = ethernet(0x0800, ip4);
  const std::string vxlan = bytes({8, 0, 0, 0, 0, 0, 5, 0});
  const std::pair<std::string, std::string> all[] = {
      {"vxlan", ethernet(0x0800, ipv4(17, udp(4789, vxlan + frame)))},
      {"vxlan over IPv6", ethernet(0x86dd, ipv6(17, udp(8472, vxlan + frame)))},
      {"vxlan-gpe",
       ethernet(0x0800, ipv4(17, udp(4790, bytes({0x0c, 0, 0, 1, 0, 0, 5, 0}) + ip4)))},
      {"geneve", ethernet(0x0800, ipv4(17, udp(6081, bytes({2, 0, 0x65, 0x58, 0, 0, 1, 0}) +
                                                         std::string(8, '\1') + frame)))},
      {"gre", ethernet(0x0800, ipv4(47, gre(0, 0x0800, ip4)))},
      {"gre with all fields", ethernet(0x0800, ipv4(47, gre(0xb000, 0x86dd, ip6)))},
      {"gre with Ethernet", ethernet(0x0800, ipv4(47, gre(0x2000, 0x6558, frame)))},
      {"erspan 1", ethernet(0x0800, ipv4(47, gre(0, 0x88be, frame)))},
      {"erspan 2", ethernet(0x0800, ipv4(47, gre(0x1000, 0x88be, std::string(8, '\x10') + frame)))},
      {"erspan 3",
       ethernet(0x0800, ipv4(47, gre(0x1000, 0x22eb, std::string(12, '\x20') + frame)))},
      {"ipip", ethernet(0x0800, ipv4(4, ip4))},
      {"6in4", ethernet(0x0800, ipv4(41, ip6))},
      {"4in6", ethernet(0x86dd, ipv6(4, ip4))},
      {"mpls", ethernet(0x8847, bytes({0, 1, 0, 64, 0, 2, 1, 64}) + ip4)},
      {"mpls, pseudowire", ethernet(0x8847, bytes({0, 2, 1, 64, 0, 0, 0, 0}) + frame)},
      {"mpls, pseudowire without a control word", ethernet(0x8847, bytes({0, 2, 1, 64}) + frame)},
      {"mpls in UDP", ethernet(0x0800, ipv4(17, udp(6635, bytes({0, 2, 1, 64}) + ip4)))},
      {"pppoe",
       ethernet(0x8864, bytes({0x11, 0, 0, 1}) + big16(ip4.size() + 2) + bytes({0, 0x21}) + ip4)},
      {"llc snap", ethernet(8 + static_cast<unsigned>(ip4.size()),
                            bytes({0xaa, 0xaa, 3, 0, 0, 0, 8, 0}) + ip4)},
      {"three VLAN tags",
       ethernet(0x88a8, bytes({0, 1, 0x91, 0, 0, 2, 0x81, 0, 0, 3, 8, 0}) + ip4)},
      {"gtp-u", ethernet(0x0800, ipv4(17, udp(2152, bytes({0x30, 0xff, 0, 0, 0, 0, 0, 1}) + ip4)))},
      {"gtp-u with an extension",
       ethernet(0x0800, ipv4(17, udp(2152, bytes({0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0,
                                                  0, 0}) +
                                               ip4)))},
      {"etherip", ethernet(0x0800, ipv4(97, bytes({0x30, 0}) + frame))},
      {"tunnel in tunnel",
       ethernet(0x0800,
                ipv4(47, gre(0, 0x0800,
                             ipv4(17, udp(4789,
                                          vxlan + ethernet(0x8100, bytes({0, 1, 8, 0}) + ip4))))))},
  };
  for (const auto& [title, packet] : all) {
    const std::string& name = title;
    CAPTURE(name);
    const Reading reading = read(kEthernet, packet);
    CHECK(to_string(reading.what) == "tcp");
    CHECK(reading.payload == "payload");
    CHECK(reading.source.ends_with(":1111"));
    // Cut anywhere it is cut, or the payload is shorter; never something else.
    for (std::size_t size = 0; size < packet.size(); ++size) {
      Dissector dissector;
      const Reading cut = read(dissector, kEthernet, packet.substr(0, size), Time{}, packet.size());
      const bool honest =
          cut.what == Packet::cut || (cut.what == Packet::tcp && cut.payload.size() < 7);
      CHECK(honest);
    }
  }
}

TEST_CASE("PPP and NFLOG as link layers") {
  const std::string ip = inner_ip("payload");
  CHECK(read(9, bytes({0xff, 3, 0, 0x21}) + ip).payload == "payload");
  CHECK(read(9, bytes({0x21}) + ip).payload == "payload");
  const std::string attribute = bytes({8, 0, 1, 0, 8, 0, 1, 0});
  CHECK(read(239, bytes({2, 0, 0, 0}) + attribute +
                      bytes({static_cast<int>(ip.size() + 4), 0, 9, 0}) + ip)
            .payload == "payload");
}

TEST_CASE("what is not looked into is named") {
  CHECK(read(kEthernet, ethernet(0x0806, std::string(28, 'a'))).what == Packet::arp);
  CHECK(read(kEthernet, ethernet(0x88e5, std::string(28, 'a'))).what == Packet::macsec);
  CHECK(read(kEthernet, ethernet(0x88cc, "lldp")).what == Packet::link);
  CHECK(read(kEthernet, ethernet(0x0800, ipv4(50, "encrypted"))).what == Packet::esp);
  CHECK(read(kEthernet, ethernet(0x0800, ipv4(1, "echo"))).what == Packet::icmp);
  CHECK(read(kEthernet, ethernet(0x0800, ipv4(132, "sctp"))).what == Packet::sctp);
  CHECK(read(kEthernet, ethernet(0x0800, ipv4(17, udp(53, "dns")))).what == Packet::udp);
  CHECK(read(kEthernet, ethernet(0x0800, ipv4(89, "ospf"))).what == Packet::ip);
}

TEST_CASE("tunnels without end are malformed") {
  std::string packet = inner_ip("payload");
  for (int i = 0; i < 200; ++i) packet = ipv4(4, packet);
  CHECK(read(kRaw, packet).what == Packet::malformed);
}

TEST_CASE("fragments are put together, in any order, copies and overlaps included") {
  const std::string body = inner_ip(std::string(3'000, 'x') + "end").substr(20);
  std::vector<std::string> pieces = in_pieces(body, 504, 9);
  const std::vector<std::string> small = in_pieces(body, 248, 9);
  pieces.insert(pieces.end(), small.begin(), small.end() - 1);
  for (unsigned seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::shuffle(pieces.begin(), pieces.end(), random);
    Dissector dissector;
    std::size_t complete = 0;
    for (const std::string& piece : pieces) {
      const Reading reading = read(dissector, kRaw, piece);
      if (reading.what != Packet::tcp) continue;
      ++complete;
      CHECK(reading.payload == std::string(3'000, 'x') + "end");
    }
    CHECK(complete >= 1);
  }
}

TEST_CASE("fragments of IPv6") {
  const std::string body = inner_ip("a payload of more than eight bytes", true).substr(40);
  const auto piece = [&](std::size_t at, std::size_t size, bool last) {
    return ipv6(44, bytes({6, 0}) + big16(at | (last ? 0U : 1U)) + bytes({0, 0, 0, 1}) +
                        body.substr(at, size));
  };
  Dissector dissector;
  CHECK(read(dissector, kRaw, piece(24, 99, true)).what == Packet::fragment);
  CHECK(dissector.fragments_left_out() == 1);
  CHECK(read(dissector, kRaw, piece(0, 24, false)).payload == "a payload of more than eight bytes");
  CHECK(dissector.fragments_left_out() == 0);
}

TEST_CASE("fragments that are cut by the snaplen give what there is") {
  const std::string body = inner_ip(std::string(1'000, 'x')).substr(20);
  const std::vector<std::string> pieces = in_pieces(body, 504, 9);
  Dissector dissector;
  read(dissector, kRaw, pieces[0].substr(0, 300), Time{}, pieces[0].size());
  Segment segment;
  read(dissector, kRaw, pieces[1]);
  REQUIRE(dissector.read(kRaw, pieces[2], pieces[2].size(), Time{}, segment) == Packet::tcp);
  CHECK(segment.length == 1'000);
  CHECK(segment.payload.size() == 300 - 20 - 24);
}

TEST_CASE("fragments are bounded in memory and in time, and counted when they are given up") {
  Dissector dissector;
  const Time start{std::chrono::seconds{1'000}};
  for (unsigned id = 0; id < 60'000; ++id)
    read(dissector, kRaw, ipv4(6, std::string(1'400, 'x'), id, 0x2000), start);
  CHECK(dissector.fragments_left_out() == 60'000);
  read(dissector, kRaw, ipv4(6, std::string(16, 'x'), 1, 0x2000), start + 120s);
  CHECK(dissector.fragments_left_out() == 60'001);
  // A piece that would reach beyond the largest packet.
  CHECK(read(dissector, kRaw, ipv4(6, std::string(64, 'x'), 2, 0x1fff)).what == Packet::fragment);
}

TEST_CASE("fragments that go on behind the last one, and one between others that are known") {
  FragmentAssembler assembler;
  ByteView payload;
  std::uint8_t protocol = 0;
  const std::string text(64, 'x');
  const auto add = [&](std::size_t offset, std::size_t size, bool last) {
    Fragment piece;
    piece.offset = offset;
    piece.last = last;
    piece.payload = {std::string_view(text).substr(0, size), size};
    return assembler.add(piece, Time{}, payload, protocol);
  };
  CHECK_FALSE(add(8, 8, false));
  CHECK_FALSE(add(24, 32, false));
  CHECK_FALSE(add(8, 48, false));  // what is new of it stands at two places
  CHECK(assembler.left_out() == 3);
  CHECK_FALSE(add(32, 8, true));  // the end is at 40, and 56 bytes are known
  CHECK(assembler.left_out() == 4);
  CHECK(add(0, 8, false));
  CHECK(payload.wire == 40);
  CHECK(payload.bytes.size() == 40);
  CHECK(assembler.left_out() == 0);
  CHECK(assembler.memory() == 0);
}

TEST_CASE(
    "empty fragments are given up at once, and each packet that is not complete costs memory") {
  Dissector dissector;
  for (unsigned id = 0; id < 1'000; ++id) {
    read(dissector, kRaw, ipv4(6, "", id, 0x2000));
    read(dissector, kRaw, ipv4(6, "", id, 3));
  }
  CHECK(dissector.fragments_left_out() == 2'000);

  FragmentAssembler assembler;
  ByteView payload;
  std::uint8_t protocol = 0;
  Fragment piece;
  piece.payload = {"12345678", 8};
  std::size_t most = 0;
  for (; piece.id < 100'000; ++piece.id) {
    CHECK_FALSE(assembler.add(piece, Time{}, payload, protocol));
    if (piece.id == 0) CHECK(assembler.memory() > 300);
    most = std::max(most, assembler.memory());
  }
  CHECK(most <= (std::size_t{8} << 20) + 1'000);
  CHECK(assembler.left_out() == 100'000);
  piece.payload = {};
  const std::size_t before = assembler.memory();
  for (; piece.id < 101'000; ++piece.id) assembler.add(piece, Time{}, payload, protocol);
  CHECK(assembler.memory() <= before);
}

}  // namespace capture_dissector_test
