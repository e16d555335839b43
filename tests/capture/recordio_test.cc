#include "capture/recordio.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace capture_recordio_test {

using compactor::capture::Record;
using compactor::capture::RecordSplitter;

namespace {

std::vector<std::string> split(const std::string& stream, std::size_t piece, bool& good) {
  std::vector<std::string> records;
  RecordSplitter splitter([&](const Record& record) { records.emplace_back(record.bytes); }, 1000);
  good = true;
  for (std::size_t at = 0; at < stream.size(); at += piece)
    good = splitter.feed(stream.substr(at, piece), {});
  return records;
}

}  // namespace

TEST_CASE("records, however the stream is cut") {
  const std::vector<std::string> want{"hello", "", "{\"a\":\"12\n\"}", "end"};
  std::string stream;
  for (const std::string& record : want) stream += std::to_string(record.size()) + "\n" + record;
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 100UL}) {
    bool good = false;
    CHECK(split(stream, piece, good) == want);
    CHECK(good);
  }
}

TEST_CASE("what is no length ends the splitting, and so does one that is too large") {
  for (const std::string bad :
       {"{\"a\":1}", "\n", "12x\n", "-1\n", "1001\nx", "99999999999999999999999\n"}) {
    bool good = true;
    CHECK(split("1\na" + bad, 100, good) == std::vector<std::string>{"a"});
    CHECK_FALSE(good);
  }
}

}  // namespace capture_recordio_test
