// What lines begin with: the four styles of -t, and dates.
#include "output/line_opening.h"

#include <doctest/doctest.h>

#include <string>

namespace output_line_opening_test {

namespace {

using namespace std::chrono_literals;
using tool::LineOpening;
using tool::TimeStyle;
using tool::WallTime;

/// 2026-01-31 23:59:59.5 UTC
constexpr WallTime evening = WallTime(1769903999500ms);

std::string opened(TimeStyle style, std::initializer_list<WallTime> times) {
  LineOpening opening(style, true, false);
  std::string out;
  for (const auto time : times) {
    opening.append(out, time);
    out += "|\n";
  }
  return out;
}

}  // namespace

TEST_CASE("the time of day, the time since the line before, and the date where it is another") {
  CHECK(opened(TimeStyle::utc, {evening, evening + 400ms, evening + 600ms, evening + 600ms}) ==
        "2026-01-31 (UTC)\n"
        "23:59:59.500              |\n"
        "23:59:59.900     +400 ms  |\n"
        "2026-02-01 (UTC)\n"
        "00:00:00.100     +200 ms  |\n"
        "00:00:00.100          +0  |\n");
}

TEST_CASE("a line may be about an earlier time than the one before") {
  const auto out = opened(TimeStyle::utc, {evening, evening - 3ms});
  CHECK(out.find("23:59:59.497    -3.00 ms  |\n") != std::string::npos);
}

TEST_CASE("only the time since the line before, or since the first; the date is told once") {
  CHECK(opened(TimeStyle::delta, {evening, evening + 1s, evening + 3s}) ==
        "2026-01-31 (UTC) 23:59:59.500\n"
        "            |\n"
        "   +1.00 s  |\n"
        "   +2.00 s  |\n");
  CHECK(opened(TimeStyle::relative, {evening, evening + 1s, evening + 3500us}) ==
        "2026-01-31 (UTC) 23:59:59.500\n"
        "    0.000000  |\n"
        "    1.000000  |\n"
        "    0.003500  |\n");
}

TEST_CASE("its width is what it says") {
  for (const auto style :
       {TimeStyle::absolute, TimeStyle::delta, TimeStyle::relative, TimeStyle::utc}) {
    LineOpening opening(style, false, false);
    std::string out;
    opening.append(out, evening);
    CHECK(out.size() == opening.width());
    out.clear();
    opening.append(out, evening + 1500us);
    CHECK(out.size() == opening.width());
  }
}

}  // namespace output_line_opening_test
