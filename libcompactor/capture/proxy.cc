#include "capture/proxy.h"

#include <array>
#include <asio.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "compactor/error.h"

namespace compactor::capture {
namespace {

using asio::ip::tcp;
using ErrorCode = std::error_code;

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::chrono::milliseconds kTick{50};
constexpr std::chrono::milliseconds kAcceptPause{100};

Time now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

Endpoint to_endpoint(const tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v4()) return {Address::v4(address.to_v4().to_bytes().data()), endpoint.port()};
  return {Address::v6(address.to_v6().to_bytes().data()), endpoint.port()};
}

[[noreturn]] void fail(const std::string& what, const ErrorCode& error) {
  throw SocketError(what + ": " + error.message(), error);
}

}  // namespace

struct Proxy::Impl {
  class Pipe;

  struct Listener {
    Listener(asio::io_context& io, const tcp::endpoint& local) : acceptor(io, local.protocol()) {}
    tcp::acceptor acceptor;
    std::vector<tcp::endpoint> upstream;
    std::string name;  // of the upstream, for people
  };

  Impl(ExchangeEvents& events, const ExchangeOptions& options,
       std::function<void(const std::string&)> trouble)
      : tracker(events, options), on_trouble(std::move(trouble)), ticker(io) {}

  void listen(const ProxyRule& rule);
  void accept(Listener& listener);
  void accept_later(Listener& listener);
  void tick();
  void shut_down();

  asio::io_context io{1};
  ExchangeTracker tracker;
  std::function<void(const std::string&)> on_trouble;
  asio::steady_timer ticker;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unordered_set<std::shared_ptr<Pipe>> pipes;
  std::array<char, kBuffer>
      buffer{};  // what is being passed on; what cannot be is kept by its pipe
  ProxyStats stats;
  bool paused = false;
  bool told_full = false;
};

/// One client and the connection made for it.
class Proxy::Impl::Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Impl& impl, tcp::socket client)
      : impl_(impl), sockets_{std::move(client), tcp::socket(impl.io)} {}

  void connect(const Listener& listener) {
    asio::async_connect(socket(Side::b), listener.upstream,
                        [self = shared_from_this(), name = listener.name](
                            const ErrorCode& error, const tcp::endpoint& upstream) {
                          if (error) {
                            self->refuse(name, error);
                          } else {
                            self->start(upstream);
                          }
                        });
  }

  void resume() {
    for (const Side side : {Side::a, Side::b}) {
      if (std::exchange(end(side).held, false)) read_when_ready(side);
    }
  }

  void close(Close how) {
    if (closed_) return;
    closed_ = true;
    if (reader_) reader_->on_close(how, now());
    reader_.reset();
    for (const Side side : {Side::a, Side::b}) {
      ErrorCode ignored;
      if (how == Close::reset) socket(side).set_option(asio::socket_base::linger(true, 0), ignored);
      socket(side).close(ignored);
    }
    impl_.pipes.erase(shared_from_this());
  }

 private:
  /// What comes from one side, on its way to the other.
  struct End {
    std::string waiting;       // read, not yet written to the other side
    std::uint64_t passed = 0;  // bytes read
    bool ended = false;        // FIN
    bool held = false;         // would read, were it not paused
  };

  End& end(Side side) { return ends_[index(side)]; }
  tcp::socket& socket(Side side) { return sockets_[index(side)]; }

  void refuse(const std::string& name, const ErrorCode& error) {
    if (closed_) return;
    ++impl_.stats.refused;
    impl_.on_trouble("cannot connect to " + name + ": " + error.message());
    close(Close::reset);
  }

  void start(const tcp::endpoint& upstream) {
    if (closed_) return;
    ErrorCode error;
    const tcp::endpoint client = socket(Side::a).remote_endpoint(error);
    if (error) return close(Close::reset);
    for (tcp::socket& each : sockets_) {
      each.non_blocking(true, error);
      each.set_option(tcp::no_delay(true), error);
    }
    ConnectionInfo info{++impl_.stats.connections, to_endpoint(client), to_endpoint(upstream),
                        Side::a};
    reader_ = impl_.tracker.open(info);
    read_when_ready(Side::a);
    read_when_ready(Side::b);
  }

  void read_when_ready(Side side) {
    if (impl_.paused) {
      end(side).held = true;
      return;
    }
    socket(side).async_wait(tcp::socket::wait_read,
                            [self = shared_from_this(), side](const ErrorCode& error) {
                              if (!error && !self->closed_) self->read(side);
                            });
  }

  void read(Side side) {
    if (impl_.paused) return read_when_ready(side);
    ErrorCode error;
    const std::size_t size = socket(side).read_some(asio::buffer(impl_.buffer), error);
    if (error == asio::error::would_block) return read_when_ready(side);
    if (error == asio::error::eof) return finish(side);
    if (error) return close(Close::reset);
    pass(side, {impl_.buffer.data(), size});
  }

  /// On it goes first; looking at it costs the ends nothing then.
  void pass(Side side, std::string_view bytes) {
    ErrorCode error;
    std::size_t written = socket(other(side)).write_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block) written = 0;
    const bool broken = error && error != asio::error::would_block;
    const Stamp stamp{now(), end(side).passed, end(other(side)).passed};
    end(side).passed += bytes.size();
    impl_.stats.data_bytes += bytes.size();
    reader_->on_data(side, bytes, stamp);
    if (broken) return drain(side);
    if (written == bytes.size()) return read_when_ready(side);
    end(side).waiting.assign(bytes.substr(written));
    write_when_ready(side);
  }

  void write_when_ready(Side side) {
    socket(other(side))
        .async_wait(tcp::socket::wait_write,
                    [self = shared_from_this(), side](const ErrorCode& error) {
                      if (!error && !self->closed_) self->write(side);
                    });
  }

  void write(Side side) {
    std::string& waiting = end(side).waiting;
    ErrorCode error;
    const std::size_t written = socket(other(side)).write_some(asio::buffer(waiting), error);
    if (error == asio::error::would_block) return write_when_ready(side);
    if (error) return drain(side);
    waiting.erase(0, written);
    if (!waiting.empty()) return write_when_ready(side);
    waiting = {};
    read_when_ready(side);
  }

  void finish(Side side) {
    end(side).ended = true;
    reader_->on_end(side, now());
    ErrorCode ignored;
    socket(other(side)).shutdown(tcp::socket::shutdown_send, ignored);
    if (end(other(side)).ended) close(Close::finished);
  }

  /// The other side takes nothing more; what it sent before that is still to be passed on.
  void drain(Side side) {
    const Side gone = other(side);
    for (;;) {
      ErrorCode error;
      const std::size_t size = socket(gone).read_some(asio::buffer(impl_.buffer), error);
      if (error || end(gone).ended) break;
      const std::string_view bytes(impl_.buffer.data(), size);
      reader_->on_data(gone, bytes, {now(), end(gone).passed, end(side).passed});
      end(gone).passed += size;
      impl_.stats.data_bytes += size;
      end(gone).waiting.append(bytes);
      const std::size_t written = socket(side).write_some(asio::buffer(end(gone).waiting), error);
      if (error) break;
      end(gone).waiting.erase(0, written);
    }
    close(Close::reset);
  }

  Impl& impl_;
  std::array<tcp::socket, 2> sockets_;  // a: the client
  std::array<End, 2> ends_;
  std::unique_ptr<StreamReader> reader_;
  bool closed_ = false;
};

