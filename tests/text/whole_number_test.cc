#include "text/whole_number.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

namespace text_whole_number_test {

namespace {

using compactor::text::whole_number;

template <class T>
std::optional<T> read(std::string_view text) {
  const auto number = whole_number(text);
  return number ? number->as<T>() : std::nullopt;
}

TEST_CASE("numbers that are whole, in all their spellings") {
  for (const std::string text : {"1200", "1.2e3", "12e2", "1200.000", "0.0012e6", "120000E-2",
                                 "001200", "1.2E+3", "0.12e4"}) {
    CAPTURE(text);
    CHECK(read<std::int64_t>(text) == 1200);
    CHECK(read<std::int64_t>("-" + text) == -1200);
    CHECK_FALSE(read<std::uint64_t>("-" + text));
  }
  for (const std::string text : {"0", "-0", "0.000", "0e99999999999999999999", "-0.0e-5"}) {
    CAPTURE(text);
    CHECK(read<std::uint64_t>(text) == 0);
  }
}

TEST_CASE("the ends of the ranges") {
  CHECK(read<std::uint64_t>("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(whole_number("18446744073709551616"));
  CHECK(read<std::int64_t>("-9223372036854775808") == INT64_MIN);
  CHECK_FALSE(read<std::int64_t>("-9223372036854775809"));
  CHECK_FALSE(read<std::int64_t>("9223372036854775808"));
  CHECK(read<std::int32_t>("-2147483648") == INT32_MIN);
  CHECK_FALSE(read<std::int32_t>("2147483648"));
  CHECK(read<std::uint32_t>("4294967295.0") == UINT32_MAX);
  CHECK_FALSE(read<std::uint32_t>("4294967296"));
  CHECK(read<std::uint64_t>("1e19") == 10'000'000'000'000'000'000U);
  CHECK_FALSE(whole_number("1e20"));
  CHECK_FALSE(whole_number("1" + std::string(1000, '0')));
  CHECK(read<std::int64_t>("1" + std::string(1000, '0') + "e-1000") == 1);
}

TEST_CASE("what is not whole, or not a number") {
  for (const std::string text : {"0.5",     "1.2",
                                 "12e-1",   "9007199254740993.5",
                                 "1e-1",    "0.99999999999999999999",
                                 "1e5669",  "1e-5669",
                                 "",        "-",
                                 "+5",      "5.",
                                 ".5",      ".",
                                 "e5",      "1e",
                                 "1e+",     "1e5x",
                                 "0x10",    " 1",
                                 "1 ",      "--1",
                                 "1.2.3",   "nan",
                                 "Infinity"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number(text));
  }
}

}  // namespace

}  // namespace text_whole_number_test
