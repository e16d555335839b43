// The processes of a Context without any socket.
#include "actor/registry.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "support/parts.h"

namespace actor_registry_test {

using namespace parts;
using Strings = std::vector<std::string>;

TEST_CASE("a message of a peer is handled at once; nobody there is said so") {
  Parts node;
  const auto process = node.recorder("a");
  CHECK(node.deliver("a", "hello"));
  CHECK(process->messages.now() == std::vector<Seen>{{"peer@10.0.0.2:1", "peer@10.0.0.2:1",
                                                      "a@10.0.0.1:5051", "name", "hello"}});
  CHECK_FALSE(node.deliver("b", "hello"));
  CHECK(node.reporter.counters.snapshot().messages_received == 1);
  CHECK(node.reporter.counters.snapshot().bytes_received == 5);
}

TEST_CASE("a local message waits for the next turn, and all that wait are handled in one") {
  Parts node;
  const auto a = node.recorder("a"), b = node.recorder("b");
  const int before = node.turns;
  CHECK(node.send("a", "1"));
  CHECK(node.send("b", "2"));
  CHECK(node.send("a", "3"));
  CHECK(bodies(*a).empty());
  node.turn();
  CHECK(bodies(*a) == Strings{"1", "3"});
  CHECK(bodies(*b) == Strings{"2"});
  CHECK(node.turns == before + 1);
}

TEST_CASE("what a handler adds comes after everybody else's turn") {
  Parts node;
  Strings order;
  const auto a = std::make_shared<Plain>("a");
  a->install("name", [&](const Pid&, std::string_view body) {
    order.push_back("a" + std::string(body));
    if (body == "1") node.send("a", "2");
  });
  const auto b = std::make_shared<Plain>("b");
  b->install("name", [&](const Pid&, std::string_view) { order.push_back("b"); });
  node.add(a);
  node.add(b);
  node.send("a", "1");
  node.send("b", "");
  node.turn();
  CHECK(order == Strings{"a1", "b", "a2"});
}

TEST_CASE("a message that was handled is accepted, and its share of the budget is free again") {
  Parts node;
  node.recorder("a");
  Deliveries told;
  REQUIRE(node.send("a", std::string(900, 'x'), told.callback()));
  CHECK_FALSE(node.budget->reserve(900));
  node.turn();
  REQUIRE(told.now().size() == 1);
  CHECK(told.now()[0].outcome == Outcome::accepted);
  CHECK(told.now()[0].status == 202);
  CHECK(node.budget->reserve(900));
}

TEST_CASE("an id is taken once") {
  Parts node;
  const auto first = node.recorder("a");
  CHECK_THROWS_AS(node.recorder("a"), InvalidProcess);
  CHECK_THROWS_AS(node.add(first), InvalidProcess);
  CHECK(node.registry.find("a") == first);
  node.registry.end("a");
  CHECK_THROWS_AS(node.add(first), InvalidProcess);  // nor after its end
  CHECK_NOTHROW(node.recorder("a"));
}

namespace {

class Failing : public Plain {
 public:
  Failing(Parts& node, Deliveries& told) : Plain("failing"), node_(node), told_(told) {}
  bool fails = true;

