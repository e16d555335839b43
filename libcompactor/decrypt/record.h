// What the parts of this room call the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace compactor::decrypt {

/// Which end of a connection.
enum class Role : std::uint8_t { client, server };

constexpr Role other(Role role) {
  return role == Role::client ? Role::server : Role::client;
}
constexpr std::size_t index(Role role) {
  return static_cast<std::size_t>(role);
}

enum class ContentType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application = 23,
  heartbeat = 24,
};

// Versions, as they stand on the wire.
constexpr std::uint16_t kSsl3 = 0x0300;
constexpr std::uint16_t kTls10 = 0x0301;
constexpr std::uint16_t kTls11 = 0x0302;
constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;

/// One of the record layer (RFC 8446 §5.1). The payload is valid only as long as whoever hands it
/// out says.
struct Record {
  ContentType type = ContentType::application;
  std::uint16_t version = 0;
  std::string_view payload;
};

constexpr std::size_t kRecordHeaderSize = 5;
/// Of a payload: 2^14 bytes of content, and 2048 that its protection may add (RFC 5246 §6.2.3).
constexpr std::size_t kMostPayload = (std::size_t{1} << 14) + 2048;

}  // namespace compactor::decrypt
