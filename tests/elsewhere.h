// A host that can vanish without a word: its interface goes down.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

/// A network namespace that is reached by a pair of interfaces: .1 of a small network is here, .2
/// there. Needs root.
class Elsewhere {
 public:
  Elsewhere() {
    drop();
    shell("ip netns add " + name_);
    shell("ip link add " + here_ + " type veth peer name " + there_ + " netns " + name_);
    shell("ip addr add " + here() + "/30 dev " + here_ + " && ip link set " + here_ + " up");
    inside("ip addr add " + there() + "/30 dev " + there_);
    inside("ip link set " + there_ + " up");
  }
  ~Elsewhere() { drop(); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  std::string here() const { return network_ + "1"; }
  std::string there() const { return network_ + "2"; }

  /// From now on nothing that is sent arrives, and nobody says so.
  void vanish() { inside("ip link set " + there_ + " down"); }

  /// Runs `call` in this thread as if it were there: sockets and processes that it makes stay
  /// there.
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
  static void shell(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  void inside(const std::string& command) {
    shell("ip netns exec " + name_ + " sh -c '" + command + "'");
  }
  void drop() {
    // What is not there need not be removed.
    shell("ip link del " + here_ + " 2>/dev/null; ip netns del " + name_ + " 2>/dev/null; true");
  }

  const std::string suffix_ = std::to_string(::getpid());
  // Tests run side by side, each in a process of its own.
  const std::string network_ = "10.213." + std::to_string(::getpid() % 250) + ".";
  const std::string name_ = "compactor" + suffix_;
  const std::string here_ = "cv" + suffix_ + "a", there_ = "cv" + suffix_ + "b";
};
