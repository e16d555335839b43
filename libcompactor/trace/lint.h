// Messages on which the process that receives them aborts: what a hand or a script must not send to
// a cluster that anybody needs. From the sources of Mesos (CHECKs in master.cpp, slave.cpp,
// exec.cpp and the log's replica.cpp).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"

namespace compactor::trace {

/// Thread-safe. What only the receiver knows (which tasks it has, who is registered) is taken for
/// granted where the rest fits.
class Lint {
 public:
  /// The catalog outlives it.
  explicit Lint(const schema::Catalog& catalog);
  ~Lint();
  Lint(const Lint&) = delete;
  Lint& operator=(const Lint&) = delete;

  /// Why a process with the PID `to` aborts when it gets that; empty when it does not, or when
  /// nothing is known of the message or of what such a process is.
  std::string fatal(std::string_view to, std::string_view name, std::string_view body) const;

 private:
  struct Rule;
  std::vector<Rule> rules_;
};

}  // namespace compactor::trace
