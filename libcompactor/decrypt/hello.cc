#include "decrypt/hello.h"

#include <algorithm>

#include "decrypt/byte_reader.h"
#include "decrypt/record.h"

namespace compactor::decrypt {
namespace {

constexpr unsigned kServerName = 0;
constexpr unsigned kEncryptThenMac = 22;
constexpr unsigned kExtendedMasterSecret = 23;
constexpr unsigned kEarlyData = 42;
constexpr unsigned kSupportedVersions = 43;

/// No host has a longer one.
constexpr std::size_t kLongestName = 255;

/// The random of a HelloRetryRequest (RFC 8446 §4.1.3).
constexpr std::string_view kRetryRandom{
    "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
    "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c",
    kRandomSize};

/// Calls `f` with the number and the content of each. False when they cannot be read.
template <class F>
bool for_each_extension(ByteReader& reader, F f) {
  if (reader.empty()) return !reader.failed();  // of old there were none
  ByteReader all(reader.vector(2));
  while (!reader.failed() && !all.empty()) {
    const unsigned number = all.u16();
    const std::string_view content = all.vector(2);
    if (all.failed()) return false;
    f(number, content);
  }
  return !reader.failed();
}

std::string read_server_name(std::string_view content) {
  ByteReader list(ByteReader(content).vector(2));
  while (!list.empty() && !list.failed()) {
    const unsigned kind = list.u8();
    const std::string_view name = list.vector(2);
    const bool is_name = !list.failed() && kind == 0 && name.size() <= kLongestName;
    if (is_name) return std::string(name);
  }
  return {};
}

/// Others stand there so that servers get used to such (RFC 8701).
std::uint16_t highest_known(std::string_view content, std::uint16_t least) {
  ByteReader list(ByteReader(content).vector(1));
  std::uint16_t highest = least;
  while (!list.empty() && !list.failed()) {
    const std::uint16_t version = list.u16();
    if (!version_name(version).empty()) highest = std::max(highest, version);
  }
  return highest;
}

}  // namespace

std::optional<ClientHello> read_client_hello(std::string_view body) {
  ByteReader reader(body);
  ClientHello hello;
  hello.version = hello.highest = reader.u16();
  hello.random = reader.take(kRandomSize);
  reader.vector(1);  // session id
  reader.vector(2);  // suites
  reader.vector(1);  // compression
  const bool read = for_each_extension(reader, [&](unsigned number, std::string_view content) {
    if (number == kServerName) hello.server_name = read_server_name(content);
    if (number == kSupportedVersions) hello.highest = highest_known(content, hello.highest);
    if (number == kEarlyData) hello.early_data = true;
  });
  if (!read) return std::nullopt;
  return hello;
}

std::optional<ServerHello> read_server_hello(std::string_view body) {
  ByteReader reader(body);
  ServerHello hello;
  hello.version = reader.u16();
  hello.random = reader.take(kRandomSize);
  hello.is_retry = hello.random == kRetryRandom;
  reader.vector(1);  // session id
  hello.suite = reader.u16();
  hello.compressed = reader.u8() != 0;
  const bool read = for_each_extension(reader, [&](unsigned number, std::string_view content) {
    if (number == kEncryptThenMac) hello.encrypt_then_mac = true;
    if (number == kExtendedMasterSecret) hello.extended_master_secret = true;
    if (number == kSupportedVersions) hello.version = ByteReader(content).u16();
  });
  if (!read) return std::nullopt;
  return hello;
}

std::string_view version_name(std::uint16_t version) {
  switch (version) {
    case kSsl3:
      return "SSLv3";
    case kTls10:
      return "TLSv1";
    case kTls11:
      return "TLSv1.1";
    case kTls12:
      return "TLSv1.2";
    case kTls13:
      return "TLSv1.3";
    default:
      return {};
  }
}

}  // namespace compactor::decrypt
