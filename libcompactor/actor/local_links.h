// Links between processes of one Context.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "compactor/pid.h"

namespace compactor {

/// Kept in both directions, so that the end of a process costs what it has of links and not what
/// there are of processes. Processes are named by their ids.
class LocalLinks {
 public:
  /// Who was linked to a process, and by which spelling of its PID.
  using Linkers = std::map<std::string, Pid>;

  void add(const std::string& linker, const Pid& target);
  void remove(const std::string& linker, const std::string& target);
  /// The process has ended: it is forgotten, as linker and as target.
  Linkers end(const std::string& process);

 private:
  std::unordered_map<std::string, Linkers> linkers_;                // by target
  std::unordered_map<std::string, std::set<std::string>> targets_;  // by linker
};

}  // namespace compactor
