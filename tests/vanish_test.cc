// A peer that vanishes without a word.
#include <doctest/doctest.h>
#include <unistd.h>

#include "actors.h"
#include "elsewhere.h"
#include "raw_peer.h"

using namespace actors;

TEST_CASE("a linked peer that vanishes without FIN is told by keep-alive" *
          doctest::skip(::geteuid() != 0)) {
  Elsewhere elsewhere;
  Options there = loopback();
  there.ip = elsewhere.there();
  // The loop thread of this one starts over there and stays.
  const auto far = elsewhere.in([&] { return std::make_unique<Context>(there); });
  const auto target = spawned<Recorder>(*far, "target");
  Options options = loopback();
  options.ip = elsewhere.here();
  options.keepalive_idle = 1s;
  options.keepalive_interval = 1s;
  options.keepalive_count = 1;
  Context context(options);
  const auto process = spawned<Recorder>(context);
  process->link(target->pid());
  Deliveries deliveries;
  process->send(target->pid(), "n", "", deliveries.callback());
  REQUIRE(deliveries.wait(1)[0].outcome == Outcome::accepted);
  elsewhere.vanish();
  const Gone gone = process->exits.wait(1)[0];
  CHECK(gone.pid == target->pid().str());
  // Either keep-alive gave up, or the neighbour is found to be gone first.
  CHECK((gone.reason == ExitReason::timed_out || gone.reason == ExitReason::unreachable));
  far->stop(0s);
}

TEST_CASE("a linked peer that vanishes with a message under way is told as soon" *
          doctest::skip(::geteuid() != 0)) {
  Elsewhere elsewhere;
  Options there = loopback();
  there.ip = elsewhere.there();
  const auto far = elsewhere.in([&] { return std::make_unique<Context>(there); });
  const auto target = spawned<Recorder>(*far, "target");
  Options options = loopback();
  options.ip = elsewhere.here();
  options.keepalive_idle = 1s;
  options.keepalive_interval = 1s;
  options.keepalive_count = 1;
  Context context(options);
  const auto process = spawned<Recorder>(context);
  process->link(target->pid());
  Deliveries deliveries;
  process->send(target->pid(), "n", "", deliveries.callback());
  REQUIRE(deliveries.wait(1)[0].outcome == Outcome::accepted);
  elsewhere.vanish();
  process->send(target->pid(), "n", "", deliveries.callback());
  const Gone gone = process->exits.wait(1)[0];
  CHECK(gone.pid == target->pid().str());
  CHECK((gone.reason == ExitReason::timed_out || gone.reason == ExitReason::unreachable));
  CHECK(deliveries.wait(2)[1].outcome == Outcome::no_answer);
  far->stop(0s);
}
