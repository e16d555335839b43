// Packets under any tunnels, in fragments, with damage on the way: never a crash, never a byte that
// was not captured, and no more memory than is meant for fragments. With clang: libFuzzer;
// everywhere: driver.cc.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "capture/dissector.h"

namespace {

using namespace compactor::capture;  // NOLINT

void check(bool holds) {
  if (!holds) std::abort();
}

/// Wraps the input, piece by piece, into layers; its first two bytes decide into which.
class Wrapper {
 public:
  explicit Wrapper(std::string_view input)
      : rest_(input.substr(std::min<std::size_t>(2, input.size()))) {
    std::uint32_t seed = 1;
    for (const char c : input.substr(0, 2)) seed = seed * 256 + static_cast<std::uint8_t>(c);
    random_.seed(seed);
  }

  bool ended() const { return rest_.empty(); }
  std::uint32_t below(std::size_t bound) {
    return static_cast<std::uint32_t>(random_() % std::max<std::size_t>(bound, 1));
  }

  /// Packets of raw IP (DLT_RAW) or Ethernet: one, or its fragments.
  std::vector<std::string> next(bool ethernet_outside) {
    const auto piece = rest_.substr(0, 1 + below(600));
    rest_.remove_prefix(piece.size());
    std::string packet = ip(6, tcp(piece));
    for (auto layers = below(30) == 0 ? 40 : below(5); layers > 0; --layers)
      packet = ip(outer(packet));
    auto pieces = below(3) == 0 ? fragments(packet) : std::vector<std::string>{packet};
    for (auto& each : pieces) {
      if (ethernet_outside) each = ethernet(each);
      damage(each);
    }
    return pieces;
  }

 private:
  /// What is inside an IP packet, and of which protocol.
  struct Payload {
    unsigned protocol;
    std::string bytes;
  };

  static std::string big(std::uint32_t value, int size) {
    std::string bytes;
    for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> 8 * i & 0xff);
    return bytes;
  }
  static std::string big16(std::size_t value) { return big(static_cast<std::uint32_t>(value), 2); }

