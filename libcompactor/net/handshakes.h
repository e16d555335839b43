// The handshakes of the clients of one server.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "net/handshake.h"

namespace compactor {

/// Those that are never ended keep nobody away: when there are too many the oldest is given up, as
/// all are after a time. On the thread of the connections.
class Handshakes {
 public:
  using Done = Handshake::Done;

  /// At most so many at once, each for so long.
  Handshakes(Network& network, Duration limit, std::size_t most)
      : network_(network), limit_(limit), most_(most) {}

  /// `ip` is the client's address, numeric. `done` is called as Handshake::start() says, but not
  /// for one that is given up. False when another had to be for it.
  bool start(std::shared_ptr<const tls::Config> config, Transport client, const std::string& ip,
             Done done);
  void cancel_all();
  std::size_t size() const { return under_way_.size(); }

 private:
  Network& network_;
  const Duration limit_;
  const std::size_t most_;
  std::list<std::shared_ptr<Handshake>> under_way_;  // the oldest first
};

}  // namespace compactor
