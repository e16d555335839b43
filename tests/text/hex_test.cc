#include "text/hex.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace text_hex_test {

using compactor::text::append_hex;
using compactor::text::decode_hex;
using compactor::text::hex_value;

TEST_CASE("hex is undone by its decoder") {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xff);
    std::string hex;
    append_hex(hex, bytes);
    CHECK(decode_hex(hex) == bytes);
  }
  CHECK(decode_hex("08 01\n") == "\x08\x01");
  CHECK_FALSE(decode_hex("0"));
  CHECK_FALSE(decode_hex("0g"));
}

TEST_CASE("digits in either case, and nothing else") {
  CHECK(hex_value('0') == 0);
  CHECK(hex_value('9') == 9);
  CHECK(hex_value('a') == 10);
  CHECK(hex_value('F') == 15);
  for (const char c : {'g', 'G', '/', ':', '@', '`', '\0', '\xff'}) CHECK(hex_value(c) == -1);
}

}  // namespace text_hex_test
