#include "tls/record.h"

namespace compactor::tls {
namespace {

unsigned char at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

constexpr unsigned char kHandshake = 0x16;
constexpr unsigned char kClientHello = 0x01;

/// 16 03 minor length length 01
bool may_begin_hello(std::string_view bytes) {
  return (bytes.empty() || at(bytes, 0) == kHandshake) && (bytes.size() < 2 || at(bytes, 1) == 3) &&
         (bytes.size() < 6 || at(bytes, 5) == kClientHello);
}

/// length with its highest bit set, length, 01, version 3.x: what OpenSSL of old sent first.
bool may_begin_hello_of_ssl2(std::string_view bytes) {
  return (bytes.empty() || (at(bytes, 0) & 0x80) != 0) &&
         (bytes.size() < 3 || at(bytes, 2) == kClientHello) &&
         (bytes.size() < 4 || at(bytes, 3) == 3);
}

}  // namespace

bool begins_record(std::string_view bytes) {
  return bytes.size() >= 2 && at(bytes, 0) >= 0x14 && at(bytes, 0) <= 0x17 && at(bytes, 1) == 3 &&
         (bytes.size() < 3 || at(bytes, 2) <= 4);
}

Opening opening_of(std::string_view first_bytes) {
  if (!may_begin_hello(first_bytes) && !may_begin_hello_of_ssl2(first_bytes)) return Opening::plain;
  return first_bytes.size() < kOpeningBytes ? Opening::undecided : Opening::tls;
}

}  // namespace compactor::tls
