// A peer that vanishes without a word: its interface goes down. Needs root, for a network
// namespace.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

#include "actors.h"
#include "raw_peer.h"

using namespace actors;

namespace {

void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

/// A network namespace that is reached by a pair of interfaces, 10.213.77.1 here, .2 there.
class Elsewhere {
 public:
  Elsewhere() {
    drop();
    shell("ip netns add " + name_);
    shell("ip link add " + here_ + " type veth peer name " + there_ + " netns " + name_);
    shell("ip addr add 10.213.77.1/30 dev " + here_ + " && ip link set " + here_ + " up");
    inside("ip addr add 10.213.77.2/30 dev " + there_);
    inside("ip link set " + there_ + " up");
  }
  ~Elsewhere() { drop(); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  /// From now on nothing that is sent arrives, and nobody says so.
  void vanish() { inside("ip link set " + there_ + " down"); }

  /// Runs `call` in this thread as if it were there: sockets that it makes belong there.
  template <class F>
  auto in(F call) {
    const int home = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const int other = ::open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
    if (::setns(other, CLONE_NEWNET) != 0) throw std::runtime_error("cannot enter the namespace");
    auto result = call();
    ::setns(home, CLONE_NEWNET);
    ::close(home);
    ::close(other);
    return result;
  }

 private:
  void inside(const std::string& command) {
    shell("ip netns exec " + name_ + " sh -c '" + command + "'");
  }
  void drop() {
    // What is not there need not be removed.
    shell("ip link del " + here_ + " 2>/dev/null; ip netns del " + name_ + " 2>/dev/null; true");
  }

  const std::string suffix_ = std::to_string(::getpid());
  const std::string name_ = "compactor" + suffix_;
  const std::string here_ = "cv" + suffix_ + "a", there_ = "cv" + suffix_ + "b";
};

}  // namespace

TEST_CASE("a linked peer that vanishes without FIN is told by keep-alive" *
          doctest::skip(::geteuid() != 0)) {
  Elsewhere elsewhere;
  Options there = loopback();
  there.ip = "10.213.77.2";
  // The loop thread of this one starts over there and stays.
  const auto far = elsewhere.in([&] { return std::make_unique<Context>(there); });
  const auto target = spawned<Recorder>(*far, "target");
  Options options = loopback();
  options.ip = "10.213.77.1";
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
