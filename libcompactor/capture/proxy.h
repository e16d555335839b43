// A transparent pipe between TCP clients and a server that shows what passes: for where packets may
// not be captured.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/exchange.h"
#include "tls/config.h"

namespace compactor::capture {

/// Listen here, connect there.
struct ProxyRule {
  std::string listen_host;  // numeric; empty: all interfaces of IPv4
  std::uint16_t listen_port = 0;
  std::string host;                    // of the upstream, for people
  std::uint16_t port = 0;              // of the upstream
  std::vector<std::string> addresses;  // of the host: numeric, tried in this order
  bool listen_tls = false;             // clients speak TLS, and what is inside is shown
  bool connect_tls = false;            // … the upstream
};

struct ProxyOptions {
  ExchangeOptions exchange;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(5);  // of all addresses together
  std::shared_ptr<const tls::Config> tls;  // for the rules that say so; never null then
  std::size_t max_clients = 500;  // at once, each with two descriptors; more wait to be accepted
  /// Called many times a second, on the thread of run(), after what is due then was told.
  std::function<void(Time now)> on_tick{};
};

struct ProxyStats {
  std::uint64_t connections = 0;
  std::uint64_t passed_bytes = 0;  // of both directions
  std::uint64_t refused = 0;       // clients turned away, as the server could not be reached
};

/// Bytes go on as they come, unchanged; a FIN and an RST of one side become the same on the other,
/// after all that was sent before. What becomes of a client is told in capture/pipe.h.
class Proxy {
 public:
  /// Listens. Throws SocketError. `on_trouble` is called on the thread of run(), with one line for
  /// the user, a few times a second at most.
  Proxy(const std::vector<ProxyRule>& rules, ExchangeEvents& events, const ProxyOptions& options,
        std::function<void(const std::string&)> on_trouble);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// The ports listened on, in the order of the rules.
  std::vector<std::uint16_t> ports() const;

  /// Serves until stop(); events are told on this thread. What is in flight then is told, and the
  /// connections closed. Throws what the events throw; then nothing more is told.
  void run();
  void stop();  // any thread
  /// In place of ProxyOptions::tls, for connections from now on. Any thread.
  void set_tls(std::shared_ptr<const tls::Config> config);
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
