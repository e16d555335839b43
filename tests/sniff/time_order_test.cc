#include "sniff/time_order.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sniff_time_order_test {

using tool::TimeOrder;
using tool::WallTime;

namespace {

WallTime at(int milliseconds) {
  return WallTime(std::chrono::milliseconds(milliseconds));
}

struct Printed {
  std::string text;
  std::vector<std::uint64_t> tags;
  TimeOrder order{[this](std::string_view lines, std::span<const TimeOrder::Line> which) {
    text += lines;
    for (const auto& line : which) tags.push_back(line.tag);
  }};
  void add(int milliseconds, std::uint64_t tag, const std::string& line) {
    order.add(at(milliseconds), tag, [&](std::string& out) {
      out += line;
      return tool::NamesInLine{};
    });
  }
};

}  // namespace

TEST_CASE("lines come in the order of their time, those of one time as they were added") {
  Printed printed;
  printed.add(1020, 1, "c");
  printed.add(1010, 2, "b");
  printed.add(2000, 3, "e");
  printed.add(900, 4, "a");
  printed.add(1020, 5, "d");
  printed.order.release(at(900));
  CHECK(printed.text.empty());  // another one of that time may come
  printed.order.release(at(1500));
  CHECK(printed.text == "abcd");
  printed.add(1600, 6, "-");
  printed.order.release_all();
  CHECK(printed.text == "abcd-e");
  CHECK(printed.tags == std::vector<std::uint64_t>{4, 2, 1, 5, 6, 3});
}

TEST_CASE("what is held back is bounded, the earliest goes first") {
  Printed printed;
  const std::string line(1 << 20, 'x');
  for (int i = 0; i < 70; ++i) printed.add(1000 - 10 * i, static_cast<std::uint64_t>(i), line);
  CHECK(printed.tags.size() >= 6);
  CHECK(printed.tags.size() < 20);
  printed.order.release_all();
  CHECK(printed.tags.size() == 70);
}

TEST_CASE("lines of many chunks, some longer than one") {
  Printed printed;
  std::string want;
  for (int i = 0; i < 100; ++i) {
    const std::string line(static_cast<std::size_t>(i * 7919 % 200'000),
                           static_cast<char>('a' + i % 26));
    printed.add(1000, static_cast<std::uint64_t>(i), line);
    want += line;
  }
  printed.order.release_all();
  CHECK((printed.text == want));
  CHECK(printed.tags.size() == 100);
}

}  // namespace sniff_time_order_test
