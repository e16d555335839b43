#include "serve/conversations.h"

#include <doctest/doctest.h>

#include <string>

namespace serve_conversations_test {

namespace {

using tool::Conversations;

compactor::ReturnAddress from(const std::string& id) {
  return {{id, "10.0.0.1", 5050}, "x@10.0.0.2:5050", 0, {}};
}

TEST_CASE("a conversation is found by its number, and by what the child can have read") {
  Conversations conversations;
  CHECK(conversations.find(0) == nullptr);
  CHECK(conversations.find(1) == nullptr);
  CHECK(conversations.last_within(1000) == nullptr);
  CHECK(conversations.next_number() == 1);
  conversations.add(100, from("a"));
  conversations.add(200, from("b"));
  conversations.add(300, from("c"));
  CHECK(conversations.next_number() == 4);
  CHECK(conversations.find(0) == nullptr);
  CHECK(conversations.find(1)->to.id == "a");
  CHECK(conversations.find(3)->to.id == "c");
  CHECK(conversations.find(4) == nullptr);
  CHECK(conversations.last_within(99) == nullptr);
  CHECK(conversations.last_within(100)->to.id == "a");
  CHECK(conversations.last_within(299)->to.id == "b");
  CHECK(conversations.last_within(300)->to.id == "c");
  CHECK(conversations.last_within(UINT64_MAX)->to.id == "c");
}

TEST_CASE("of senders with long names fewer are kept, and always the last ones") {
  constexpr std::size_t long_name = 60'000;
  constexpr std::uint64_t count = 1000;
  Conversations conversations;
  for (std::uint64_t n = 1; n <= count; ++n)
    conversations.add(n, from(std::string(long_name, 'a')));
  std::uint64_t kept = 0;
  while (conversations.find(count - kept) != nullptr) ++kept;
  CHECK(kept > 0);
  CHECK(kept * long_name <= Conversations::most_bytes);
  CHECK((kept + 2) * long_name > Conversations::most_bytes);
  CHECK(conversations.find(count - kept) == nullptr);
  CHECK(conversations.last_within(count - kept) == nullptr);
  CHECK(conversations.last_within(count - kept + 1) == conversations.find(count - kept + 1));
  // Short ones take their place one after the other.
  for (std::uint64_t n = 1; n <= 200'000; ++n) conversations.add(count + n, from("b"));
  CHECK(conversations.find(count) == nullptr);
  CHECK(conversations.find(count + 200'000 - 50'000)->to.id == "b");
}

}  // namespace

}  // namespace serve_conversations_test
