#include "decrypt/key_schedule.h"

#include <doctest/doctest.h>

#include <string>

#include "decrypt/record.h"
#include "text/hex.h"

namespace decrypt_key_schedule_test {

using namespace compactor::decrypt;  // NOLINT: a test reads its subject's names

namespace {

std::string bytes_of(std::string_view hex) {
  return compactor::text::decode_hex(hex).value();
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  compactor::text::append_hex(hex, bytes);
  return hex;
}

}  // namespace

TEST_CASE("HMAC: RFC 4231, test case 2") {
  CHECK(hex_of(hmac("SHA256", "Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// https://mailarchive.ietf.org/arch/msg/tls/fzVCzk-z3FShgGJ6DOXqM1ydxms/
TEST_CASE("the pseudo-random function of TLS 1.2") {
  const std::string secret = bytes_of("9bbe436ba940f017b17652849a71db35");
  const std::string seed = bytes_of("a0ba9f936cda311827a6f796ffd5198c");
  CHECK(hex_of(prf("SHA256", secret, {"test label", seed}, 100)) ==
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e"
        "14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5"
        "a72e5a5110fff70187347b66");
}

// RFC 8448 §3.
TEST_CASE("the keys of a traffic secret of TLS 1.3") {
  const Suite& suite = *find_suite(0x1301);
  const TrafficKeys client = traffic_keys(
      suite, bytes_of("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"));
  CHECK(hex_of(client.key) == "dbfaa693d1762c5b666af5d950258d01");
  CHECK(hex_of(client.iv) == "5bd3c71b836e0b76bb73265f");
  const TrafficKeys server = traffic_keys(
      suite, bytes_of("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"));
  CHECK(hex_of(server.key) == "3fce516009c21727d0f2e4e86ee403bc");
  CHECK(hex_of(server.iv) == "5d313eb2671276ee13000b30");
}

TEST_CASE("a key block has the parts that its suite needs, all of them different") {
  const auto sizes = [](std::uint16_t id, std::uint16_t version) {
    const KeyBlock block = key_block(*find_suite(id), version, std::string(48, 'm'),
                                     std::string(32, 'c'), std::string(32, 's'));
    CHECK(block.client.key != block.server.key);
    CHECK(block.client.mac.size() == block.server.mac.size());
    return std::to_string(block.client.mac.size()) + " " + std::to_string(block.client.key.size()) +
           " " + std::to_string(block.client.iv.size());
  };
  CHECK(sizes(0x002f, kTls12) == "20 16 0");
  CHECK(sizes(0x002f, kTls11) == "20 16 0");
  CHECK(sizes(0x002f, kTls10) == "20 16 16");
  CHECK(sizes(0x003d, kTls12) == "32 32 0");
  CHECK(sizes(0xc028, kTls12) == "48 32 0");
  CHECK(sizes(0xc02f, kTls12) == "0 16 4");
  CHECK(sizes(0xcca8, kTls12) == "0 32 12");
}

TEST_CASE("suites have the names that OpenSSL has for them, and numbers where there is none") {
  CHECK(suite_name(0x002f) == "AES128-SHA");
  CHECK(suite_name(0x1302) == "TLS_AES_256_GCM_SHA384");
  CHECK(suite_name(0xfafa) == "0xfafa");
  CHECK(find_suite(0x002e) == nullptr);
  CHECK(find_suite(0xffff) == nullptr);
  CHECK(find_suite(0) == nullptr);
}

}  // namespace decrypt_key_schedule_test
