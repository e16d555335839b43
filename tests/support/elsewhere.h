// A host that can vanish without a word: its interface goes down.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/place.h"

/// A network namespace that is reached by a pair of interfaces: .1 of a small network is here, .2
/// there. It has no name and no mount, so it goes with this object.
class Elsewhere {
 public:
  /// Throws when it cannot be had; see lack().
  Elsewhere() : namespace_(new_namespace()) {
    const std::string there_net =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(namespace_);
    try {
      shell("ip link add " + here_ + " type veth peer name " + there_ + " netns " + there_net);
      shell("ip addr add " + here() + "/30 dev " + here_ + " && ip link set " + here_ + " up");
      inside("ip addr add " + there() + "/30 dev " + there_);
      inside("ip link set " + there_ + " up");
    } catch (...) {
      ::close(namespace_);
      throw;
    }
  }
  ~Elsewhere() {
    // One end takes the other with it. At once: the namespace itself lives on for a while.
    static_cast<void>(std::system(("ip link del " + here_ + " 2>/dev/null").c_str()));
    ::close(namespace_);
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  /// Why there can be none here.
  static place::Lack lack() {
    static const place::Lack found = []() -> place::Lack {
      try {
        Elsewhere().inside("true");
        return std::nullopt;
      } catch (const std::exception& error) {
        return std::string("no second host can be made (") + error.what() + ")";
      }
    }();
    return found;
  }

  std::string here() const { return network_ + "1"; }
  std::string there() const { return network_ + "2"; }

  /// From now on nothing that is sent arrives, and nobody says so.
  void vanish() { inside("ip link set " + there_ + " down"); }

  /// Runs `call` in this thread as if it were there: sockets and processes that it makes stay
  /// there.
  template <class F>
  auto in(F call) {
    const Visit visit(namespace_);
    return call();
  }

 private:
  /// This thread is in another network as long as this lives.
  class Visit {
   public:
    explicit Visit(int there) : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
      if (::setns(there, CLONE_NEWNET) != 0) throw std::runtime_error("cannot enter the namespace");
    }
    ~Visit() {
      ::setns(home_, CLONE_NEWNET);
      ::close(home_);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    int home_;
  };

  /// A descriptor is all that holds it.
  static int new_namespace() {
    int made = -1;
    std::thread([&made] {
      if (::unshare(CLONE_NEWNET) == 0)
        made = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }).join();
    if (made < 0) throw std::runtime_error("a new network namespace: not permitted");
    return made;
  }
  static void shell(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
  void inside(const std::string& command) {
    in([&] { shell(command); });
  }

  int namespace_;
  const std::string suffix_ = std::to_string(::getpid());
  // Tests run side by side, each in a process of its own.
  const std::string network_ = "10.213." + std::to_string(::getpid() % 250) + ".";
  const std::string here_ = "cv" + suffix_ + "a", there_ = "cv" + suffix_ + "b";
};