void Proxy::Impl::listen(const ProxyRule& rule) {
  ErrorCode error;
  tcp::resolver resolver(io);
  const std::string name = rule.host + ":" + std::to_string(rule.port);
  const auto found = resolver.resolve(rule.host, std::to_string(rule.port), error);
  if (error) fail("cannot resolve " + rule.host, error);
  tcp::endpoint local(tcp::v4(), rule.listen_port);
  if (!rule.listen_host.empty()) {
    const auto address = asio::ip::make_address(rule.listen_host, error);
    if (error) fail("cannot listen on " + rule.listen_host, error);
    local = {address, rule.listen_port};
  }
  auto listener = std::make_unique<Listener>(io, local);
  listener->name = name;
  for (const auto& entry : found) listener->upstream.push_back(entry.endpoint());
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(local, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) fail("cannot listen on " + to_endpoint(local).str(), error);
  listeners.push_back(std::move(listener));
}

void Proxy::Impl::accept(Listener& listener) {
  listener.acceptor.async_accept([this, &listener](const ErrorCode& error, tcp::socket client) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      if (!std::exchange(told_full, true)) on_trouble("cannot accept: " + error.message());
      return accept_later(listener);
    }
    auto pipe = std::make_shared<Pipe>(*this, std::move(client));
    pipes.insert(pipe);
    pipe->connect(listener);
    accept(listener);
  });
}

/// No descriptor is free: it is tried again, not spun upon.
void Proxy::Impl::accept_later(Listener& listener) {
  auto timer = std::make_shared<asio::steady_timer>(io, kAcceptPause);
  timer->async_wait([this, &listener, timer](const ErrorCode&) {
    if (listener.acceptor.is_open()) accept(listener);
  });
}

void Proxy::Impl::tick() {
  ticker.expires_after(kTick);
  ticker.async_wait([this](const ErrorCode& error) {
    if (error) return;
    tracker.on_time(now());
    tick();
  });
}

void Proxy::Impl::shut_down() {
  for (const auto& listener : listeners) {
    ErrorCode ignored;
    listener->acceptor.close(ignored);
  }
  const auto open = pipes;
  for (const auto& pipe : open) pipe->close(Close::ended);
  io.stop();
}

Proxy::Proxy(const std::vector<ProxyRule>& rules, ExchangeEvents& events,
             const ExchangeOptions& options, std::function<void(const std::string&)> on_trouble)
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
  for (const auto& listener : impl_->listeners) impl_->accept(*listener);
  impl_->tick();
  impl_->io.run();
}

void Proxy::stop() {
  asio::post(impl_->io, [this] { impl_->shut_down(); });
}

void Proxy::pause(bool paused) {
  asio::post(impl_->io, [this, paused] {
    impl_->paused = paused;
    if (paused) return;
    const auto open = impl_->pipes;
    for (const auto& pipe : open) pipe->resume();
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
