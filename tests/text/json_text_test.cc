#include "text/json_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "text/utf8.h"

namespace text_json_text_test {

namespace {

using namespace compactor::text;

std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("strings: what a terminal would act on is escaped") {
  CHECK(as_json("plain") == "\"plain\"");
  CHECK(as_json("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(as_json(std::string("\0\x1b\x7f", 3)) == "\"\\u0000\\u001b\\u007f\"");
  CHECK(as_json("\xc2\x9b") == "\"\\u009b\"");
  CHECK(as_json("ü漢😀") == "\"ü漢😀\"");
}

TEST_CASE("strings: what nobody sees is escaped, and is the same text for a reader") {
  CHECK(as_json("a\u202eb\u200d\u00a0\u05d0") == "\"a\\u202eb\\u200d\u00a0\u05d0\"");
  CHECK(as_json("\U000e0041\U0001f600") == "\"\\udb40\\udc41\U0001f600\"");
  for (char32_t code = 0xa0; code < 0xe2000; code += 7) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string text;
    if (code >= 0x10000) text += static_cast<char>(0xf0 | (code >> 18));
    if (code >= 0x10000) text += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    if (code >= 0x800 && code < 0x10000) text += static_cast<char>(0xe0 | (code >> 12));
    text += static_cast<char>(code < 0x800 ? 0xc0 | (code >> 6) : 0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
    CHECK(code_point(text, text.size()) == code);
    CHECK(nlohmann::json::parse(as_json(text)) == text);
    CHECK(is_invisible(code) == (as_json(text).size() != text.size() + 2));
  }
}

TEST_CASE("strings: bytes that are not UTF-8 are replaced, one for one, and told") {
  for (const std::string bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf0\x80\x80\x80", "\xf5\x80\x80\x80", "\xe6\xbc"}) {
    std::string out;
    CHECK_FALSE(append_json_string(out, bad));
    std::string wanted = "\"";
    for (std::size_t i = 0; i < bad.size(); ++i) wanted += "\xef\xbf\xbd";
    CHECK(out == wanted + "\"");
  }
}

TEST_CASE("strings: valid JSON whatever is in them, and every valid text is kept") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 20, '\0');
    for (auto& byte : text) byte = static_cast<char>(random() & 0xff);
    CHECK(nlohmann::json::accept(as_json(text)));
  }
  std::string all = "\"\\/\b\f\n\r\t caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f";
  for (char c = 0; c < 0x20; ++c) all += c;
  CHECK(nlohmann::json::parse(as_json(all)) == all);
}

template <class T>
T read_back(T value) {
  std::string text;
  append_json_number(text, value);
  return static_cast<T>(nlohmann::json::parse(text).get<double>());
}

TEST_CASE("numbers read back as they were") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double wide = 0;
    float narrow = 0;
    std::memcpy(&wide, &bits, sizeof wide);
    std::memcpy(&narrow, &bits, sizeof narrow);
    if (std::isfinite(wide)) CHECK(read_back(wide) == wide);
    if (std::isfinite(narrow)) CHECK(read_back(narrow) == narrow);
  }
  CHECK(std::signbit(read_back(-0.0)));
  CHECK(read_back(12345678901234567890.0) == 12345678901234567890.0);
}

TEST_CASE("numbers that are none") {
  std::string text;
  CHECK(append_json_number(text, std::numeric_limits<double>::quiet_NaN()));
  CHECK(append_json_number(text, std::numeric_limits<double>::infinity()));
  CHECK(append_json_number(text, -std::numeric_limits<float>::infinity()));
  CHECK(text == R"("NaN""Infinity""-Infinity")");
  CHECK_FALSE(append_json_number(text, -std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace

}  // namespace text_json_text_test
