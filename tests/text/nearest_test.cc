#include "text/nearest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace text_nearest_test {

using compactor::text::did_you_mean;
using compactor::text::nearest;
using Names = std::vector<std::string>;

TEST_CASE("the nearest word") {
  const Names words{"serve", "send", "ping", "link", "sniff", "inspect"};
  CHECK(nearest("sned", words, 1) == Names{"send"});
  CHECK(nearest("pin", words, 1) == Names{"ping"});
  CHECK(nearest("snif", words, 1) == Names{"sniff"});
  CHECK(nearest("LNIK", words, 1) == Names{"link"});
  CHECK(nearest("inpsct", words, 1) == Names{"inspect"});
  for (const char* other : {"wibble", "x", ""}) CHECK(nearest(other, words).empty());
  CHECK(nearest(std::string(100'000, 'x'), {std::string(100'000, 'x')}).empty());
}

TEST_CASE("only the nearest are named, and of a full name the last part counts most") {
  const Names types{"acme.TaskID", "acme.TaskInfo", "acme.TaskInfos", "base.TaskInfo",
                    "acme.Zebra"};
  CHECK(nearest("acme.TaskInf", types) == Names{"acme.TaskInfo"});
  CHECK(nearest("TaskInfoo", types) == Names{"acme.TaskInfo", "acme.TaskInfos", "base.TaskInfo"});
  CHECK(nearest("TaskInfoo", types, 2) == Names{"acme.TaskInfo", "acme.TaskInfos"});
  CHECK(nearest("other.zebra", types) == Names{"acme.Zebra"});
}

TEST_CASE("the question") {
  CHECK(did_you_mean({}).empty());
  CHECK(did_you_mean({"a"}) == "did you mean a?");
  CHECK(did_you_mean({"a", "b", "c"}) == "did you mean a, b or c?");
}

}  // namespace text_nearest_test
