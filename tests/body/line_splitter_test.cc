#include "body/line_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace body_line_splitter_test {

namespace {

using tool::LineSplitter;
using Found = LineSplitter::Found;

/// What comes out of this text in pieces of that size; a line that is too long with a '!' before
/// it.
std::vector<std::string> split(const std::string& text, std::size_t piece,
                               std::size_t longest = 8) {
  LineSplitter lines(longest);
  std::vector<std::string> out;
  const auto take = [&] {
    std::string_view line;
    for (auto found = lines.next(line); found != Found::nothing; found = lines.next(line))
      out.push_back((found == Found::too_long ? "!" : "") + std::string(line));
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    lines.add(std::string_view(text).substr(at, piece));
    take();
  }
  lines.end();
  take();
  return out;
}

using Lines = std::vector<std::string>;

TEST_CASE("lines come out whole, in whatever pieces they come in") {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    CAPTURE(piece);
    CHECK(split("one\r\n\ntwo\nthree", piece) == Lines{"one", "", "two", "three"});
    CHECK(split("12345678\n12345678\r\n", piece, 9) == Lines{"12345678", "12345678"});
    CHECK(split("\n\n", piece) == Lines{"", ""});
    CHECK(split("", piece).empty());
  }
}

TEST_CASE("a line that is too long is told once, and what follows it is a line again") {
  for (std::size_t piece = 1; piece < 40; ++piece) {
    CAPTURE(piece);
    const auto lines = split("a\n123456789 and much more\nb\n123456789", piece);
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == "a");
    CHECK(lines[1].starts_with("!123456789"));
    CHECK(lines[2] == "b");
    CHECK(lines[3] == "!123456789");
  }
  CHECK(split("123456789", 100).front() == "!123456789");
  CHECK(split(std::string(1000, 'x'), 7).size() == 1);
  CHECK(split(std::string(1000, 'x') + "\n", 1000).front().size() == 101);
}

}  // namespace

}  // namespace body_line_splitter_test
