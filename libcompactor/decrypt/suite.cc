#include "decrypt/suite.h"

#include <algorithm>
#include <iterator>

#include "text/hex.h"

namespace compactor::decrypt {
namespace {

constexpr auto kRsa = KeyExchange::rsa;
constexpr auto kEphemeral = KeyExchange::ephemeral;
constexpr auto kNone = Protection::none;
constexpr auto kCbc = Protection::cbc;
constexpr auto kGcm = Protection::gcm;
constexpr auto kChacha = Protection::chacha20;

constexpr const char* k128 = "AES-128-CBC";
constexpr const char* k256 = "AES-256-CBC";
constexpr const char* kGcm128 = "AES-128-GCM";
constexpr const char* kGcm256 = "AES-256-GCM";
constexpr const char* kChachaPoly = "ChaCha20-Poly1305";

/// By number.
constexpr Suite kSuites[] = {
    {0x0004, "RC4-MD5", kRsa, kNone},
    {0x0005, "RC4-SHA", kRsa, kNone},
    {0x000a, "DES-CBC3-SHA", kRsa, kNone},
    {0x0016, "DHE-RSA-DES-CBC3-SHA", kEphemeral, kNone},
    {0x002f, "AES128-SHA", kRsa, kCbc, k128, 16, "SHA1", "SHA256"},
    {0x0032, "DHE-DSS-AES128-SHA", kEphemeral, kCbc, k128, 16, "SHA1", "SHA256"},
    {0x0033, "DHE-RSA-AES128-SHA", kEphemeral, kCbc, k128, 16, "SHA1", "SHA256"},
    {0x0035, "AES256-SHA", kRsa, kCbc, k256, 32, "SHA1", "SHA256"},
    {0x0038, "DHE-DSS-AES256-SHA", kEphemeral, kCbc, k256, 32, "SHA1", "SHA256"},
    {0x0039, "DHE-RSA-AES256-SHA", kEphemeral, kCbc, k256, 32, "SHA1", "SHA256"},
    {0x003c, "AES128-SHA256", kRsa, kCbc, k128, 16, "SHA256", "SHA256"},
    {0x003d, "AES256-SHA256", kRsa, kCbc, k256, 32, "SHA256", "SHA256"},
    {0x0067, "DHE-RSA-AES128-SHA256", kEphemeral, kCbc, k128, 16, "SHA256", "SHA256"},
    {0x006b, "DHE-RSA-AES256-SHA256", kEphemeral, kCbc, k256, 32, "SHA256", "SHA256"},
    {0x009c, "AES128-GCM-SHA256", kRsa, kGcm, kGcm128, 16, "", "SHA256"},
    {0x009d, "AES256-GCM-SHA384", kRsa, kGcm, kGcm256, 32, "", "SHA384"},
    {0x009e, "DHE-RSA-AES128-GCM-SHA256", kEphemeral, kGcm, kGcm128, 16, "", "SHA256"},
    {0x009f, "DHE-RSA-AES256-GCM-SHA384", kEphemeral, kGcm, kGcm256, 32, "", "SHA384"},
    {0x1301, "TLS_AES_128_GCM_SHA256", kEphemeral, kGcm, kGcm128, 16, "", "SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384", kEphemeral, kGcm, kGcm256, 32, "", "SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", kEphemeral, kChacha, kChachaPoly, 32, "", "SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256", kEphemeral, kNone},
    {0xc007, "ECDHE-ECDSA-RC4-SHA", kEphemeral, kNone},
    {0xc009, "ECDHE-ECDSA-AES128-SHA", kEphemeral, kCbc, k128, 16, "SHA1", "SHA256"},
    {0xc00a, "ECDHE-ECDSA-AES256-SHA", kEphemeral, kCbc, k256, 32, "SHA1", "SHA256"},
    {0xc011, "ECDHE-RSA-RC4-SHA", kEphemeral, kNone},
    {0xc013, "ECDHE-RSA-AES128-SHA", kEphemeral, kCbc, k128, 16, "SHA1", "SHA256"},
    {0xc014, "ECDHE-RSA-AES256-SHA", kEphemeral, kCbc, k256, 32, "SHA1", "SHA256"},
    {0xc023, "ECDHE-ECDSA-AES128-SHA256", kEphemeral, kCbc, k128, 16, "SHA256", "SHA256"},
    {0xc024, "ECDHE-ECDSA-AES256-SHA384", kEphemeral, kCbc, k256, 32, "SHA384", "SHA384"},
    {0xc027, "ECDHE-RSA-AES128-SHA256", kEphemeral, kCbc, k128, 16, "SHA256", "SHA256"},
    {0xc028, "ECDHE-RSA-AES256-SHA384", kEphemeral, kCbc, k256, 32, "SHA384", "SHA384"},
    {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", kEphemeral, kGcm, kGcm128, 16, "", "SHA256"},
    {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", kEphemeral, kGcm, kGcm256, 32, "", "SHA384"},
    {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", kEphemeral, kGcm, kGcm128, 16, "", "SHA256"},
    {0xc030, "ECDHE-RSA-AES256-GCM-SHA384", kEphemeral, kGcm, kGcm256, 32, "", "SHA384"},
    {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305", kEphemeral, kChacha, kChachaPoly, 32, "", "SHA256"},
    {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305", kEphemeral, kChacha, kChachaPoly, 32, "", "SHA256"},
    {0xccaa, "DHE-RSA-CHACHA20-POLY1305", kEphemeral, kChacha, kChachaPoly, 32, "", "SHA256"},
};

}  // namespace

const Suite* find_suite(std::uint16_t id) {
  const auto* found =
      std::lower_bound(std::begin(kSuites), std::end(kSuites), id,
                       [](const Suite& suite, std::uint16_t wanted) { return suite.id < wanted; });
  return found != std::end(kSuites) && found->id == id ? found : nullptr;
}

std::string suite_name(std::uint16_t id) {
  if (const Suite* suite = find_suite(id)) return suite->name;
  std::string name = "0x";
  const char bytes[] = {static_cast<char>(id >> 8), static_cast<char>(id & 0xff)};
  text::append_hex(name, {bytes, sizeof bytes});
  return name;
}

}  // namespace compactor::decrypt
