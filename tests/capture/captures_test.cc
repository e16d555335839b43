// Every recorded capture gives exactly the messages that an independent reader found in it:
// tests/golden/captures.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/capture_kit.h"

namespace capture_captures_test {

namespace {

using capture_test::Result;

std::vector<std::string> golden(const std::string& file) {
  const auto relative = std::filesystem::relative(file, TEST_DATA "/captures");
  const std::string name = relative.parent_path().string() + "-" + relative.stem().string();
  std::ifstream in(TEST_GOLDEN "/captures/" + name + ".tsv");
  REQUIRE(in);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

TEST_CASE("each capture gives the messages it holds, and every byte is accounted for") {
  for (const std::string& file : capture_test::capture_files()) {
    CAPTURE(file);
    const Result result = capture_test::sniff(capture_test::read_capture(file));
    CHECK(result.lines() == golden(file));
    CHECK(result.ledger.messages == result.messages.size());
    CHECK(result.ledger.gaps == 0);
    CHECK(result.ledger.stream_bytes() == result.reassembly.delivered_bytes);
  }
}

}  // namespace capture_captures_test
