// What the tests of the actor room share: processes and observers that keep what they see, and can
// be waited for from the test's thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "compactor/compactor.h"

namespace actors {

using namespace compactor;
using namespace std::chrono_literals;

constexpr auto kPatience = 30s;

/// A list that one thread fills and another waits for.
template <class T>
class Log {
 public:
  void add(T item) {
    std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  /// The list, as soon as it has at least `count` items.
  std::vector<T> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return items_.size() >= count; }))
      throw std::runtime_error("waited too long: " + std::to_string(items_.size()) + " of " +
                               std::to_string(count));
    return items_;
  }
  std::vector<T> now() {
    std::lock_guard lock(mutex_);
    return items_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;
};

struct Seen {
  std::string from, sender, to, name, body;
  bool operator==(const Seen&) const = default;
};
struct Gone {
  std::string pid;
  ExitReason reason;
  bool operator==(const Gone&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Gone& gone) {
  return out << gone.pid << " " << to_string(gone.reason);
}

/// Keeps every message and every exit.
class Recorder : public Process {
 public:
  explicit Recorder(std::string id = "recorder") : Process(std::move(id)) {}
  using Process::delegate;
  using Process::install;
  using Process::link;
  using Process::route;
  using Process::send;
  using Process::terminate;

  Log<Seen> messages;
  Log<Gone> exits;

 protected:
  void receive(const MessageView& m) override {
    messages.add({m.from.str(), std::string(m.sender), m.to.str(), std::string(m.name),
                  std::string(m.body)});
  }
  void exited(const Pid& pid, ExitReason reason) override { exits.add({pid.str(), reason}); }
};

/// A process with public handlers, made on the spot.
class Plain : public Process {
 public:
  explicit Plain(std::string id = "plain") : Process(std::move(id)) {}
  using Process::delegate;
  using Process::install;
  using Process::link;
  using Process::route;
  using Process::send;
  using Process::terminate;
};

class Watcher : public Observer {
 public:
  void connected(const Address& peer, const Address&, Duration) override {
    connections.add(peer.str());
  }
  void connect_failed(const Address& peer, std::error_code, Duration) override {
    failures.add(peer.str());
  }
  void disconnected(const Address& peer, ExitReason reason) override {
    ends.add({peer.str(), reason});
  }
  void rejected(const Address&, std::string_view why) override { rejections.add(std::string(why)); }
  void warning(std::string_view text) override { warnings.add(std::string(text)); }

  Log<std::string> connections, failures, rejections, warnings;
  Log<Gone> ends;
};

/// Collects outcomes.
class Deliveries : public Log<Delivery> {
 public:
  OnDelivery callback() {
    return [this](const Delivery& delivery) { add(delivery); };
  }
};

inline Options loopback() {
  Options options;
  options.ip = "127.0.0.1";
  options.observer = std::make_shared<Watcher>();
  return options;
}

inline Watcher& watcher(const Context& context) {
  return static_cast<Watcher&>(*context.options().observer);
}

template <class P, class... Args>
std::shared_ptr<P> spawned(Context& context, Args&&... args) {
  auto process = std::make_shared<P>(std::forward<Args>(args)...);
  context.spawn(process);
  return process;
}

/// Runs `call` on the loop and returns when it has run, and so everything that was posted before.
inline void on_loop(
    Context& context, const std::function<void()>& call = [] {}) {
  Log<int> done;
  context.post([&] {
    call();
    done.add(0);
  });
  done.wait(1);
}

}  // namespace actors
