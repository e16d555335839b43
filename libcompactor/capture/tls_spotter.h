// Connections that speak TLS, where nothing can be read: they are told apart from those that merely
// carry no messages.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "capture/reassembly.h"

namespace compactor::capture {

struct TlsStats {
  std::uint64_t connections = 0;
  std::string first;  // its two ends, for people
};

/// Looks at the first bytes of each direction on their way to a reader. Outlives the readers.
class TlsSpotter {
 public:
  std::unique_ptr<StreamReader> watch(const ConnectionInfo& connection,
                                      std::unique_ptr<StreamReader> reader);
  const TlsStats& stats() const { return stats_; }

 private:
  class Reader;
  TlsStats stats_;
};

}  // namespace compactor::capture
