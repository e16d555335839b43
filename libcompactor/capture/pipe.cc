#include "capture/pipe.h"

#include <algorithm>
#include <utility>

#include "net/net.h"

namespace compactor::capture {
namespace {

using asio::ip::tcp;

constexpr std::size_t kMaxWaiting = std::size_t{64} << 10;
// How long a client without an upstream has for its first bytes, and then to read the answer.
constexpr std::chrono::milliseconds kFirstBytes{250};
constexpr std::chrono::seconds kReadAnswer{2};
// A side takes nothing of what is left from one that is gone: it is given up.
constexpr std::chrono::seconds kNoProgress{60};
constexpr std::chrono::milliseconds kLongestPause{100};

bool begins_like_request(std::string_view bytes) {
  return !bytes.empty() && bytes[0] >= 'A' && bytes[0] <= 'Z';
}

std::string bad_gateway(const std::string& why) {
  return "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n"
         "Content-Length: " +
         std::to_string(why.size()) + "\r\n\r\n" + why;
}

}  // namespace

Endpoint to_endpoint(const tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v4()) return {Address::v4(address.to_v4().to_bytes().data()), endpoint.port()};
  return {Address::v6(address.to_v6().to_bytes().data()), endpoint.port()};
}

Time wall_time() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

Pipe::Pipe(PipeHost& host, Transport client, const tcp::endpoint& from)
    : host_(host),
      timer_(client.socket().get_executor()),
      ends_{std::move(client), Transport(timer_.get_executor())},
      connection_{0, to_endpoint(from), {}, Side::a},
      began_(wall_time()) {}

// Connecting, and what becomes of a client that has no upstream.

void Pipe::connect(const Upstream& upstream) {
  upstream_ = upstream;
  connection_.number = host_.number();
  if (!upstream.addresses.empty()) connection_.b = to_endpoint(upstream.addresses.front());
  ErrorCode error;
  socket(Side::a).non_blocking(true, error);
  connect_upstream();
  read_when_ready(Side::a);
}

void Pipe::connect_upstream() {
  after(upstream_.connect_timeout, &Pipe::give_up_connecting);
  asio::async_connect(
      socket(Side::b), upstream_.addresses,
      [self = shared_from_this()](const ErrorCode& failed, const tcp::endpoint& there) {
        if (self->state_ != State::connecting) return;
        failed ? self->refuse(failed.message()) : self->connected(there);
      });
}

void Pipe::give_up_connecting() {
  refuse(std::make_error_code(std::errc::timed_out).message());
}

/// Connecting to a free port of our own host, the kernel may have picked that very port for our
/// end: the client would get back what it says.
bool Pipe::connected_to_itself() {
  ErrorCode error;
  return socket(Side::b).local_endpoint(error) == socket(Side::b).remote_endpoint(error) && !error;
}

void Pipe::connected(const tcp::endpoint& there) {
  if (connected_to_itself())
    return refuse(std::make_error_code(std::errc::connection_refused).message());
  stop_timer();
  for (const Side side : {Side::a, Side::b}) {
    ErrorCode ignored;
    socket(side).non_blocking(true, ignored);
    socket(side).set_option(tcp::no_delay(true), ignored);
    socket(side).set_option(asio::socket_base::keep_alive(true), ignored);  // one that vanished
  }
  upstream_.tls ? shake_hands(there) : opened(there);
}

void Pipe::shake_hands(const tcp::endpoint& there) {
  handshake_ = std::make_shared<Handshake>(
      host_.network(), upstream_.connect_timeout, upstream_.tls, tls::Role::client,
      std::move(end(Side::b)), there.address().to_string(), upstream_.tls_name);
  handshake_->start(
      [self = shared_from_this(), there](Transport transport, const tls::Failure& failure) {
        self->handshake_ = nullptr;
        self->end(Side::b) = std::move(transport);
        if (!failure.error) return self->opened(there);
        if (!self->upstream_.tls->options().support_downgrade) return self->refuse(failure.reason);
        self->host_.on_downgraded(self->upstream_.name, failure.reason);
        self->upstream_.tls = nullptr;
        self->end(Side::b).close();
        self->connect_upstream();
      });
}

void Pipe::opened(const tcp::endpoint& there) {
  state_ = State::open;
  connection_.b = to_endpoint(there);
  reader_ = host_.open(connection_);
  host_.on_connection({connection_, wall_time(), {}, true, began_});
  read_when_ready(Side::b);
  deliver_early();
}

