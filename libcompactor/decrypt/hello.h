// The two messages that a handshake begins with (RFC 5246 §7.4.1, RFC 8446 §4.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace compactor::decrypt {

constexpr std::size_t kRandomSize = 32;

struct ClientHello {
  std::uint16_t version = 0;  // that the premaster secret begins with
  std::uint16_t highest = 0;  // of the versions on offer
  std::string random;
  std::string server_name;  // as the client says it; empty when it does not
  bool early_data = false;
};

struct ServerHello {
  std::uint16_t version = 0;  // chosen
  std::string random;
  std::uint16_t suite = 0;
  bool compressed = false;
  bool encrypt_then_mac = false;
  bool extended_master_secret = false;
  bool is_retry = false;  // it asks for another ClientHello
};

/// Of the body of the message; nothing when it is none.
std::optional<ClientHello> read_client_hello(std::string_view body);
std::optional<ServerHello> read_server_hello(std::string_view body);

/// "TLSv1.2"; empty when there is no such version.
std::string_view version_name(std::uint16_t version);

}  // namespace compactor::decrypt
