#include "text/glob.h"

#include <doctest/doctest.h>

#include <string>

namespace text_glob_test {

using compactor::text::glob_matches;
using compactor::text::is_glob;

TEST_CASE("globs") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*c", "abbbc"));
  CHECK(glob_matches("*.Ping*", "mesos.internal.PingSlaveMessage"));
  CHECK(glob_matches("a?c", "abc"));
  CHECK(glob_matches("*a*b*", "xxaxxbxx"));
  CHECK(glob_matches("[a]", "[a]"));
  CHECK_FALSE(glob_matches("", "a"));
  CHECK_FALSE(glob_matches("a?c", "ac"));
  CHECK_FALSE(glob_matches("a*c", "abd"));
  CHECK_FALSE(glob_matches("abc", "abcd"));
  // A pattern that would take exponential time by backtracking.
  CHECK_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST_CASE("a pattern that matches only itself is not a glob") {
  CHECK(is_glob("mesos.*"));
  CHECK(is_glob("P?ng"));
  CHECK_FALSE(is_glob("slave(1)@[x]"));
  CHECK_FALSE(is_glob(""));
}

}  // namespace text_glob_test
