// Memory that peers make us hold: who has to give it up.
#include "actor/memory_limit.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

namespace actor_memory_limit_test {

using compactor::MemoryLimit;

namespace {

struct Peers {
  Peers(std::size_t limit, MemoryLimit::Single single) : all(limit, single) {}
  MemoryLimit::Holder& add(const std::string& name, std::size_t bytes) {
    auto& slot = holders.emplace_back();
    const auto index = holders.size() - 1;
    slot = std::make_unique<MemoryLimit::Holder>(all, [this, index, name] {
      gave_up.push_back(name);
      holders[index]->set(0);
    });
    holders[index]->set(bytes);
    return *holders[index];
  }

  MemoryLimit all;
  std::vector<std::unique_ptr<MemoryLimit::Holder>> holders;
  std::vector<std::string> gave_up;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what stands still gives up first, not what is largest or came last") {
  Peers peers(1000, MemoryLimit::Single::bounded);
  auto& first = peers.add("first", 300);
  auto& second = peers.add("second", 300);
  auto& honest = peers.add("honest", 100);
  first.moved();
  CHECK(peers.all.total() == 700);
  for (std::size_t bytes = 200; bytes <= 900; bytes += 100) {
    honest.set(bytes);
    honest.moved();
  }
  CHECK(peers.gave_up == Names{"second", "first"});
  CHECK(peers.all.total() == 900);
  CHECK(second.bytes() == 0);
}

TEST_CASE("who holds little is passed over") {
  Peers peers(1000, MemoryLimit::Single::bounded);
  for (int i = 0; i < 50; ++i) peers.add("small", 1);
  peers.add("large", 600);
  peers.add("another", 500);
  CHECK(peers.gave_up == Names{"large"});
}

TEST_CASE("one alone over the limit gives up, or is allowed to") {
  Peers bounded(1000, MemoryLimit::Single::bounded);
  bounded.add("small", 10);
  bounded.add("large", 1001);
  CHECK(bounded.gave_up == Names{"large"});

  Peers allowed(1000, MemoryLimit::Single::allowed);
  auto& small = allowed.add("small", 10);
  allowed.add("large", 1001);
  CHECK(allowed.gave_up.empty());
  // It stands still now, so what the next one takes is at its expense.
  small.set(20);
  CHECK(allowed.gave_up == Names{"large"});
}

TEST_CASE("a holder that ends holds nothing, also when it ends by giving up") {
  MemoryLimit all(1000, MemoryLimit::Single::bounded);
  {
    MemoryLimit::Holder gone(all, [] {});
    gone.set(900);
  }
  CHECK(all.total() == 0);
  std::unique_ptr<MemoryLimit::Holder> ends;
  ends = std::make_unique<MemoryLimit::Holder>(all, [&] { ends.reset(); });
  ends->set(900);
  MemoryLimit::Holder next(all, [] {});
  next.set(500);
  CHECK_FALSE(ends);
  CHECK(all.total() == 500);
}

}  // namespace actor_memory_limit_test
