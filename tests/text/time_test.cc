#include "text/time.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace text_time_test {

using compactor::text::http_date;
using compactor::text::parse_time;
using compactor::text::TimeText;
using namespace std::chrono_literals;

TEST_CASE("RFC 3339 times are read") {
  using namespace std::chrono;
  CHECK(parse_time("1970-01-01T00:00:00Z") == 0ns);
  CHECK(parse_time("1970-01-01T00:00:01.000000001Z") == 1'000'000'001ns);
  CHECK(parse_time("1970-01-01T01:00:00.5+01:00") == 500ms);
  CHECK(parse_time("2026-11-22T02:30:00Z") ==
        nanoseconds(sys_days(2026y / 11 / 22).time_since_epoch()) + 150min);
  for (const char* bad :
       {"", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01",
        "2026-01-01T00:00:00", "9999-01-01T00:00:00Z", "2026-01-01T00:00:00Zx"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("what is written is read, in whatever order the seconds come") {
  TimeText text;
  for (const auto time : {0ns, 1'000'000'001ns, 1'000'000'000ns, 1'796'000'000'123'456'789ns}) {
    std::string out;
    text.append(out, TimeText::Time(time));
    CHECK(parse_time(out) == time);
    CHECK(out.size() == std::string_view("2026-01-31T12:00:00.123456789Z").size());
  }
}

TEST_CASE("an HTTP date as in RFC 9110") {
  CHECK(http_date(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace text_time_test
