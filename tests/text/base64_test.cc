#include "text/base64.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace text_base64_test {

using compactor::text::append_base64;
using compactor::text::decode_base64;

TEST_CASE("base64 there and back, of every length") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    append_base64(text, bytes);
    CHECK(decode_base64(text) == bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST_CASE("base64 as in RFC 4648, and how others write it") {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}}) {
    std::string out;
    append_base64(out, bytes);
    CHECK(out == text);
  }
  CHECK(decode_base64("Zm8") == "fo");
  CHECK(decode_base64("_-8=") == "\xff\xef");
  for (const char* bad : {"Z", "Zm9v!", "Zg===", "Z g="}) CHECK_FALSE(decode_base64(bad));
}

}  // namespace text_base64_test
