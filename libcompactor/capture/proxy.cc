#include "capture/proxy.h"

#include <array>
#include <asio.hpp>
#include <unordered_set>
#include <utility>

#include "capture/pipe.h"
#include "compactor/error.h"
#include "net/handshakes.h"

namespace compactor::capture {
namespace {

using asio::ip::tcp;
using ErrorCode = std::error_code;

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::seconds kBetweenRefusals{1};

[[noreturn]] void fail(const std::string& what, const ErrorCode& error) {
  throw SocketError(what + ": " + error.message(), error);
}

tcp::endpoint local_endpoint(const ProxyRule& rule) {
  if (rule.listen_host.empty()) return {tcp::v4(), rule.listen_port};
  ErrorCode error;
  const auto address = asio::ip::make_address(rule.listen_host, error);
  if (error) fail("cannot listen on " + rule.listen_host, error);
  return {address, rule.listen_port};
}

/// A name is whom its certificate is for, where the scheme takes it from there.
std::string tls_name(const ProxyRule& rule, const TlsOptions& options) {
  ErrorCode not_numeric;
  asio::ip::make_address(rule.host, not_numeric);
  const bool by_host =
      options.hostname_validation_scheme == TlsOptions::HostnameValidation::openssl;
  return options.hostname.empty() && not_numeric && by_host ? rule.host : options.hostname;
}

Upstream upstream_of(const ProxyRule& rule, const ProxyOptions& options) {
  Upstream upstream;
  upstream.name = rule.host + ":" + std::to_string(rule.port);
  upstream.connect_timeout = options.connect_timeout;
  if (rule.connect_tls) {
    upstream.tls = options.tls;
    upstream.tls_name = tls_name(rule, options.tls->options());
  }
  for (const std::string& text : rule.addresses) {
    ErrorCode error;
    const auto address = asio::ip::make_address(text, error);
    if (error) fail("cannot connect to " + text, error);
    upstream.addresses.emplace_back(address, rule.port);
  }
  return upstream;
}

/// Whether a connection to that address would come back to us.
bool leads_to(const tcp::endpoint& listening, const tcp::endpoint& upstream) {
  if (listening.port() != upstream.port()) return false;
  const bool everywhere = listening.address().is_unspecified();
  return listening.address() == upstream.address() ||
         (everywhere && upstream.address().is_loopback());
}

/// Says that clients are turned away: at once, then once a second with the number of them.
class Refusals {
 public:
  explicit Refusals(const std::function<void(const std::string&)>& tell) : tell_(tell) {}

  void add(const std::string& what, std::size_t bytes) {
    what_ = what;
    ++clients_;
    bytes_ += bytes;
    on_time();
  }
  void on_time() {
    const auto now = std::chrono::steady_clock::now();
    if (clients_ == 0 || now - last_ < kBetweenRefusals) return;
    last_ = now;
    tell();
  }
  void tell() {
    if (clients_ == 0) return;
    std::string text = what_;
    if (clients_ > 1) text += " (" + std::to_string(clients_) + " clients)";
    if (bytes_ > 0) text += "; " + std::to_string(bytes_) + " bytes were not passed on";
    clients_ = 0;
    bytes_ = 0;
    tell_(text);
  }

 private:
  const std::function<void(const std::string&)>& tell_;
  std::string what_;
  std::uint64_t clients_ = 0;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace

struct Proxy::Impl : PipeHost {
  struct Listener {
    Listener(asio::io_context& io, Upstream to, const tcp::endpoint& local, bool speaks_tls)
        : acceptor(io, local.protocol()), upstream(std::move(to)), tls(speaks_tls) {}
    tcp::acceptor acceptor;
    Upstream upstream;
    bool tls;
    tcp::endpoint client;    // of the one being accepted
    bool accepting = false;  // or about to
  };

  Impl(ExchangeEvents& to_tell, const ProxyOptions& given,
       std::function<void(const std::string&)> trouble)
      : events(to_tell),
        options(given),
        tracker(events, options.exchange),
        on_trouble(std::move(trouble)),
        ticker(io) {}

