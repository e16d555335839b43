// Host names -> addresses, off the loop thread and within a deadline.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace compactor {

/// One look-up for a caller that waits. getaddrinfo() can neither be cancelled nor given a
/// deadline, so it runs on a thread of its own; one that the caller gives up is finished there and
/// forgotten.
class Lookup {
 public:
  using Clock = std::chrono::steady_clock;

  /// `family` is AF_INET, or AF_UNSPEC for IPv6 addresses too. Throws SocketError when there is no
  /// descriptor or no thread to be had.
  Lookup(const std::string& host, int family);
  ~Lookup();  // never waits
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Readable once the result is there.
  int descriptor() const;
  /// Blocks until then; false when the deadline comes first.
  bool wait(Clock::time_point deadline) const;

  // Once the result is there.
  /// Of resolve_category(), or none.
  std::error_code error() const;
  /// Numeric, in the resolver's order of preference, each once. Empty when there is an error.
  const std::vector<std::string>& addresses() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Many look-ups for a loop. A few worker threads, started when there is something to look up. A
/// look-up cannot be cancelled, so the workers never keep their owner waiting: what is under way
/// when the Resolver is destroyed is finished and forgotten.
class Resolver {
 public:
  using Callback = std::function<void(std::error_code, in_addr)>;

  Resolver();
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` is called on a worker's thread, or at once when too many look-ups wait; never after the
  /// Resolver is gone. It must not call the Resolver.
  void resolve(const std::string& host, const Callback& done);

  /// The name of a numeric address, IPv4 or IPv6, in the same way.
  using NameCallback = std::function<void(std::error_code, const std::string&)>;
  void reverse(const std::string& address, const NameCallback& done);

 private:
  struct State;
  /// Looks something up, and returns how that is told.
  using Task = std::function<std::function<void()>()>;

  void queue(Task task, const std::function<void()>& refuse);
  static void work(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace compactor
