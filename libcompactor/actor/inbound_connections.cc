#include "actor/inbound_connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "net/clock.h"
#include "net/net.h"

namespace compactor {
namespace {

// So that a storm of new connections does not hold up the others.
constexpr int kAcceptedPerTurn = 64;

Address listening_address(const Options& options) {
  if (options.ip.find(':') != std::string::npos)
    throw Error("libprocess has no IPv6: " + options.ip);
  return {options.ip.empty() ? "0.0.0.0" : resolve_ipv4(options.ip, options.connect_timeout),
          options.port};
}

}  // namespace

InboundConnections::InboundConnections(Commons& its_commons, Registry& its_registry,
                                       const Router& its_router)
    : InboundHost(its_commons, its_registry, its_router),
      max_(connection_limit(commons.options.max_connections)),
      listener_(commons.loop.io()),
      handshakes_(commons.network, commons.options.connect_timeout, max_ / 2),
      sweep_timer_(commons.loop.io()) {
  const Address wanted = listening_address(commons.options);
  listener_.assign(listen_on(wanted.host, wanted.port));
  bound_ = local_of(listener_.native_handle());
}

// --- Accepting

void InboundConnections::accept() {
  if (commons.stopping) return;
  listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const asio::error_code& failed) {
                         if (failed) return;
                         const Loop::Turn turn(commons.loop);
                         accept_some();
                       });
}

void InboundConnections::accept_some() {
  for (int i = 0; i < kAcceptedPerTurn; ++i) {
    if (all_.size() + handshakes_.size() >= max_) {
      return pause_accepting(
          "the limit of " + std::to_string(max_) +
          " connections is reached: new ones wait until others close (see --max-connections)");
    }
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int socket = ::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                 &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      accepted(socket, peer);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return pause_accepting("cannot accept connections: " +
                             describe({errno, std::system_category()}));
    } else if (errno != ECONNABORTED && errno != EINTR) {
      break;
    }
  }
  accept();
}

/// Until the next sweep. The first time, says why.
void InboundConnections::pause_accepting(const std::string& why) {
  accept_paused_ = true;
  if (!std::exchange(accept_warned_, true)) commons.reporter.warn(why);
  need_sweep();
}

void InboundConnections::accepted(int descriptor, const sockaddr_in& peer) {
  asio::ip::tcp::socket socket(commons.loop.io());
  asio::error_code error;
  socket.assign(asio::ip::tcp::v4(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return commons.reporter.warn("cannot serve a connection: " + describe(error));
  }
  count(commons.reporter.counters.connections_accepted);
  set_no_delay(descriptor);
  commons.tls ? shake_hands(Transport(std::move(socket)), peer)
              : serve(Transport(std::move(socket)), peer);
}

void InboundConnections::shake_hands(Transport transport, const sockaddr_in& peer) {
  const bool had_room =
      handshakes_.start(commons.tls, std::move(transport), to_address(peer).host,
                        [this, peer](Transport ready, const tls::Failure& failure) {
                          const Loop::Turn turn(commons.loop);
                          const Address from = to_address(peer);
                          if (ready.tls() != nullptr)
                            commons.reporter.observer().accepted_tls(from, ready.tls()->peer());
                          if (!failure.error) return serve(std::move(ready), peer);
                          // Who links and goes, or only looks whether the port is there, does no
                          // harm.
                          if (failure.error != TlsFault::closed)
                            commons.reporter.rejected(from, failure.reason);
                        });
  if (!had_room)
    commons.reporter.warn("too many unfinished TLS handshakes: the oldest is given up");
}

void InboundConnections::serve(Transport transport, const sockaddr_in& peer) {
  InboundHost& host = *this;
  // Not make_shared: who remembers it weakly, to reply, must not keep its memory when it is closed.
  const std::shared_ptr<Inbound> connection(new Inbound(host, std::move(transport), peer));
  all_.insert(connection);
  count(commons.reporter.counters.connections_open);
  connection->start();
}

void InboundConnections::stop_accepting() {
  asio::error_code ignored;
  listener_.close(ignored);
  handshakes_.cancel_all();
}

// --- Connections

void InboundConnections::go_on() {
  if (!std::exchange(receiving_began, true)) {
    for (const auto& connection : all()) connection->resume();
  }
  while (!receiving_paused && !held_back_.empty()) {
    const auto connection = held_back_.front().lock();
    held_back_.pop_front();
    if (connection) connection->resume();
  }
}

void InboundConnections::flush() {
  for (const auto& connection : std::exchange(to_flush, {})) connection->flush();
}

void InboundConnections::closed(const std::shared_ptr<Inbound>& connection) {
  all_.erase(connection);
  count(commons.reporter.counters.connections_open, std::uint64_t(-1));
}

void InboundConnections::need_sweep() {
  if (std::exchange(sweep_armed_, true)) return;
  sweep_timer_.expires_after(kSweepEvery);
  sweep_timer_.async_wait([this](const asio::error_code& aborted) {
    if (aborted) return;
    sweep_armed_ = false;
    const Loop::Turn turn(commons.loop);
    sweep();
  });
}

void InboundConnections::sweep() {
  const auto now = Clock::now();
  for (const auto& connection : all()) {
    if (!connection->lingering()) continue;
    connection->tick(now);
    need_sweep();
  }
  if (std::exchange(accept_paused_, false)) accept();
}

void InboundConnections::shut_down() {
  for (const auto& connection : all()) connection->shut_down();
}

void InboundConnections::close() {
  for (const auto& connection : all()) connection->close();
}

}  // namespace compactor
