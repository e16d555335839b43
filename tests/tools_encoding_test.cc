#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "encoding.h"
#include "json_line.h"

namespace {

std::string base64(std::string_view bytes) {
  std::string out;
  tool::append_base64(out, bytes);
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  tool::append_json_escaped(out, text);
  return out;
}

}  // namespace

TEST_CASE("base64 as in RFC 4648") {
  CHECK(base64("").empty());
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(tool::decode_base64("Zm8=") == "fo");
  CHECK(tool::decode_base64("Zm8") == "fo");
  CHECK(tool::decode_base64("_-8=") == "\xff\xef");
  for (const char* bad : {"Z", "Zm9v!", "Zg===", "Z g="}) CHECK_FALSE(tool::decode_base64(bad));
}

TEST_CASE("base64 and hex are undone by their decoders") {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random() & 0xff);
    CHECK(tool::decode_base64(base64(bytes)) == bytes);
    std::string hex;
    tool::append_hex(hex, bytes);
    CHECK(tool::decode_hex(hex) == bytes);
  }
  CHECK(tool::decode_hex("08 01\n") == "\x08\x01");
  CHECK_FALSE(tool::decode_hex("0"));
  CHECK_FALSE(tool::decode_hex("0g"));
}

TEST_CASE("UTF-8 is told from what only looks like it") {
  for (const char* good : {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"}) {
    CHECK(tool::utf8_length(good, 0) == std::string_view(good).size());
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xc3"}) {
    CHECK(tool::utf8_length(bad, 0) == 0);
  }
}

TEST_CASE("printable is what a person can read") {
  CHECK(tool::is_printable_utf8(""));
  CHECK(tool::is_printable_utf8("a\tb\r\n caf\xc3\xa9"));
  for (const char* bad : {"\x1b[31m", "\x7f", "\xc2\x9b", "\xff", "\x01"})
    CHECK_FALSE(tool::is_printable_utf8(bad));
  CHECK_FALSE(tool::is_printable_utf8(std::string_view("\0", 1)));
}

TEST_CASE("JSON strings are valid whatever is in them, and keep every valid text") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 20, '\0');
    for (auto& byte : text) byte = static_cast<char>(random() & 0xff);
    CHECK(nlohmann::json::accept("\"" + json_escaped(text) + "\""));
  }
  std::string all = "\"\\/\b\f\n\r\t caf\xc3\xa9 \xf0\x9f\x98\x80 \x7f";
  for (char c = 0; c < 0x20; ++c) all += c;
  CHECK(nlohmann::json::parse("\"" + json_escaped(all) + "\"") == all);
  CHECK(json_escaped("a\xff"
                     "b") ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("a terminal sees no control") {
  CHECK(tool::terminal_escaped("a\x1b[2J\n\\\xff\xc2\x9b\x7f") ==
        "a\\x1b[2J\\n\\\\\\xff\\x9b\\x7f");
  CHECK(tool::terminal_escaped("caf\xc3\xa9 \xe2\x86\x92") == "caf\xc3\xa9 \xe2\x86\x92");
}

TEST_CASE("a line is one JSON object") {
  std::string out;
  tool::JsonLine line(out, "thing");
  line.text("t", "a\"b").number("n", 5U).real("r", 1.25).yes("y").text_if("absent", "");
  line.micros("us", std::chrono::nanoseconds(1'234'567))
      .time("when", tool::WallTime(std::chrono::nanoseconds(1)));
  line.end();
  CHECK(out.back() == '\n');
  auto json = nlohmann::json::parse(out);
  CHECK(json["type"] == "thing");
  CHECK(json["t"] == "a\"b");
  CHECK(json["n"] == 5);
  CHECK(json["r"] == 1.25);
  CHECK(json["y"] == true);
  CHECK(json["us"] == 1234.567);
  CHECK(json["when"] == "1970-01-01T00:00:00.000000001Z");
  CHECK_FALSE(json.contains("absent"));
}
