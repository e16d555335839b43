// What connections need of the thread that they live on.
#pragma once

#include <functional>

#include "net/resolver.h"

namespace compactor {

/// One for all the connections of a thread. Outlives them.
struct Network {
  /// Runs the call later, on that thread; false when it has ended. Any thread.
  std::function<bool(std::function<void()>)> post;
  Resolver resolver{};  // last: its workers may post until it is gone
};

}  // namespace compactor
