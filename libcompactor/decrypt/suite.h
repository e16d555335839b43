// The cipher suites: what they are called, and what one has to know of them to open records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace compactor::decrypt {

enum class KeyExchange : std::uint8_t {
  rsa,        // the client encrypts a secret for the server's key
  ephemeral,  // Diffie-Hellman: no key that anybody keeps opens it
};

enum class Protection : std::uint8_t { none, cbc, gcm, chacha20 };

struct Suite {
  std::uint16_t id = 0;
  const char* name = "";  // as OpenSSL has it, and LIBPROCESS_SSL_CIPHERS
  KeyExchange key_exchange = KeyExchange::rsa;
  Protection protection = Protection::none;  // none: not supported
  const char* cipher = "";                   // as OpenSSL calls it
  std::size_t key_size = 0;
  const char* mac = "";  // the digest of cbc
  const char* prf = "";  // the digest of the key schedule, from TLS 1.2 on
};

/// Null when it is not known.
const Suite* find_suite(std::uint16_t id);
/// Its number when it is not known.
std::string suite_name(std::uint16_t id);

}  // namespace compactor::decrypt