  void listen(const ProxyRule& rule);
  void accept_more();
  void accept(Listener& listener);
  void accept_later(Listener& listener);
  void shake_hands(const Listener& listener, Transport client, const tcp::endpoint& from);
  void serve(const Listener& listener, Transport client, const tcp::endpoint& from);
  void tick();
  void shut_down();

  std::uint64_t number() override { return ++clients; }
  std::unique_ptr<StreamReader> open(const ConnectionInfo& connection) override;
  void on_connection(const ConnectionReport& report) override { events.on_connection(report); }
  void on_refused(const std::string& upstream, const std::string& why, std::size_t lost) override;
  void on_passed(std::size_t bytes) override { stats.passed_bytes += bytes; }
  void on_closed(const std::shared_ptr<Pipe>& pipe) override;
  bool paused() const override { return is_paused; }
  std::span<char> buffer() override { return shared_buffer; }
  Network& network() override { return its_network; }
  void on_downgraded(const std::string& upstream, const std::string& why) override;

  ExchangeEvents& events;
  ProxyOptions options;
  ExchangeTracker tracker;
  std::function<void(const std::string&)> on_trouble;
  Refusals refusals{on_trouble};
  Refusals failures{on_trouble};  // of TLS
  std::array<char, kBuffer> shared_buffer{};
  ProxyStats stats;
  std::uint64_t clients = 0;
  bool is_paused = false;
  bool told_full = false;
  bool told_failed = false;
  // The handlers in it own pipes, whose readers need the tracker: whatever ended run(), it goes
  // before what is above and after the sockets below.
  asio::io_context io{1};
  Network its_network{[this](std::function<void()> call) {
    asio::post(io, std::move(call));
    return true;
  }};
  asio::steady_timer ticker;
  std::vector<std::unique_ptr<Listener>> listeners;
  Handshakes handshakes{its_network, options.connect_timeout, options.max_clients / 2};
  std::unordered_set<std::shared_ptr<Pipe>> pipes;
};

void Proxy::Impl::listen(const ProxyRule& rule) {
  const tcp::endpoint local = local_endpoint(rule);
  auto listener =
      std::make_unique<Listener>(io, upstream_of(rule, options), local, rule.listen_tls);
  tcp::acceptor& acceptor = listener->acceptor;
  ErrorCode error;
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(local, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) fail("cannot listen on " + to_endpoint(local).str(), error);
  for (const tcp::endpoint& upstream : listener->upstream.addresses) {
    if (!leads_to(acceptor.local_endpoint(), upstream)) continue;
    throw SocketError("cannot pass on to " + listener->upstream.name + ": that is the proxy itself",
                      std::make_error_code(std::errc::invalid_argument));
  }
  listeners.push_back(std::move(listener));
}

void Proxy::Impl::accept_more() {
  for (const auto& listener : listeners) {
    if (!listener->accepting && listener->acceptor.is_open()) accept(*listener);
  }
}

void Proxy::Impl::accept(Listener& listener) {
  listener.accepting = false;
  if (pipes.size() + handshakes.size() >= options.max_clients) {
    if (std::exchange(told_full, true)) return;
    return on_trouble(std::to_string(options.max_clients) +
                      " clients are connected: more are accepted as these leave");
  }
  listener.accepting = true;
  listener.acceptor.async_accept(
      listener.client, [this, &listener](const ErrorCode& error, tcp::socket client) {
        if (error == asio::error::operation_aborted) return;
        if (error) {
          if (!std::exchange(told_failed, true)) on_trouble("cannot accept: " + error.message());
          return accept_later(listener);
        }
        Transport transport(std::move(client));
        listener.tls ? shake_hands(listener, std::move(transport), listener.client)
                     : serve(listener, std::move(transport), listener.client);
        accept(listener);
      });
}

void Proxy::Impl::shake_hands(const Listener& listener, Transport client,
                              const tcp::endpoint& from) {
  ErrorCode ignored;
  client.socket().non_blocking(true, ignored);
  client.socket().set_option(tcp::no_delay(true), ignored);
  handshakes.start(options.tls, std::move(client), from.address().to_string(),
                   [this, &listener, from](Transport ready, const tls::Failure& failure) {
                     if (!failure.error) return serve(listener, std::move(ready), from);
                     // Who only looks whether the port is there does no harm.
                     if (failure.error != TlsFault::closed) {
                       failures.add(
                           "no TLS with " + to_endpoint(from).str() + ": " + failure.reason, 0);
                     }
                     accept_more();
                   });
}

void Proxy::Impl::serve(const Listener& listener, Transport client, const tcp::endpoint& from) {
  const auto pipe = std::make_shared<Pipe>(*this, std::move(client), from);
  pipes.insert(pipe);
  pipe->connect(listener.upstream);
}

/// No descriptor is free: it is tried again, not spun upon.
void Proxy::Impl::accept_later(Listener& listener) {
  auto timer = std::make_shared<asio::steady_timer>(io, kAcceptPause);
  timer->async_wait([this, &listener, timer](const ErrorCode&) {
    if (listener.acceptor.is_open()) accept(listener);
  });
}

std::unique_ptr<StreamReader> Proxy::Impl::open(const ConnectionInfo& connection) {
  ++stats.connections;
  return tracker.open(connection);
}

void Proxy::Impl::on_refused(const std::string& upstream, const std::string& why,
                             std::size_t lost) {
  ++stats.refused;
  refusals.add("cannot connect to " + upstream + ": " + why, lost);
}

void Proxy::Impl::on_downgraded(const std::string& upstream, const std::string& why) {
  failures.add(upstream + ": " + why + "; going on in plain (--tls-downgrade)", 0);
}

void Proxy::Impl::on_closed(const std::shared_ptr<Pipe>& pipe) {
  pipes.erase(pipe);
  accept_more();
}

void Proxy::Impl::tick() {
  ticker.expires_after(kTick);
  ticker.async_wait([this](const ErrorCode& error) {
    if (error) return;
    const Time now = wall_time();
    tracker.on_time(now);
    refusals.on_time();
    failures.on_time();
    if (options.on_tick) options.on_tick(now);
    tick();
  });
}

void Proxy::Impl::shut_down() {
  for (const auto& listener : listeners) {
    ErrorCode ignored;
    listener->acceptor.close(ignored);
  }
  handshakes.cancel_all();
  const auto open_ones = pipes;
  for (const auto& pipe : open_ones) pipe->close(Close::ended);
  refusals.tell();
  failures.tell();
  io.stop();
}

Proxy::Proxy(const std::vector<ProxyRule>& rules, ExchangeEvents& events,
             const ProxyOptions& options, std::function<void(const std::string&)> on_trouble)
    : impl_(std::make_unique<Impl>(events, options, std::move(on_trouble))) {
  for (const ProxyRule& rule : rules) impl_->listen(rule);
}

Proxy::~Proxy() = default;

std::vector<std::uint16_t> Proxy::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : impl_->listeners)
    ports.push_back(listener->acceptor.local_endpoint().port());
  return ports;
}

void Proxy::run() {
  impl_->accept_more();
  impl_->tick();
  impl_->io.run();
}

void Proxy::stop() {
  asio::post(impl_->io, [this] { impl_->shut_down(); });
}

void Proxy::set_tls(std::shared_ptr<const tls::Config> config) {
  asio::post(impl_->io, [this, config = std::move(config)] {
    impl_->options.tls = config;
    for (const auto& listener : impl_->listeners) {
      if (listener->upstream.tls) listener->upstream.tls = config;
    }
  });
}

void Proxy::pause(bool paused) {
  asio::post(impl_->io, [this, paused] {
    impl_->is_paused = paused;
    if (paused) return;
    const auto open_ones = impl_->pipes;
    for (const auto& pipe : open_ones) pipe->resume();
  });
}

void Proxy::post(std::function<void()> call) {
  asio::post(impl_->io, std::move(call));
}

const ProxyStats& Proxy::stats() const {
  return impl_->stats;
}
const ExchangeLedger& Proxy::ledger() const {
  return impl_->tracker.ledger();
}

}  // namespace compactor::capture
