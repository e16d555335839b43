#include "capture/text_offsets.h"

#include <doctest/doctest.h>

namespace capture_text_offsets_test {

using compactor::capture::TextOffsets;

namespace {

constexpr std::uint64_t kOrigin = TextOffsets::kOrigin;

}  // namespace

TEST_CASE("who has not received all of a record has received none of its text") {
  TextOffsets offsets;
  CHECK(offsets.end() == kOrigin);
  CHECK(offsets.text_at(5'000) == kOrigin);
  offsets.add(5'100, 70);
  offsets.add(5'200, 30);
  CHECK(offsets.end() == kOrigin + 100);
  CHECK(offsets.text_at(5'000) == kOrigin);
  CHECK(offsets.text_at(5'099) == kOrigin);
  CHECK(offsets.text_at(5'100) == kOrigin + 70);
  CHECK(offsets.text_at(5'199) == kOrigin + 70);
  CHECK(offsets.text_at(5'200) == kOrigin + 100);
  CHECK(offsets.text_at(9'999) == kOrigin + 100);
}

TEST_CASE("what has been received is forgotten, but for the last few") {
  TextOffsets offsets;
  for (std::uint64_t i = 1; i <= 5'000; ++i) {
    offsets.add(i * 100, 60);
    offsets.forget(i * 100);
    CHECK(offsets.text_at(i * 100) == kOrigin + i * 60);
    if (i > 10) CHECK(offsets.text_at((i - 10) * 100) == kOrigin + (i - 10) * 60);
  }
  // Of what is long past it is about right, and never before the beginning.
  CHECK(offsets.text_at(1'000) >= kOrigin);
  CHECK(offsets.text_at(1'000) <= kOrigin + 300'000);
  CHECK(offsets.end() == kOrigin + 300'000);
}

TEST_CASE("nobody acknowledges anything: what is kept is bounded") {
  TextOffsets offsets;
  for (std::uint64_t i = 1; i <= 100'000; ++i) offsets.add(i * 100, 60);
  CHECK(offsets.end() == kOrigin + 6'000'000);
  CHECK(offsets.text_at(9'999'900) == kOrigin + 5'999'940);
  CHECK(offsets.text_at(0) == kOrigin);
}

}  // namespace capture_text_offsets_test
