#include "body/encoding.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "output/json_line.h"
#include "text/utf8.h"

namespace body_encoding_test {

TEST_CASE("printable is what a person can read") {
  CHECK(compactor::text::is_printable(""));
  CHECK(compactor::text::is_printable("a\tb\r\n caf\xc3\xa9"));
  for (const char* bad : {"\x1b[31m", "\x7f", "\xc2\x9b", "\xff", "\x01"})
    CHECK_FALSE(compactor::text::is_printable(bad));
  CHECK_FALSE(compactor::text::is_printable(std::string_view("\0", 1)));
}

TEST_CASE("a terminal sees no control") {
  CHECK(tool::terminal_escaped("a\x1b[2J\n\\\xff\xc2\x9b\x7f") ==
        "a\\x1b[2J\\n\\\\\\xff\\x9b\\x7f");
  CHECK(tool::terminal_escaped("caf\xc3\xa9 \xe2\x86\x92") == "caf\xc3\xa9 \xe2\x86\x92");
}

TEST_CASE("what cannot be seen, but changes what is, is spelt out") {
  CHECK(tool::terminal_escaped("a\u202eb\u2066c\u200bd\ufeffe\u00adf\U000e0041g\u2028h") ==
        "a\\u202eb\\u2066c\\u200bd\\ufeffe\\u00adf\\U000e0041g\\u2028h");
  for (const char* seen : {"\u05d0\u0661", "\u00a0", "\u2192", "\U0001f600", "\u3042", "e\u0301"}) {
    CHECK(tool::terminal_escaped(seen) == seen);
    CHECK(tool::is_shown_as_it_is(seen));
  }
  for (const char* hidden :
       {"\u202e", "\u200f", "\u061c", "\ufff9", "\U000e0100", "\x1b", "\n", "\xff"})
    CHECK_FALSE(tool::is_shown_as_it_is(hidden));
}

TEST_CASE("a time is told twice: to be read, and as seconds to be counted with") {
  for (const auto& [nanoseconds, seconds] : std::vector<std::pair<std::int64_t, std::string>>{
           {1'769'860'800'123'456'789, "1769860800.123456789"},
           {5, "0.000000005"},
           {-1'500'000'000, "-1.500000000"}}) {
    std::string out;
    tool::JsonLine(out, "thing").stamp(tool::WallTime(std::chrono::nanoseconds(nanoseconds))).end();
    CHECK(out.find(",\"time_s\":" + seconds + "}\n") != std::string::npos);
    CHECK(nlohmann::json::parse(out).at("time").get<std::string>().back() == 'Z');
  }
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

}  // namespace body_encoding_test
