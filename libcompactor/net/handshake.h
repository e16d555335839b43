// From a TCP connection to one that text goes over, where TLS is on.
#pragma once

#include <asio.hpp>
#include <functional>
#include <memory>
#include <string>

#include "compactor/context.h"
#include "net/network.h"
#include "net/transport.h"
#include "tls/config.h"
#include "tls/session.h"

namespace compactor {

/// The handshake of one connection, and, with the scheme legacy, the look-up of its peer's name.
/// With SUPPORT_DOWNGRADE a client that speaks no TLS, or is silent for the time of the limit,
/// comes out of it as one of plain TCP. On the thread of the connections.
class Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  /// No error: the transport is ready, for TLS or for plain text.
  using Done = std::function<void(Transport transport, const tls::Failure& failure)>;

  /// It may take so long. `ip` is the peer's address, numeric; `name` is its host as it was given,
  /// when that is another.
  Handshake(Network& network, Duration limit, std::shared_ptr<const tls::Config> config,
            tls::Role role, Transport transport, std::string ip, std::string name);

  /// `done` is called once, never from within this call, and not after cancel().
  void start(Done done);
  /// Closes the connection.
  void cancel();

 private:
  void await_opening();
  void look_at_opening();
  void begin();
  void go_on();
  void check_name();
  void finish(const tls::Failure& failure);
  void fail(TlsFault fault, const char* reason);
  void time_out();

  Network& network_;
  const Duration limit_;
  std::shared_ptr<const tls::Config> config_;
  const tls::Role role_;
  Transport transport_;
  const std::string ip_;
  const std::string name_;
  asio::steady_timer timer_;
  std::unique_ptr<tls::Session> session_;
  Done done_;
  bool heard_ = false;  // something of the client
};

}  // namespace compactor
