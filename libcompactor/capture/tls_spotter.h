// Connections that speak TLS, where nothing can be read: they are told apart from those that merely
// carry no messages.
#pragma once

#include <array>
#include <string_view>

#include "capture/reassembly.h"

namespace compactor::capture {

/// Looks at the first bytes of each direction of one connection.
class TlsSpotter {
 public:
  /// True once: when the bytes that this side sent first show that the connection speaks TLS.
  bool spots(Side sender, std::string_view bytes);
  /// What this side sends next is not its first.
  void miss(Side sender) { began_[index(sender)] = true; }

 private:
  std::array<bool, 2> began_{};
  bool spotted_ = false;
};

}  // namespace compactor::capture