/// What the client said, and how it left, while there was nobody to tell.
void Pipe::deliver_early() {
  Flow& from = flow(Side::a);
  if (from.waiting.empty()) return;
  from.ended = false;  // a FIN is read once more; an RST is told only once
  pass(Side::a, std::exchange(from.waiting, {}));
  if (reset_early_ && state_ != State::closed) on_reset(Side::a);
}

void Pipe::refuse(const std::string& why) {
  state_ = State::refusing;
  refused_why_ = why;
  refused_bytes_ = flow(Side::a).waiting.size();
  end(Side::b).close();
  if (reset_early_) return close(Close::reset);
  if (!flow(Side::a).waiting.empty()) return answer_refused();
  after(kFirstBytes, &Pipe::give_up_client);
  read_when_ready(Side::a);
}

/// Whoever sent a request learns what is the matter; else it looks as if our port were of another
/// kind. A client that speaks TLS, or says nothing, gets the RST it would have got over there.
void Pipe::answer_refused() {
  if (!begins_like_request(flow(Side::a).waiting)) return close(Close::reset);
  flow(Side::a).waiting.clear();
  const std::string answer =
      bad_gateway("cannot connect to " + upstream_.name + ": " + refused_why_);
  end(Side::a).write(answer);
  end(Side::a).shut_write();
  // Closing with bytes unread would be an RST, which can overtake the answer.
  after(kReadAnswer, &Pipe::give_up_client);
  flow(Side::a).finished = true;
  flow(Side::a).ended ? close(Close::finished) : read_when_ready(Side::a);
}

void Pipe::give_up_client() {
  close(Close::reset);
}

// Reading.

void Pipe::resume() {
  for (const Side side : {Side::a, Side::b}) {
    if (std::exchange(flow(side).held, false)) read_when_ready(side);
  }
}

void Pipe::read_when_ready(Side side) {
  Flow& from = flow(side);
  if (state_ == State::closed || from.ended || from.reading) return;
  const bool collects = state_ == State::connecting || state_ == State::refusing;
  if (from.waiting.size() >= (collects ? kMaxWaiting : 1)) return;
  from.held = state_ != State::refusing && host_.paused();
  if (from.held) return;
  from.reading = true;
  end(side).wait_read([self = shared_from_this(), side](const ErrorCode& error) {
    self->flow(side).reading = false;
    if (!error && self->state_ != State::closed) self->read(side);
  });
}

void Pipe::read(Side side) {
  if (flow(side).ended) return;
  if (host_.paused() && state_ != State::refusing) return read_when_ready(side);
  const std::span<char> buffer = host_.buffer();
  const std::size_t room = std::min(buffer.size(), kMaxWaiting - flow(side).waiting.size());
  const Transfer got = end(side).read(buffer.data(), room);
  if (got.error) return on_reset(side);
  if (got.ended()) return on_end(side);
  if (got.bytes > 0) take(side, {buffer.data(), got.bytes});
  read_when_ready(side);
}

void Pipe::take(Side side, std::string_view bytes) {
  Flow& from = flow(side);
  switch (state_) {
    case State::connecting:
      from.waiting.append(bytes);
      return;
    case State::open:
      return pass(side, bytes);
    case State::closing:
      last_progress_ = Clock::now();
      if (side == gone_) return pass(side, bytes);
      // Said to one that is gone: it is shown, as on a wire, and goes nowhere.
      return show(side, bytes);
    case State::refusing:
      refused_bytes_ += bytes.size();
      if (from.finished) return;  // after the answer
      from.waiting.append(bytes);
      return answer_refused();
    case State::closed:
      return;
  }
}

void Pipe::show(Side side, std::string_view bytes) {
  const Stamp stamp{wall_time(), flow(side).passed, flow(other(side)).passed};
  flow(side).passed += bytes.size();
  host_.on_passed(bytes.size());
  reader_->on_data(side, bytes, stamp);
}

/// On it goes first; looking at it costs the ends nothing then.
void Pipe::pass(Side side, std::string_view bytes) {
  Flow& from = flow(side);
  Transfer done;
  if (from.waiting.empty()) done = end(other(side)).write(bytes);
  show(side, bytes);
  if (done.error) return on_gone(other(side));
  from.waiting.append(bytes.substr(done.bytes));
  from.waiting.empty() ? written_all(side) : write_when_ready(side);
}

