// A peer that vanishes without a word.
#include <doctest/doctest.h>

#include "support/actors.h"
#include "support/elsewhere.h"
#include "support/raw_peer.h"

namespace actor_vanish_test {

using namespace actors;

namespace {

/// A process over there, linked from here by a Context that soon gives a silent peer up.
struct Linked {
  Linked() {
    options.ip = elsewhere.here();
    options.keepalive_idle = 1s;
    options.keepalive_interval = 1s;
    options.keepalive_count = 1;
    context = std::make_unique<Context>(options);
    process = spawned<Recorder>(*context);
    process->link(target->pid());
    process->send(target->pid(), "n", "", deliveries.callback());
    REQUIRE(deliveries.wait(1)[0].outcome == Outcome::accepted);
  }
  ~Linked() { far->stop(0s); }

  Options there() {
    Options there = loopback();
    there.ip = elsewhere.there();
    return there;
  }

  Elsewhere elsewhere;
  // The loop thread of this one starts over there and stays.
  std::unique_ptr<Context> far = elsewhere.in([&] { return std::make_unique<Context>(there()); });
  std::shared_ptr<Recorder> target = spawned<Recorder>(*far, "target");
  Options options = loopback();
  std::unique_ptr<Context> context;
  std::shared_ptr<Recorder> process;
  Deliveries deliveries;
};

/// Either it was given up, or the neighbour was found to be gone first.
bool vanished(ExitReason reason) {
  return reason == ExitReason::timed_out || reason == ExitReason::unreachable;
}

}  // namespace

TEST_CASE("a linked peer that vanishes without FIN is told by keep-alive") {
  NEEDS(Elsewhere::lack());
  Linked linked;
  linked.elsewhere.vanish();
  const Gone gone = linked.process->exits.wait(1)[0];
  CHECK(gone.pid == linked.target->pid().str());
  CHECK(vanished(gone.reason));
}

TEST_CASE("a linked peer that vanishes with bytes on their way is told as soon") {
  NEEDS(Elsewhere::lack());
  Linked linked;
  linked.elsewhere.vanish();
  linked.process->send(linked.target->pid(), "n", "", linked.deliveries.callback());
  CHECK(vanished(linked.process->exits.wait(1)[0].reason));
  CHECK(linked.deliveries.wait(2)[1].outcome == Outcome::no_answer);
}

}  // namespace actor_vanish_test
