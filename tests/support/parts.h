// The parts of a Context below its sockets, for tests that need none. The thread of the test is the
// loop: what waits is handled by turn().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actor/registry.h"
#include "actor/reporter.h"
#include "support/actors.h"

namespace parts {

using namespace actors;

struct Parts {
  std::shared_ptr<Watcher> watcher = std::make_shared<Watcher>();
  int turns = 0;
  Loop loop{[this] { ++turns; }};
  Reporter reporter{watcher};
  std::shared_ptr<Budget> budget = std::make_shared<Budget>(1000, 10);
  std::vector<std::string> ended;
  Registry registry{loop, reporter, budget, [this](const std::string& id) { ended.push_back(id); }};

  /// Registered, and given back.
  template <class P>
  std::shared_ptr<P> add(std::shared_ptr<P> process) {
    const Loop::Turn turn(loop);
    registry.add(process, {{"10.0.0.1", 5051}});
    return process;
  }
  std::shared_ptr<Recorder> recorder(const std::string& id) {
    return add(std::make_shared<Recorder>(id));
  }

  /// A message from one of ours to one of ours. False when there is no receiver.
  bool send(const std::string& to, const std::string& body, OnDelivery on_delivery = {}) {
    REQUIRE(budget->reserve(body.size()));
    LocalMessage message{to, "from@10.0.0.1:5051", "name", body, 0, {}, std::move(on_delivery), {}};
    return registry.send(message);
  }
  /// A message of a peer. False when there is no receiver.
  bool deliver(const std::string& to, const std::string& body) {
    return registry.deliver(
        {to, Pid{"peer", "10.0.0.2", 1}, "peer@10.0.0.2:1", "name", body, 0, nullptr});
  }

  /// Handles what waits, and what that leads to.
  void turn() { loop.poll(); }
};

inline std::vector<std::string> bodies(Recorder& recorder) {
  std::vector<std::string> bodies;
  for (const Seen& seen : recorder.messages.now()) bodies.push_back(seen.body);
  return bodies;
}

}  // namespace parts
