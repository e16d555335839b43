#include "decrypt/record_cutter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace decrypt_record_cutter_test {

using compactor::decrypt::kMostPayload;
using compactor::decrypt::Record;
using compactor::decrypt::RecordCutter;

namespace {

std::string record_of(char type, const std::string& payload) {
  std::string bytes{type, '\x03', '\x03'};
  bytes += static_cast<char>(payload.size() >> 8);
  bytes += static_cast<char>(payload.size() & 0xff);
  return bytes + payload;
}

/// TYPE:PAYLOAD of each.
std::vector<std::string> cut(const std::string& bytes, std::size_t piece, RecordCutter& cutter) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string copy = bytes.substr(at, piece);
    std::string_view rest = copy;
    Record record;
    while (cutter.next(rest, record))
      found.push_back(std::to_string(static_cast<int>(record.type)) + ":" +
                      std::string(record.payload));
  }
  return found;
}

}  // namespace

TEST_CASE("pieces of any size make the same records") {
  const std::string bytes = record_of(22, "hello") + record_of(23, "") + record_of(20, "\1") +
                            record_of(23, std::string(3'000, 'x'));
  const std::vector<std::string> want = {"22:hello", "23:", "20:\1",
                                         "23:" + std::string(3'000, 'x')};
  for (const std::size_t piece : {1U, 2U, 5U, 6U, 7U, 100U, 3'000U, 10'000U}) {
    CAPTURE(piece);
    RecordCutter cutter;
    CHECK(cut(bytes, piece, cutter) == want);
    CHECK_FALSE(cutter.broken());
    CHECK(cutter.is_between());
  }
}

TEST_CASE("of a record that is not complete no more is held than there is") {
  RecordCutter cutter;
  cut(record_of(23, std::string(10'000, 'x')).substr(0, 700), 100, cutter);
  CHECK(cutter.memory() == 700);
  CHECK_FALSE(cutter.is_between());
}

TEST_CASE("what is no record ends it") {
  const std::string good = record_of(23, "x");
  std::string too_long("\x17\x03\x03\xff\xff", 5);
  REQUIRE(0xffffU > kMostPayload);
  for (const std::string& bad : {std::string("POST / HTTP/1.1"), record_of(19, "x"),
                                 std::string("\x17\x04\x03\0\1x", 6), too_long}) {
    for (const std::size_t piece : {1U, 4U, 1'000U}) {
      RecordCutter cutter;
      CHECK(cut(good + bad + good, piece, cutter).size() == 1);
      CHECK(cutter.broken());
      CHECK(cut(good, piece, cutter).empty());
      CHECK(cutter.memory() <= 5);
    }
  }
}

}  // namespace decrypt_record_cutter_test