  std::string tcp(std::string_view payload) {
    return big16(1000) + big16(2000) + big(below(100'000), 4) + big(5, 4) + big(0x50100000U, 4) +
           big(0, 4) + std::string(payload);
  }
  std::string ip(unsigned protocol, const std::string& payload) { return ip({protocol, payload}); }
  std::string ip(const Payload& payload) {
    if (below(4) == 0) return ipv6(payload);
    return ipv4(payload, 7, 0);
  }
  static std::string ipv4(const Payload& payload, std::uint32_t id, std::size_t fragment) {
    return "\x45" + std::string(1, '\0') + big16(20 + payload.bytes.size()) + big16(id) +
           big16(fragment) + "\x40" + static_cast<char>(payload.protocol) + big16(0) +
           std::string("\x0a\x00\x00\x01\x0a\x00\x00\x02", 8) + payload.bytes;
  }
  std::string ipv6(const Payload& payload) {
    Payload inside = payload;
    for (auto headers = below(3); headers > 0; --headers)
      inside = {60, static_cast<char>(inside.protocol) + std::string(7, '\0') + inside.bytes};
    return big(0x60000000U, 4) + big16(inside.bytes.size()) + static_cast<char>(inside.protocol) +
           '\x40' + std::string(32, '\x20') + inside.bytes;
  }
  std::string ethernet(const std::string& packet) {
    std::string type = (packet[0] >> 4 & 15) == 6 ? big16(0x86dd) : big16(0x0800);
    for (auto tags = below(4); tags > 0; --tags) type = big16(0x8100) + big16(5) + type;
    if (below(8) == 0) return std::string(12, '\2') + big16(0x8847) + big(0x100, 4) + packet;
    if (below(8) == 0)
      return std::string(12, '\2') + big16(8 + packet.size()) +
             std::string("\xaa\xaa\x03\0\0\0", 6) + type + packet;
    return std::string(12, '\2') + type + packet;
  }
  static std::string udp(unsigned port, const std::string& payload) {
    return big16(50'000) + big16(port) + big16(8 + payload.size()) + big16(0) + payload;
  }
  Payload outer(const std::string& packet) {
    const bool v6 = (packet[0] >> 4 & 15) == 6;
    const unsigned type = v6 ? 0x86dd : 0x0800;
    switch (below(9)) {
      case 0:
        return {v6 ? 41U : 4U, packet};
      case 1:
        return {47, big16(0) + big16(type) + packet};
      case 2:
        return {47, big16(0x2000) + big16(0x6558) + big(1, 4) + ethernet(packet)};
      case 3:
        return {47, big16(0x1000) + big16(0x88be) + big(1, 4) + big(0, 4) + big(0, 4) +
                        ethernet(packet)};
      case 4:
        return {17, udp(4789, std::string("\x08\0\0\0\0\0\5\0", 8) + ethernet(packet))};
      case 5:
        return {17, udp(6081, std::string("\x02\0\x65\x58\0\0\1\0", 8) + std::string(8, '\1') +
                                  ethernet(packet))};
      case 6:
        return {17, udp(2152, "\x30\xff" + big16(packet.size()) + big(1, 4) + packet)};
      case 7:
        return {137, big(0x00001140U, 4) + packet};
      default:
        return {17,
                udp(4790, std::string("\x0c\0\0", 3) + (v6 ? '\2' : '\1') + big(5, 4) + packet)};
    }
  }

  /// The payload of an IPv4 packet in pieces, some twice, some never, in any order.
  std::vector<std::string> fragments(const std::string& packet) {
    if ((packet[0] >> 4 & 15) != 4) return {packet};
    const unsigned protocol = static_cast<std::uint8_t>(packet[9]);
    const auto payload = packet.substr(20);
    const std::size_t step = 8 * (std::size_t{1} + below(20));
    const auto id = below(20) == 0 ? 7 : ++last_id_;
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < payload.size(); at += step) {
      const bool last = at + step >= payload.size();
      if (below(200) == 0) continue;
      pieces.push_back(ipv4({protocol, payload.substr(at, below(10) == 0 ? step + 8 : step)}, id,
                            at / 8 | (last ? 0 : 0x2000)));
      if (below(20) == 0) pieces.push_back(pieces.back());
    }
    if (below(2) == 0) std::shuffle(pieces.begin(), pieces.end(), random_);
    return pieces;
  }

  void damage(std::string& packet) {
    for (auto times = below(6) == 0 ? 1 + below(4) : 0; times > 0 && !packet.empty(); --times)
      packet[below(packet.size())] = static_cast<char>(random_());
    if (below(10) == 0) packet.resize(below(packet.size() + 1));
  }

  std::string_view rest_;
  std::minstd_rand random_;
  std::uint32_t last_id_ = 100;
};

/// What is handed out was captured: whoever reads it reads memory that is there.
void touch(std::string_view payload) {
  unsigned sum = 0;
  for (const char c : payload) sum += static_cast<std::uint8_t>(c);
  volatile unsigned kept = sum;
  static_cast<void>(kept);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array raw_links{12, 0, 9, 239, 113, 276};
  Wrapper wrapper({reinterpret_cast<const char*>(data), size});  // NOLINT: bytes are bytes
  Dissector dissector;
  Time time{std::chrono::seconds{1'000}};
  std::uint64_t packets = 0;
  std::size_t total = 0;
  while (!wrapper.ended()) {
    const bool ethernet = wrapper.below(2) == 0;
    for (const auto& packet : wrapper.next(ethernet)) {
      const int link = ethernet                ? link_ethernet
                       : wrapper.below(8) != 0 ? 12
                                               : raw_links[wrapper.below(raw_links.size())];
      time += std::chrono::milliseconds{wrapper.below(100) == 0 ? 60'000 : 1};
      Segment segment;
      ++packets;
      total += packet.size();
      const std::size_t missing = wrapper.below(5) == 0 ? wrapper.below(10) : 0;
      const auto wire = packet.size() + missing;
      if (dissector.read(link, packet, wire, time, segment) != Packet::tcp) continue;
      check(segment.payload.size() <= total);  // of this packet, or of the pieces so far
      touch(segment.payload);
    }
  }
  check(dissector.fragments_left_out() <= packets);
  return 0;
}
