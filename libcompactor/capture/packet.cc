#include "capture/packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

namespace compactor::capture {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

Address Address::v4(const std::uint8_t* four) {
  Address address;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
  std::copy(four, four + 4, address.bytes.begin() + kMappedPrefix.size());
  return address;
}

Address Address::v6(const std::uint8_t* sixteen) {
  Address address;
  std::copy(sixteen, sixteen + 16, address.bytes.begin());
  return address;
}

bool Address::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

std::string Address::str() const {
  char text[INET6_ADDRSTRLEN];
  if (is_v4()) return inet_ntop(AF_INET, bytes.data() + kMappedPrefix.size(), text, sizeof text);
  return std::string("[") + inet_ntop(AF_INET6, bytes.data(), text, sizeof text) + "]";
}

std::string Endpoint::str() const {
  return address.str() + ":" + std::to_string(port);
}

std::string_view to_string(Packet what) {
  constexpr std::string_view kWords[] = {"tcp", "fragment", "malformed",     "cut",
                                         "udp", "icmp",     "sctp",          "arp",
                                         "esp", "macsec",   "other over IP", "other"};
  static_assert(std::size(kWords) == static_cast<std::size_t>(Packet::count));
  return kWords[static_cast<std::size_t>(what)];
}

}  // namespace compactor::capture
