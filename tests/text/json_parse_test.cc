#include "text/json_parse.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace text_json_parse_test {

namespace {

using compactor::text::JsonError;
using compactor::text::max_json_depth;
using compactor::text::parse_json;
using Json = nlohmann::ordered_json;

std::string fault_of(const std::string& text) {
  try {
    parse_json(text);
  } catch (const JsonError& error) {
    return error.what();
  }
  return {};
}

TEST_CASE("JSON is what the library makes of it, in the order in which it stands") {
  for (const std::string text :
       {R"({"z":1,"a":[true,false,null,"",{"":{}}],"b":-5,"c":"\u00e9\ud83d\ude00"})", "[]", "{}",
        "\"x\"", " 7 ", "-0.0", "[[],[[]],1.5,1e300,18446744073709551616]", "null"}) {
    CAPTURE(text);
    CHECK(parse_json(text).dump() == Json::parse(text).dump());
  }
}

TEST_CASE("a whole number is an integer, however it is written") {
  CHECK(parse_json("1e3").is_number_unsigned());
  CHECK(parse_json("[9007199254740993.0]").dump() == "[9007199254740993]");
  CHECK(parse_json("-9.223372036854775808e18").get<std::int64_t>() == INT64_MIN);
  CHECK(parse_json("0e9").is_number_unsigned());
  for (const std::string text :
       {"-0.0", "-0e5", "-0", "0.5", "1e20", "-1e19", "18446744073709551616"})
    CHECK(parse_json(text).is_number_float());
}

TEST_CASE("text that is not JSON: where, and why, in a few words") {
  CHECK(fault_of("{\"a\":}").starts_with("at line 1, column 6: syntax error"));
  CHECK(fault_of("").starts_with("at line 1, column 1: "));
  CHECK(fault_of("{} x").starts_with("at line 1, column 4: "));
  CHECK(fault_of("[\"\xff\"]").find("UTF-8") != std::string::npos);
  using namespace std::string_literals;
  for (const auto& text : {"{}\0"s, "{}\0x"s, "\0{}"s, "[1,\0 2]"s, "\"\0\""s}) {
    CAPTURE(text);
    CHECK(fault_of(text).starts_with("a NUL byte at byte "));
  }
  CHECK(fault_of("{}\0x"s) == "a NUL byte at byte 3");
  CHECK(fault_of(R"("\u0000")").empty());
  CHECK(fault_of("[1e5669]") == "number overflow parsing '1e5669'");
  CHECK(fault_of("[\"" + std::string(100000, 'x')).size() < 300);
  CHECK(fault_of("[1e" + std::string(100000, '9') + "]").size() < 300);
}

TEST_CASE("a key that is given twice is refused wherever it stands") {
  CHECK(fault_of(R"({"a":1,"b":2,"a":1})") == R"(the key "a" is given twice)");
  CHECK(fault_of(R"([{"x":{"":0,"":0}}])") == R"(the key "" is given twice)");
  CHECK(fault_of(R"({"a":{"a":1},"b":{"a":1}})").empty());
  const std::string name(100000, 'n');
  CHECK(fault_of("{\"" + name + "\":1,\"" + name + "\":1}").size() < 300);
}

TEST_CASE("nesting has a limit, whatever it is made of") {
  const auto nested = [](const std::string& open, const std::string& close, std::size_t levels) {
    std::string text;
    for (std::size_t i = 0; i < levels; ++i) text += open;
    text += "1";
    for (std::size_t i = 0; i < levels; ++i) text += close;
    return text;
  };
  for (const auto& [open, close] : {std::pair{"[", "]"}, std::pair{"{\"a\":", "}"}}) {
    CHECK(fault_of(nested(open, close, max_json_depth)).empty());
    CHECK(fault_of(nested(open, close, max_json_depth + 1)).starts_with("nested too deep"));
    CHECK(fault_of(nested(open, close, 1'000'000)).starts_with("nested too deep"));
  }
}

TEST_CASE("an object of very many members is read in the time of its bytes") {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  // With the square of their number it would take longer than any test may.
  CHECK(parse_json(text + "}").size() == 300'000);
}

}  // namespace

}  // namespace text_json_parse_test
