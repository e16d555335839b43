// Text that fits columns, and JSON that does not have to.
#include "output/line_text.h"

#include <doctest/doctest.h>

#include <string>

#include "body/encoding.h"

namespace output_line_text_test {

TEST_CASE("columns are characters, and what is cut ends in …") {
  CHECK(tool::width_of("a → b") == 5);
  CHECK(tool::fitted("abcdef", 6) == "abcdef");
  CHECK(tool::fitted("abcdef", 5) == "abcd…");
  CHECK(tool::fitted("→→→→", 3) == "→→…");
  CHECK(tool::width_of(tool::fitted("→→→→", 3)) == 3);
}

TEST_CASE("ids without the master that gave them") {
  const std::string master = "b1fe3be9-9a46-4b27-98b1-a93e73c26be6-";
  CHECK(tool::with_short_ids("on " + master + "S0 of " + master + "0001") == "on S0 of 0001");
  CHECK(tool::with_short_ids("b1fe3be9-9a46-4b27-98b1-a93e73c26be6") ==
        "b1fe3be9-9a46-4b27-98b1-a93e73c26be6");
}

TEST_CASE("JSON on several lines") {
  std::string out;
  tool::append_indented_json(out, R"({"a":[1,{"b":"x,\"{:"}],"c":{},"d":[]}  +2 B, unknown)", 2);
  CHECK(out ==
        "{\n"
        "    \"a\": [\n"
        "      1,\n"
        "      {\n"
        "        \"b\": \"x,\\\"{:\"\n"
        "      }\n"
        "    ],\n"
        "    \"c\": {},\n"
        "    \"d\": []\n"
        "  }  +2 B, unknown");
}

}  // namespace output_line_text_test
