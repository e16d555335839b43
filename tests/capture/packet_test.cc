#include <doctest/doctest.h>

#include <string>

#include "capture/dissector.h"
#include "support/mangle.h"

namespace capture_packet_test {

using namespace compactor::capture;  // NOLINT
using capture_test::Frame;
using capture_test::LinkLayer;
using capture_test::put_together;
using capture_test::RawCapture;
using capture_test::TcpPacket;

namespace {

constexpr std::uint8_t kOne[] = {10, 0, 0, 1};
constexpr std::uint8_t kTwo[] = {10, 0, 0, 2};

RawCapture packet(const Frame& frame = {}) {
  return put_together({TcpPacket{{},
                                 {Address::v4(kOne), 1111},
                                 {Address::v4(kTwo), 2222},
                                 5,
                                 6,
                                 false,
                                 true,
                                 false,
                                 true,
                                 "payload"}},
                      frame);
}

Packet decode(int link_type, std::string_view bytes, std::size_t wire_length, Segment& segment) {
  return Dissector().read(link_type, bytes, wire_length, Time{}, segment);
}

}  // namespace

TEST_CASE("addresses as text") {
  Address six;
  six.bytes[15] = 1;
  CHECK(Endpoint{Address::v4(kOne), 80}.str() == "10.0.0.1:80");
  CHECK(Endpoint{six, 80}.str() == "[::1]:80");
  CHECK(Address::v4(kOne).is_v4());
  CHECK_FALSE(six.is_v4());
}

TEST_CASE("a segment, its padding left out") {
  const RawCapture capture = packet({LinkLayer::ethernet, false, true, true});
  Segment segment;
  const std::string& bytes = capture.packets[0].bytes;
  REQUIRE(decode(capture.link_type, bytes, bytes.size(), segment) == Packet::tcp);
  CHECK(segment.source.str() == "10.0.0.1:1111");
  CHECK(segment.destination.str() == "10.0.0.2:2222");
  CHECK(segment.seq == 5);
  CHECK(segment.ack == 6);
  CHECK(segment.fin);
  CHECK(segment.has_ack);
  CHECK_FALSE(segment.syn);
  CHECK_FALSE(segment.rst);
  CHECK(segment.payload == "payload");
  CHECK(segment.length == 7);
}

TEST_CASE(
    "every shorter capture of a packet is cut or has less payload, and never reads past its end") {
  for (const LinkLayer link : capture_test::kLinkLayers) {
    for (const bool ipv6 : {false, true}) {
      const RawCapture capture = packet({link, ipv6, true, false});
      const std::string& bytes = capture.packets[0].bytes;
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::string part = bytes.substr(0, size);
        Segment segment;
        const Packet what = decode(capture.link_type, part, bytes.size(), segment);
        CAPTURE(size);
        const bool cut =
            what == Packet::cut ||
            (what == Packet::tcp && segment.payload.size() < segment.length && segment.length == 7);
        CHECK(cut);
      }
    }
  }
}

TEST_CASE("fragments, other protocols and lengths that lie are told apart") {
  const RawCapture capture = packet();
  const auto with = [&](std::size_t at, char value) {
    std::string bytes = capture.packets[0].bytes;
    bytes[at] = value;
    Segment segment;
    return decode(1, bytes, bytes.size(), segment);
  };
  CHECK(with(14 + 6, 0x20) == Packet::fragment);  // more to follow
  CHECK(with(14 + 7, 1) == Packet::fragment);     // an offset
  CHECK(with(14 + 6, 0x40) == Packet::tcp);       // "don't fragment" makes none
  CHECK(with(14 + 9, 17) == Packet::udp);
  CHECK(with(13, 6) == Packet::arp);
  CHECK(with(14, 0x41) == Packet::malformed);             // an IP header of 4 bytes
  CHECK(with(14, 0x65) == Packet::malformed);             // IPv6 in an IPv4 frame
  CHECK(with(14 + 3, 10) == Packet::malformed);           // a total shorter than the header
  CHECK(with(34 + 12, 0x10) == Packet::malformed);        // a TCP header of 4 bytes
  CHECK(with(34 + 12, char(0xf0)) == Packet::malformed);  // … and one longer than the packet
  Segment segment;
  CHECK(decode(147, capture.packets[0].bytes, 100, segment) == Packet::link);
  CHECK_FALSE(is_known_link_type(147));
}

TEST_CASE("a total length beyond the captured bytes is a cut packet") {
  std::string bytes = packet().packets[0].bytes;
  bytes[14 + 2] = 1;  // 256 bytes more
  Segment segment;
  REQUIRE(decode(1, bytes, bytes.size(), segment) == Packet::tcp);
  CHECK(segment.payload == "payload");
  CHECK(segment.length == 7 + 256);
}

}  // namespace capture_packet_test
