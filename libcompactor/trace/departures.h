// Which process is gone: the peers learn of it only as connections that end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "trace/reading.h"

namespace compactor::trace {

/// The end of a connection on which there were messages.
struct LinkEnd {
  Time time{};
  std::uint64_t conn = 0;
  std::string ended_by{};  // address:port of the process, as in its PID
  std::string other{};     // that of the other end
  bool accepted = false;   // who ended it had accepted it: a peer has lost its link
  bool reset = false;
  /// Who ended it is not known: the two are who had it, either way round.
  bool unclear = false;
  /// It may still be there: it was only lost sight of.
  bool lost_sight = false;
};

struct Departure {
  Time time{};
  std::string pid{};  // of somebody there, one with a role if there is one
  std::vector<std::string> noticed_by{};
  std::vector<std::uint64_t> conns{};
};

/// A process that ends all its connections within a second, and had accepted one of them, has
/// ended: libprocess itself never closes what it accepted. Bounded.
class Departures {
 public:
  using Tell = std::function<void(const Departure&)>;
  explicit Departures(Tell tell) : tell_(std::move(tell)) {}

  void add(const Message& message);
  /// Of every connection that had messages: else its processes seem to have it still.
  void add(const LinkEnd& end);

 private:
  struct Node {
    std::string pid{};
    std::unordered_set<std::uint64_t> alive{};
    std::vector<LinkEnd> ended{};  // within the last second
    bool lost_sight = false;       // of one of its connections: what it still has is not known
  };

  void learn(std::string_view pid, std::uint64_t conn);
  const std::string& pid_of(const std::string& address) const;

  Tell tell_;
  std::unordered_map<std::string, Node> nodes_;  // by address:port
  std::unordered_set<std::uint64_t> known_;      // connections
};

}  // namespace compactor::trace
