// From secrets to the keys of records: RFC 5246 §5, §6.3 and §8.1 (and RFC 2246 before it), RFC
// 7627, RFC 8446 §7. Digests go by the names that OpenSSL has for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "decrypt/suite.h"

namespace compactor::decrypt {

/// Of the records of one direction.
struct TrafficKeys {
  std::string mac;  // empty where the cipher authenticates
  std::string key;
  std::string iv;  // or what of it does not stand in the record
};

struct KeyBlock {
  TrafficKeys client;
  TrafficKeys server;
};

/// What a secret is mixed with.
struct Seed {
  std::string_view label;
  std::string_view bytes;
};

std::string digest_of(const char* digest, std::string_view bytes);
std::string hmac(const char* digest, std::string_view key, std::string_view bytes);
/// The pseudo-random function of TLS 1.2, and of older versions ("MD5-SHA1").
std::string prf(const char* digest, std::string_view secret, Seed seed, std::size_t size);
/// HKDF-Expand-Label of TLS 1.3, with an empty context.
std::string expand_label(const char* digest, std::string_view secret, std::string_view label,
                         std::size_t size);

/// The digest of prf() for this suite in this version.
const char* prf_digest(const Suite& suite, std::uint16_t version);

std::string master_secret(const char* digest, std::string_view premaster,
                          std::string_view client_random, std::string_view server_random);
/// `messages`: of the handshake, up to ClientKeyExchange.
std::string extended_master_secret(const char* digest, std::string_view premaster,
                                   std::string_view messages);
KeyBlock key_block(const Suite& suite, std::uint16_t version, std::string_view master,
                   std::string_view client_random, std::string_view server_random);

/// Of a traffic secret of TLS 1.3.
TrafficKeys traffic_keys(const Suite& suite, std::string_view secret);
/// The traffic secret after a KeyUpdate.
std::string next_traffic_secret(const Suite& suite, std::string_view secret);

}  // namespace compactor::decrypt
