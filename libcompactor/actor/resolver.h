// Host names -> addresses, off the loop thread.
#pragma once

#include <netinet/in.h>

#include <functional>
#include <memory>
#include <string>
#include <system_error>

namespace compactor {

/// A few worker threads, started when there is something to look up. A look-up cannot be cancelled,
/// so the workers never keep their owner waiting: what is under way when the Resolver is destroyed
/// is finished and forgotten.
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

 private:
  struct State;
  static void work(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace compactor
