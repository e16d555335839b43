#include "stories/message_order.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace stories_message_order_test {

using compactor::trace::Message;
using compactor::trace::Time;
using tool::HeldMessage;
using tool::MessageOrder;

namespace {

Time at(int milliseconds) {
  return Time(std::chrono::milliseconds(milliseconds));
}

struct Fixture {
  explicit Fixture(std::size_t most = MessageOrder::kMostHeld) : order(most) {}

  void add(int milliseconds, const std::string& name, const std::string& body = {}) {
    Message message;
    message.time = at(milliseconds);
    message.name = name;
    message.body = body;
    order.add(message, "10.0.0.1");
  }
  std::string released(Time before) {
    std::string names;
    order.release(
        before, [&](const HeldMessage& held) { names += std::string(held.message().name) + ' '; });
    return names;
  }

  MessageOrder order;
};

}  // namespace

TEST_CASE("messages come in the order of their time, those of one time as they were told") {
  Fixture f;
  f.add(30, "c");
  f.add(10, "a");
  f.add(30, "d");
  f.add(20, "b");
  CHECK(f.released(at(30)) == "a b ");
  f.add(25, "late");
  CHECK(f.released(at(31)) == "late c d ");
  CHECK(f.order.bytes() == 0);
}

TEST_CASE("what is held is bounded by its bytes: the earliest goes before its time") {
  Fixture f(10'000);
  const std::string body(3000, 'x');
  for (int i = 0; i < 3; ++i) f.add(10 * (3 - i), std::to_string(3 - i), body);
  CHECK_FALSE(f.order.is_over_limit());
  CHECK(f.released(Time::min()).empty());
  f.add(40, "4", body);
  CHECK(f.order.is_over_limit());
  CHECK(f.released(Time::min()) == "1 ");
  CHECK(f.order.bytes() <= 10'000);
}

TEST_CASE("what is held does not refer to what it was made of") {
  Fixture f;
  std::string text = "from to name body trouble source";
  const std::string_view view = text;
  Message message;
  message.from = view.substr(0, 4);
  message.to = view.substr(5, 2);
  message.name = view.substr(8, 4);
  message.body = view.substr(13, 4);
  message.trouble = view.substr(18, 7);
  f.order.add(message, view.substr(26));
  text.assign(text.size(), '-');
  std::vector<std::string> parts;
  f.order.release(Time::max(), [&](const HeldMessage& held) {
    const Message& of = held.message();
    for (const auto part : {of.from, of.to, of.name, of.body, of.trouble, held.source()})
      parts.emplace_back(part);
  });
  CHECK(parts == std::vector<std::string>{"from", "to", "name", "body", "trouble", "source"});
}

}  // namespace stories_message_order_test
