#include "cli/values.h"

#include <doctest/doctest.h>

#include "cli/failure.h"

namespace cli_values_test {

using namespace std::chrono_literals;
using tool::Duration;
using tool::Failure;

TEST_CASE("durations") {
  CHECK(tool::parse_duration("5s") == 5s);
  CHECK(tool::parse_duration("5") == 5s);
  CHECK(tool::parse_duration("250ms") == 250ms);
  CHECK(tool::parse_duration("1m30s") == 90s);
  CHECK(tool::parse_duration("1.5s") == 1500ms);
  CHECK(tool::parse_duration("0.25") == 250ms);
  CHECK(tool::parse_duration("1h") == 1h);
  CHECK(tool::parse_duration("10us") == 10us);
  CHECK(tool::parse_duration("7ns") == 7ns);
  CHECK(tool::parse_duration("0") == 0s);
  CHECK(tool::parse_duration("1m30") == 90s);
  for (const char* bad : {"", "s", "-1s", "+1s", "1x", "1 s", "1s ", "1e3", ".", "1..2s", "inf",
                          "nan", "0x5", "999999999999999h"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(tool::parse_duration(bad), Failure);
  }
  CHECK(tool::duration_text(90s) == "1m30s");
  CHECK(tool::duration_text(250ms) == "250ms");
  CHECK(tool::duration_text(0s) == "0s");
  CHECK(tool::parse_duration(tool::duration_text(3723004us)) == 3723004us);
}

TEST_CASE("sizes") {
  CHECK(tool::parse_size("512") == 512);
  CHECK(tool::parse_size("64k") == 65536);
  CHECK(tool::parse_size("1m") == 1 << 20);
  CHECK(tool::parse_size("2G") == std::size_t{2} << 30);
  CHECK(tool::parse_size("1KiB") == 1024);
  CHECK(tool::parse_size("1.5k") == 1536);
  CHECK(tool::parse_size("0") == 0);
  for (const char* bad : {"", "k", "-1", "1kk", "1q", "1 k", "99999999999g"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(tool::parse_size(bad), Failure);
  }
}

TEST_CASE("rates and numbers") {
  CHECK(tool::parse_rate("100") == 100);
  CHECK(tool::parse_rate("100/s") == 100);
  CHECK(tool::parse_rate("2.5k/s") == 2500);
  CHECK(tool::parse_rate("0.0000001") == 1e-7);
  for (const char* bad : {"", "0", "-5", "5/m", "x", "0.00000001", "0.00000000000000000001m"})
    CHECK_THROWS_AS(tool::parse_rate(bad), Failure);
  CHECK(tool::parse_number("65535", 0, 65535, "port") == 65535);
  for (const char* bad : {"", "-1", "65536", "1x", " 1", "18446744073709551616"}) {
    CHECK_THROWS_AS(tool::parse_number(bad, 0, 65535, "port"), Failure);
  }
}

TEST_CASE("a PID of a user") {
  auto pid = tool::parse_pid("slave(1)@10.0.0.7:5051");
  CHECK(pid.id == "slave(1)");
  CHECK(pid.port == 5051);
  try {
    tool::parse_pid("slave@10.0.0.7");
    FAIL("accepted");
  } catch (const Failure& failure) {
    CHECK(failure.exit() == tool::Exit::usage);
    CHECK(failure.kind() == "pid");
  }
}

TEST_CASE("shell words") {
  using Words = std::vector<std::string>;
  CHECK(tool::split_words("  a  b\tc\n") == Words{"a", "b", "c"});
  CHECK(tool::split_words("'a b' \"c d\" e\\ f") == Words{"a b", "c d", "e f"});
  CHECK(tool::split_words("a'b'\"c\"d") == Words{"abcd"});
  CHECK(tool::split_words("'' \"\"") == Words{"", ""});
  CHECK(tool::split_words("'\\' \"\\\"\\x\\\\\"") == Words{"\\", "\"\\x\\"});
  CHECK(tool::split_words("$HOME `x` *") == Words{"$HOME", "`x`", "*"});
  CHECK(tool::split_words("").empty());
  CHECK_THROWS_AS(tool::split_words("a 'b"), Failure);
  CHECK_THROWS_AS(tool::split_words("a \"b"), Failure);
}

TEST_CASE("figures for people") {
  CHECK(tool::human_duration(0.5) == "0.50 us");
  CHECK(tool::human_duration(1500) == "1.50 ms");
  CHECK(tool::human_duration(12'345'678) == "12.3 s");
  CHECK(tool::human_size(5) == "5 B");
  CHECK(tool::human_size(64'000) == "64.0 kB");
}

}  // namespace cli_values_test
