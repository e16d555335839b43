// The connections that peers opened, and the socket that accepts them.
#pragma once

#include <asio.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "actor/commons.h"
#include "actor/inbound.h"
#include "actor/registry.h"
#include "actor/router.h"
#include "compactor/context.h"
#include "net/handshakes.h"

namespace compactor {

/// Loop only, unless a function says otherwise.
class InboundConnections : private InboundHost {
 public:
  /// Listens; nothing is accepted before accept(). Throws as the constructor of a Context.
  InboundConnections(Commons& its_commons, Registry& its_registry, const Router& its_router);

  const Address& bound() const { return bound_; }
  void accept();

  /// Messages wait from now on, also those that were read already. Any thread.
  void pause() { receiving_paused = true; }
  /// Ends the pause; go_on() has to be called then. Any thread.
  void end_pause() { receiving_paused = false; }
  /// Reads on where the pause has held connections back, in the order in which it did.
  void go_on();

  /// Writes the answers of this turn.
  void flush();
  bool needs_flush() const { return !to_flush.empty(); }

  void stop_accepting();
  /// What is owed is written, then all are closed.
  void shut_down();
  void close();
  bool empty() const { return all_.empty(); }

 private:
  void hold_back(const std::shared_ptr<Inbound>& connection) override {
    held_back_.push_back(connection);
  }
  void need_sweep() override;
  void closed(const std::shared_ptr<Inbound>& connection) override;

  void accept_some();
  void pause_accepting(const std::string& why);
  void accepted(int descriptor, const sockaddr_in& peer);
  void shake_hands(Transport transport, const sockaddr_in& peer);
  void serve(Transport transport, const sockaddr_in& peer);
  void sweep();
  /// A copy: what is done with a connection may end it.
  std::vector<std::shared_ptr<Inbound>> all() const { return {all_.begin(), all_.end()}; }

  const std::size_t max_;
  asio::posix::stream_descriptor listener_;
  Address bound_;
  bool accept_paused_ = false, accept_warned_ = false;
  Handshakes handshakes_;
  std::unordered_set<std::shared_ptr<Inbound>> all_;
  std::deque<std::weak_ptr<Inbound>> held_back_;
  asio::steady_timer sweep_timer_;
  bool sweep_armed_ = false;
};

}  // namespace compactor