 private:
  void initialize() override {
    node_.send("failing", "lost", told_.callback());
    if (fails) throw std::runtime_error("not today");
  }
  Parts& node_;
  Deliveries& told_;
};

}  // namespace

TEST_CASE("when initialize() throws nothing is left, and the process can be added again") {
  Parts node;
  Deliveries told;
  const auto failing = std::make_shared<Failing>(node, told);
  CHECK_THROWS_WITH(node.add(failing), "not today");
  CHECK(node.registry.find("failing") == nullptr);
  REQUIRE(told.now().size() == 1);
  CHECK(told.now()[0].fault == Fault::terminated);
  failing->fails = false;
  CHECK_NOTHROW(node.add(failing));
}

TEST_CASE("what waits for a process that ends is told to its senders, and never handled") {
  Parts node;
  const auto a = node.recorder("a");
  Deliveries told;
  node.send("a", "lost", told.callback());
  node.registry.dispatch(a, [](Process&) { FAIL("it has ended"); });
  node.registry.end("a");
  node.registry.end("nobody");
  REQUIRE(told.now().size() == 1);
  CHECK(told.now()[0].outcome == Outcome::failed);
  CHECK(told.now()[0].fault == Fault::terminated);
  node.turn();
  CHECK(bodies(*a).empty());
  CHECK(node.ended == Strings{"a"});
  CHECK(node.registry.unsent() == 0);
}

TEST_CASE("a call does not reach another process of the same id") {
  Parts node;
  const auto first = node.recorder("a");
  node.registry.end("a");
  const auto second = node.recorder("a");
  int calls = 0;
  node.registry.dispatch(first, [&](Process&) { FAIL("it has ended"); });
  node.registry.dispatch(nullptr, [&](Process&) { FAIL("there is none"); });
  node.registry.dispatch(second, [&](Process& process) {
    CHECK(&process == second.get());
    ++calls;
  });
  node.turn();
  CHECK(calls == 1);
}

TEST_CASE("linkers learn of an end in the next turn, once, and by the PID they linked to") {
  Parts node;
  const auto a = node.recorder("a"), b = node.recorder("b"), c = node.recorder("c");
  node.recorder("target");
  node.registry.link("a", {"target", "10.0.0.1", 5051});
  node.registry.link("a", {"target", "10.0.0.1", 5051});
  node.registry.link("b", {"target", "localhost", 5051});
  node.registry.link("c", {"target", "10.0.0.1", 5051});
  node.registry.unlink("c", {"target", "10.0.0.1", 5051});
  node.registry.end("target");
  CHECK(a->exits.now().empty());
  node.turn();
  CHECK(a->exits.now() == std::vector<Gone>{{"target@10.0.0.1:5051", ExitReason::closed}});
  CHECK(b->exits.now() == std::vector<Gone>{{"target@localhost:5051", ExitReason::closed}});
  CHECK(c->exits.now().empty());
}

TEST_CASE("a link to nobody is an exit") {
  Parts node;
  const auto a = node.recorder("a");
  node.registry.link("a", {"nobody", "10.0.0.1", 5051});
  node.registry.exited("nobody", {"a", "10.0.0.1", 5051}, ExitReason::reset);
  node.turn();
  CHECK(a->exits.now() == std::vector<Gone>{{"nobody@10.0.0.1:5051", ExitReason::closed}});
}

TEST_CASE("a handler that throws is counted and warned of, and the next message is handled") {
  Parts node;
  const auto a = std::make_shared<Plain>("a");
  int calls = 0;
  a->install("name", [&](const Pid&, std::string_view) {
    if (++calls == 1) throw std::runtime_error("no");
  });
  node.add(a);
  node.send("a", "");
  node.deliver("a", "");
  node.turn();
  CHECK(calls == 2);
  CHECK(node.watcher->warnings.now() == Strings{"a: the handler of name threw: no"});
  CHECK(node.reporter.counters.snapshot().handler_exceptions == 1);
}

TEST_CASE("a process may end itself in a handler") {
  Parts node;
  const auto a = std::make_shared<Plain>("a");
  int calls = 0;
  a->install("name", [&](const Pid&, std::string_view) {
    ++calls;
    node.registry.end("a");
  });
  node.add(a);
  node.send("a", "");
  node.send("a", "");
  node.turn();
  CHECK(calls == 1);
  CHECK_FALSE(node.deliver("a", ""));
}

TEST_CASE("only while it is there does a process decide what passes a pause") {
  class Picky : public Plain {
   public:
    Picky() : Plain("picky") {}
    bool receives_while_paused(std::string_view name) const override { return name == "urgent"; }
  };
  Parts node;
  node.add(std::make_shared<Picky>());
  CHECK(node.registry.must_wait("picky", "name"));
  CHECK_FALSE(node.registry.must_wait("picky", "urgent"));
  CHECK_FALSE(node.registry.must_wait("nobody", "name"));
}

TEST_CASE("closed, it has no processes, takes none, and says what was not handled") {
  Parts node;
  const auto a = node.recorder("a");
  node.recorder("b");
  node.registry.link("b", {"a", "10.0.0.1", 5051});
  Deliveries told;
  node.send("a", "lost", told.callback());
  node.registry.close();
  REQUIRE(told.now().size() == 1);
  CHECK(told.now()[0].fault == Fault::stopped);
  CHECK(node.registry.unsent() == 1);
  CHECK(node.registry.processes().empty());
  CHECK(node.ended.size() == 2);
  CHECK_THROWS_AS(node.recorder("c"), Stopped);
  node.turn();
  CHECK(bodies(*a).empty());
}

TEST_CASE("an endless conversation ends after so many rounds") {
  Parts node;
  const auto a = std::make_shared<Plain>("a");
  int calls = 0;
  a->install("name", [&](const Pid&, std::string_view) {
    ++calls;
    node.send("a", "");
  });
  node.add(a);
  node.send("a", "");
  node.registry.run_until_idle(10);
  CHECK(calls == 10);
}

}  // namespace actor_registry_test
