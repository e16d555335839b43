#include "schema/json_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace {

using namespace compactor::schema;

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

TEST_CASE("base64 there and back, of every length") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    append_base64(text, bytes);
    std::string again;
    CHECK(decode_base64(text, again));
    CHECK(again == bytes);
    bytes += static_cast<char>(i * 7);
  }
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
