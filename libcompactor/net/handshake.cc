#include "net/handshake.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/clock.h"
#include "net/net.h"
#include "tls/record.h"

namespace compactor {
namespace {

using Step = tls::Session::Step;

/// The socket is readable from so many bytes on.
void set_low_mark(int socket, std::size_t bytes) {
  const int value = static_cast<int>(bytes);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

}  // namespace

Handshake::Handshake(Network& network, Duration limit, std::shared_ptr<const tls::Config> config,
                     tls::Role role, Transport transport, std::string ip, std::string name)
    : network_(network),
      limit_(limit),
      config_(std::move(config)),
      role_(role),
      transport_(std::move(transport)),
      ip_(std::move(ip)),
      name_(std::move(name)),
      timer_(transport_.socket().get_executor()) {}

void Handshake::start(Done done) {
  done_ = std::move(done);
  timer_.expires_at(in(limit_));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& aborted) {
    if (!aborted && self->done_) self->time_out();
  });
  if (role_ == tls::Role::server) return await_opening();
  asio::post(timer_.get_executor(), [self = shared_from_this()] {
    if (self->done_) self->begin();
  });
}

void Handshake::cancel() {
  done_ = nullptr;
  timer_.cancel();
  transport_.close();
}

// --- What a client speaks

/// Nothing is made for one that says nothing.
void Handshake::await_opening() {
  transport_.wait_read([self = shared_from_this()](const asio::error_code& failed) {
    if (!failed && self->done_) self->look_at_opening();
  });
}

void Handshake::look_at_opening() {
  std::array<char, tls::kOpeningBytes> bytes{};
  const ssize_t got = ::recv(transport_.descriptor(), bytes.data(), bytes.size(), MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return await_opening();
  const bool downgrades = config_->options().support_downgrade;
  const auto size = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  // A low mark holds back no end: what is there then is all there will be.
  const bool ended = got <= 0 || (heard_ && size < bytes.size());
  if (ended && !downgrades) return fail(TlsFault::closed, "it ended the connection at once");
  const auto opening = ended ? tls::Opening::plain : tls::opening_of({bytes.data(), size});
  if (opening == tls::Opening::undecided) {
    heard_ = true;
    set_low_mark(transport_.descriptor(), bytes.size());
    return await_opening();
  }
  if (heard_) set_low_mark(transport_.descriptor(), 1);
  if (opening == tls::Opening::tls) return begin();
  downgrades ? finish({}) : fail(TlsFault::plain_peer, "what it says is no TLS");
}

// --- The handshake

void Handshake::begin() {
  heard_ = true;
  session_ = std::make_unique<tls::Session>(config_, role_, transport_.descriptor(), ip_, name_);
  go_on();
}

void Handshake::go_on() {
  const auto again = [self = shared_from_this()](const asio::error_code& failed) {
    if (!failed && self->done_) self->go_on();
  };
  switch (session_->handshake()) {
    case Step::done:
      return check_name();
    case Step::wants_read:
      return transport_.wait_read(again);
    case Step::wants_write:
      return transport_.wait_write(again);
    case Step::ended:
    case Step::failed:
      return finish(session_->failure());
  }
}

/// The scheme legacy wants the name that the peer's address has.
void Handshake::check_name() {
  if (!session_->needs_name() || session_->is_for_address()) return finish({});
  network_.resolver.reverse(ip_, [&network = network_, weak = weak_from_this()](
                                     std::error_code error, const std::string& name) {
    network.post([weak, error, name] {
      const auto self = weak.lock();
      if (!self || !self->done_) return;
      if (error) {
        self->session_->no_name(describe(error));
      } else {
        self->session_->check_name(name);
      }
      self->finish(self->session_->failure());
    });
  });
}

void Handshake::time_out() {
  // Who says nothing has linked, as a plain peer does: one of TLS begins.
  if (!heard_ && role_ == tls::Role::server && config_->options().support_downgrade)
    return finish({});
  fail(TlsFault::timed_out, "it did not end the handshake in time");
}

void Handshake::fail(TlsFault fault, const char* reason) {
  finish({fault, reason});
}

void Handshake::finish(const tls::Failure& failure) {
  timer_.cancel();
  const tls::Failure why = failure;  // which may be the session's
  if (!why.error && session_) transport_.secure(std::move(session_));
  const Done done = std::exchange(done_, nullptr);
  done(std::move(transport_), why);
}

}  // namespace compactor
