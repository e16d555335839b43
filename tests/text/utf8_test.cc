#include "text/utf8.h"

#include <doctest/doctest.h>

#include <string>

namespace text_utf8_test {

using namespace compactor::text;

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* good : {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"}) {
    CHECK(utf8_length(good) == std::string_view(good).size());
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3"}) {
    CHECK(utf8_length(bad) == 0);
  }
}

TEST_CASE("bytes as Latin-1 characters are valid UTF-8, and come back as they were") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string characters = bytes_as_characters(all);
  CHECK(characters.size() == 128 + 2 * 128);
  for (std::string_view rest = characters; !rest.empty(); rest.remove_prefix(utf8_length(rest)))
    REQUIRE(utf8_length(rest) > 0);
  CHECK(characters_as_bytes(characters) == all);
  CHECK(characters_as_bytes("\u20ac") == "\u20ac");  // from an escape: no byte
}

}  // namespace text_utf8_test
