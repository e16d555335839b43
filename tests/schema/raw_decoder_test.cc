#include "schema/raw_decoder.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "schema/wire_format.h"
#include "support/random_message.h"

namespace schema_raw_decoder_test {

namespace {

using compactor::schema::append_raw_fields;
using compactor::schema::append_tag;
using compactor::schema::append_varint;
using compactor::schema::Wire;

std::string raw(const std::string& bytes) {
  std::string json = "[before]";
  const bool whole = append_raw_fields(bytes, json);
  REQUIRE(json.starts_with("[before]"));
  CHECK(whole == (json.size() > 8));
  return json.substr(8);
}

std::string len(std::uint32_t number, const std::string& value) {
  std::string bytes;
  append_tag(bytes, number, Wire::len);
  append_varint(bytes, value.size());
  return bytes + value;
}

TEST_CASE("fields with their numbers and wire types, in their order") {
  CHECK(raw("") == "[]");
  CHECK(raw("\x08\x96\x01") == R"([{"field":1,"wire":"varint","value":"150"}])");
  CHECK(raw(len(2, "testing") + "\x08\x01") ==
        R"([{"field":2,"wire":"len","value":"testing"},{"field":1,"wire":"varint","value":"1"}])");
  CHECK(raw(std::string("\x0d\x01\x00\x00\x00\x11\x02\x00\x00\x00\x00\x00\x00\x00", 14)) ==
        R"([{"field":1,"wire":"i32","value":1},{"field":2,"wire":"i64","value":"2"}])");
  CHECK(raw("\x1b\x08\x05\x1c") ==
        R"([{"field":3,"wire":"group","value":[{"field":1,"wire":"varint","value":"5"}]}])");
}

TEST_CASE("what has a length is text, else fields, else base64") {
  CHECK(raw(len(1, "text ü\n")) == R"([{"field":1,"wire":"len","value":"text ü\n"}])");
  CHECK(raw(len(1, "\x08\x01")) ==
        R"([{"field":1,"wire":"len","value":[{"field":1,"wire":"varint","value":"1"}]}])");
  CHECK(raw(len(1, "\xff\xfe")) == R"([{"field":1,"wire":"len","base64":"//4="}])");
  CHECK(raw(len(1, len(1, "\xff\xfe"))) ==
        R"([{"field":1,"wire":"len","value":[{"field":1,"wire":"len","base64":"//4="}]}])");
}

TEST_CASE("what is no protobuf is left alone") {
  CHECK(raw("hello, world") == "");
  CHECK(raw("\x0a\x05xy") == "");
  CHECK(raw(std::string("\x00", 1)) == "");
}

TEST_CASE("nesting without end: bounded, and quick") {
  std::string deep = "\x08\x01";
  for (int i = 0; i < 3000; ++i) deep = len(1, deep);
  CHECK(nlohmann::json::accept(raw(deep)));
  CHECK(raw(std::string(100000, '\x0b')) == "");  // groups that never end
}

TEST_CASE("random bytes give valid JSON or nothing") {
  schema_test::RandomMessages random(1);
  int shown = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string json = raw(random.bytes(30));
    if (json.empty()) continue;
    ++shown;
    CHECK(nlohmann::json::accept(json));
  }
  CHECK(shown > 100);
}

}  // namespace

}  // namespace schema_raw_decoder_test
