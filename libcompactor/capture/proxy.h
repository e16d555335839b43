// A transparent pipe between TCP clients and a server that shows what passes: for where packets may
// not be captured.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/exchange.h"

namespace compactor::capture {

/// Listen here, connect there.
struct ProxyRule {
  std::string listen_host;  // empty: all interfaces
  std::uint16_t listen_port = 0;
  std::string host;
  std::uint16_t port = 0;
};

struct ProxyStats {
  std::uint64_t connections = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t refused = 0;  // clients closed because the server could not be reached
};

/// Bytes go on as they come, unchanged; a FIN and an RST of one side become the same on the other.
/// A side that does not read holds up only its own connection, at the cost of one buffer of 64 KiB.
class Proxy {
 public:
  /// Resolves and listens. Throws SocketError. `on_trouble` is called on the thread of run(), with
  /// one line for the user.
  Proxy(const std::vector<ProxyRule>& rules, ExchangeEvents& events, const ExchangeOptions& options,
        std::function<void(const std::string&)> on_trouble);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// The ports listened on, in the order of the rules.
  std::vector<std::uint16_t> ports() const;

  /// Serves until stop(); events are told on this thread. What is in flight then is told, and the
  /// connections closed.
  void run();
  void stop();  // any thread
  /// Stops, or goes on, taking bytes in. Any thread.
  void pause(bool paused);
  /// Calls `call` on the thread of run(), soon. Any thread.
  void post(std::function<void()> call);

  // On the thread of run(), or when it has returned.
  const ProxyStats& stats() const;
  const ExchangeLedger& ledger() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace compactor::capture
