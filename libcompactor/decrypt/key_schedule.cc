#include "decrypt/key_schedule.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "decrypt/byte_reader.h"
#include "decrypt/record.h"

namespace compactor::decrypt {
namespace {

constexpr const char* kOldDigest = "MD5-SHA1";
constexpr std::size_t kMasterSize = 48;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kGcmSaltSize = 4;  // of the nonce, what does not stand in the record
constexpr std::size_t kBlockSize = 16;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());  // NOLINT: bytes are bytes
}

/// P_hash of RFC 5246 §5.
std::string p_hash(const char* digest, std::string_view secret, std::string_view seed,
                   std::size_t size) {
  std::string out;
  std::string a(seed);
  while (out.size() < size) {
    a = hmac(digest, secret, a);
    if (a.empty()) return {};
    out += hmac(digest, secret, a + std::string(seed));
  }
  out.resize(size);
  return out;
}

std::size_t mac_key_size(const Suite& suite) {
  const std::string_view mac = suite.mac;
  if (mac == "SHA1") return 20;
  if (mac == "SHA256") return 32;
  return mac == "SHA384" ? 48 : 0;
}

/// What of the initial vector comes from the key block.
std::size_t fixed_iv_size(const Suite& suite, std::uint16_t version) {
  if (suite.protection == Protection::gcm) return kGcmSaltSize;
  if (suite.protection == Protection::chacha20) return kNonceSize;
  return version <= kTls10 ? kBlockSize : 0;
}

}  // namespace

std::string digest_of(const char* digest, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  std::size_t size = 0;
  if (EVP_Q_digest(nullptr, digest, nullptr, raw(bytes), bytes.size(), out.data(), &size) != 1)
    return {};
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string hmac(const char* digest, std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  std::size_t size = 0;
  const unsigned char* made =
      EVP_Q_mac(nullptr, "HMAC", nullptr, digest, nullptr, raw(key), key.size(), raw(bytes),
                bytes.size(), out.data(), out.size(), &size);
  if (made == nullptr) return {};
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string prf(const char* digest, std::string_view secret, Seed seed, std::size_t size) {
  const std::string all = std::string(seed.label).append(seed.bytes);
  if (std::string_view(digest) != kOldDigest) return p_hash(digest, secret, all, size);
  const std::size_t half = (secret.size() + 1) / 2;  // of an odd one both have the middle
  std::string out = p_hash("MD5", secret.substr(0, half), all, size);
  const std::string rest = p_hash("SHA1", secret.substr(secret.size() - half), all, size);
  std::transform(out.begin(), out.end(), rest.begin(), out.begin(),
                 [](char a, char b) { return static_cast<char>(a ^ b); });
  return out;
}

std::string expand_label(const char* digest, std::string_view secret, std::string_view label,
                         std::size_t size) {
  std::string info;
  append_number(info, size, 2);
  const std::string full = "tls13 " + std::string(label);
  append_number(info, full.size(), 1);
  info += full;
  append_number(info, 0, 1);  // the context
  std::string out;
  std::string block;
  for (unsigned count = 1; out.size() < size; ++count) {
    block += info;
    append_number(block, count, 1);
    block = hmac(digest, secret, block);
    if (block.empty()) return {};
    out += block;
  }
  out.resize(size);
  return out;
}

const char* prf_digest(const Suite& suite, std::uint16_t version) {
  return version < kTls12 ? kOldDigest : suite.prf;
}

std::string master_secret(const char* digest, std::string_view premaster,
                          std::string_view client_random, std::string_view server_random) {
  const std::string seed = std::string(client_random).append(server_random);
  return prf(digest, premaster, {"master secret", seed}, kMasterSize);
}

std::string extended_master_secret(const char* digest, std::string_view premaster,
                                   std::string_view messages) {
  const std::string hash = digest_of(digest, messages);
  return prf(digest, premaster, {"extended master secret", hash}, kMasterSize);
}

KeyBlock key_block(const Suite& suite, std::uint16_t version, std::string_view master,
                   std::string_view client_random, std::string_view server_random) {
  const std::size_t mac = mac_key_size(suite);
  const std::size_t iv = fixed_iv_size(suite, version);
  const std::size_t size = 2 * (mac + suite.key_size + iv);
  const std::string seed = std::string(server_random).append(client_random);
  const std::string bytes = prf(prf_digest(suite, version), master, {"key expansion", seed}, size);
  ByteReader reader(bytes);
  KeyBlock block;
  block.client.mac = reader.take(mac);
  block.server.mac = reader.take(mac);
  block.client.key = reader.take(suite.key_size);
  block.server.key = reader.take(suite.key_size);
  block.client.iv = reader.take(iv);
  block.server.iv = reader.take(iv);
  return block;
}

TrafficKeys traffic_keys(const Suite& suite, std::string_view secret) {
  TrafficKeys keys;
  keys.key = expand_label(suite.prf, secret, "key", suite.key_size);
  keys.iv = expand_label(suite.prf, secret, "iv", kNonceSize);
  return keys;
}

std::string next_traffic_secret(const Suite& suite, std::string_view secret) {
  return expand_label(suite.prf, secret, "traffic upd", secret.size());
}

}  // namespace compactor::decrypt