void Pipe::on_end(Side side) {
  Flow& from = flow(side);
  from.ended = true;
  switch (state_) {
    case State::connecting:
      // Who leaves without a word needs no upstream.
      if (from.waiting.empty()) close(Close::finished);
      return;
    case State::refusing:
      return close(Close::finished);
    case State::closed:
      return;
    case State::open:
    case State::closing:
      if (!first_end_) first_end_ = side;
      reader_->on_end(side, wall_time());
      if (from.waiting.empty()) written_all(side);
      return;
  }
}

// Writing.

void Pipe::write_when_ready(Side side) {
  if (std::exchange(flow(side).writing, true)) return;
  end(other(side)).wait_write([self = shared_from_this(), side](const ErrorCode& error) {
    self->flow(side).writing = false;
    if (!error && self->state_ != State::closed) self->write_waiting(side);
  });
}

void Pipe::write_waiting(Side side) {
  Flow& from = flow(side);
  const Transfer done = end(other(side)).write(from.waiting);
  if (done.error) return on_gone(other(side));
  if (done.bytes == 0) return write_when_ready(side);
  last_progress_ = Clock::now();
  from.waiting.erase(0, done.bytes);
  from.waiting.empty() ? written_all(side) : write_when_ready(side);
}

/// All that has been read of a side is with the other.
void Pipe::written_all(Side side) {
  Flow& from = flow(side);
  if (!from.ended) return read_when_ready(side);
  if (state_ == State::closing) return;  // close_when_heard() finds out
  end(other(side)).shut_write();
  from.finished = true;
  if (flow(other(side)).finished) close(Close::finished);
}

// A side that is gone.

/// Found while reading: there is nothing left to read.
void Pipe::on_reset(Side side) {
  flow(side).ended = true;
  if (state_ == State::refusing) return close(Close::reset);
  if (state_ != State::connecting) return on_gone(side);
  // What it had said is delivered all the same, once there is somebody.
  reset_early_ = true;
  if (flow(side).waiting.empty()) close(Close::reset);
}

/// It takes nothing more; what it had sent may still be on its way, here or in the kernel.
void Pipe::on_gone(Side side) {
  if (state_ == State::closing && side != gone_) return close(Close::reset);
  if (state_ == State::closing) return;
  state_ = State::closing;
  gone_ = side;
  last_progress_ = Clock::now();
  flow(other(side)).waiting.clear();
  read_when_ready(Side::a);
  read_when_ready(Side::b);
  close_when_heard();
}

void Pipe::close_when_heard() {
  const bool stuck = !host_.paused() && Clock::now() - last_progress_ > kNoProgress;
  if (heard() || stuck) return close(Close::reset);
  after(look_again_, &Pipe::close_when_heard);
  look_again_ = std::min(2 * look_again_, kLongestPause);
}

/// The side that is left has all that the one that is gone had sent. An RST before that would take
/// back what is still in our kernel's buffer.
bool Pipe::heard() {
  if (!flow(gone_).ended || !flow(gone_).waiting.empty()) return false;
  return unacknowledged(end(other(gone_)).descriptor()) == 0;
}

void Pipe::close(Close how) {
  if (state_ == State::closed) return;
  const State last = std::exchange(state_, State::closed);
  const auto self = shared_from_this();
  stop_timer();
  if (handshake_) handshake_->cancel();
  for (Transport& each : ends_) {
    if (how == Close::reset) reset_at_close(each.descriptor());
    each.close();
  }
  if (how == Close::reset && last != State::refusing)
    first_end_ = last == State::closing ? std::optional(gone_) : std::nullopt;
  if (reader_) reader_->on_close({how, first_end_}, wall_time());
  if (reader_ || last == State::refusing)
    tell_ended(last == State::refusing ? Close::refused : how);
  reader_.reset();
  if (last == State::refusing) host_.on_refused(upstream_.name, refused_why_, refused_bytes_);
  host_.on_closed(self);
}

void Pipe::tell_ended(Close how) {
  if (how == Close::refused) first_end_ = Side::b;
  ConnectionReport report{connection_, wall_time(), Ending{how, first_end_}, reader_ != nullptr,
                          began_};
  report.bytes = flow(Side::a).passed + flow(Side::b).passed;
  if (reader_) reader_->sum_up(report);
  host_.on_connection(report);
}

void Pipe::after(std::chrono::nanoseconds time, void (Pipe::*then)()) {
  timer_.expires_after(time);
  // One that has expired cannot be taken back, so it is told from its successor by the number.
  timer_.async_wait([self = shared_from_this(), then, number = ++timers_](const ErrorCode&) {
    if (number == self->timers_) (self.get()->*then)();
  });
}

void Pipe::stop_timer() {
  ++timers_;
  timer_.cancel();
}

}  // namespace compactor::capture
