// An Outbound until text goes over it: the name, TCP, TLS.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "actor/outbound.h"
#include "net/clock.h"
#include "net/net.h"

namespace compactor {

void Outbound::open() {
  limit_connecting();
  in_addr numeric{};
  if (parse_ipv4(address_.host, numeric)) {
    connect({asio::ip::address_v4(ntohl(numeric.s_addr)), address_.port});
    return;
  }
  Network& network = host_.commons.network;
  network.resolver.resolve(
      address_.host, [&network, weak = weak_from_this()](std::error_code error, in_addr ip) {
        network.post([weak, error, ip] {
          const auto self = weak.lock();
          if (!self || self->state_ != State::connecting) return;
          if (error) return self->connect_failed(error);
          self->connect({asio::ip::address_v4(ntohl(ip.s_addr)), self->address_.port});
        });
      });
}

void Outbound::limit_connecting() {
  timer_.expires_at(in(host_.commons.options.connect_timeout));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& aborted) {
    if (aborted || self->state_ != State::connecting || self->handshake_) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->connect_failed({ETIMEDOUT, std::system_category()});
  });
}

void Outbound::refuse(const std::error_code& error) {
  host_.commons.network.post([self = shared_from_this(), error] {
    if (self->state_ == State::connecting) self->connect_failed(error);
  });
}

void Outbound::connect(const asio::ip::tcp::endpoint& endpoint) {
  why_no_reply_ = why_no_reply_to(endpoint);
  if (replies_ && replies_->only && !why_no_reply_.empty()) {
    // As soon as the caller has returned to the loop.
    return (void)host_.commons.network.post(
        [self = shared_from_this()] { self->fail(Fault::connect, {}, self->why_no_reply_); });
  }
  asio::ip::tcp::socket& socket = transport_.socket();
  asio::error_code error;
  socket.open(endpoint.protocol(), error);
  if (!error) {
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    set_no_delay(socket.native_handle());
    socket.non_blocking(true, error);
  }
  if (error) return refuse({error.value(), std::system_category()});
  socket.async_connect(endpoint,
                       [self = shared_from_this(), endpoint](const asio::error_code& failed) {
                         if (self->state_ != State::connecting) return;
                         const Loop::Turn turn(self->host_.commons.loop);
                         if (failed) {
                           // Asio has a category of its own, which compares equal to nothing.
                           self->connect_failed({failed.value(), std::system_category()});
                         } else {
                           self->connected(endpoint);
                         }
                       });
}

void Outbound::connected(const asio::ip::tcp::endpoint& endpoint) {
  // Connecting to a free port of our own host, the kernel may have picked that very port for our
  // end: TCP then connects us to ourselves.
  if (local_of(transport_.descriptor()) == peer_of(transport_.descriptor()))
    return connect_failed({ECONNREFUSED, std::system_category()});
  if (const std::error_code error = forget_interest()) return connect_failed(error);
  connected_at_ = Clock::now();
  host_.commons.tls && !plain_ ? shake_hands(endpoint) : opened();
}

void Outbound::shake_hands(const asio::ip::tcp::endpoint& endpoint) {
  const Options& options = host_.commons.options;
  in_addr numeric{};
  std::string name = options.tls.hostname;
  if (name.empty() && !parse_ipv4(address_.host, numeric)) name = address_.host;
  host_.commons.reporter.observer().handshaking(address_);
  handshake_ = std::make_shared<Handshake>(
      host_.commons.network, options.connect_timeout, host_.commons.tls, tls::Role::client,
      std::move(transport_), endpoint.address().to_string(), std::move(name));
  handshake_->start(
      [self = shared_from_this(), endpoint](Transport transport, const tls::Failure& failure) {
        const Loop::Turn turn(self->host_.commons.loop);
        self->handshake_ = nullptr;
        self->transport_ = std::move(transport);
        if (failure.error) return self->handshake_failed(endpoint, failure);
        self->host_.commons.reporter.observer().secured(
            self->address_, self->transport_.tls()->peer(), Clock::now() - self->connected_at_);
        self->opened();
      });
}

void Outbound::handshake_failed(const asio::ip::tcp::endpoint& endpoint,
                                const tls::Failure& failure) {
  Observer& observer = host_.commons.reporter.observer();
  if (!host_.commons.options.tls.support_downgrade) {
    observer.tls_failed(address_, failure.error, failure.reason);
    return fail(Fault::tls, failure.error, address_.str() + ": " + failure.reason);
  }
  observer.downgraded(address_, failure.reason);
  host_.commons.reporter.warn(address_.str() + ": " + failure.reason +
                              "; going on in plain (SUPPORT_DOWNGRADE)");
  plain_ = true;
  transport_.close();
  limit_connecting();
  connect(endpoint);
}

/// For text.
void Outbound::opened() {
  state_ = State::open;
  host_.commons.reporter.observer().connected(address_, local_of(transport_.descriptor()),
                                              connected_at_ - started_);
  for (const std::string& head : std::exchange(unshown_heads_, {}))
    host_.commons.reporter.observer().request_out(address_, head);
  if (!links_.empty()) keep_alive();
  last_used_ = marked_at_ = Clock::now();
  watch();
  await_readable();
  flush();
  close_when_done();
}

std::error_code Outbound::forget_interest() {
  // Having waited for the connection, Asio's reactor would ask for writability from now on, and be
  // woken by it at each wait to read.
  asio::ip::tcp::socket& socket = transport_.socket();
  asio::error_code error;
  const int descriptor = socket.release(error);
  if (error) return error;
  socket.assign(asio::ip::tcp::v4(), descriptor, error);
  if (error) ::close(descriptor);
  return error;
}

void Outbound::connect_failed(const std::error_code& error) {
  host_.commons.reporter.observer().connect_failed(address_, error, Clock::now() - started_);
  const bool unresolved = error.category() == resolve_category();
  fail(unresolved ? Fault::resolve : Fault::connect, error,
       unresolved ? "cannot resolve " + address_.host + ": " + describe(error)
                  : "cannot connect to " + address_.str() + ": " + describe(error));
}

}  // namespace compactor
