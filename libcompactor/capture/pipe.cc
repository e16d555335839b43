#include "capture/pipe.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

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

Pipe::Pipe(PipeHost& host, tcp::socket client, const tcp::endpoint& from)
    : host_(host),
      timer_(client.get_executor()),
      sockets_{std::move(client), tcp::socket(timer_.get_executor())},
      connection_{0, to_endpoint(from), {}, Side::a},
      began_(wall_time()) {}

// Connecting, and what becomes of a client that has no upstream.

void Pipe::connect(const Upstream& upstream) {
  upstream_name_ = upstream.name;
  connection_.number = host_.number();
  if (!upstream.addresses.empty()) connection_.b = to_endpoint(upstream.addresses.front());
  ErrorCode error;
  socket(Side::a).non_blocking(true, error);
  after(upstream.connect_timeout, &Pipe::give_up_connecting);
  asio::async_connect(
      socket(Side::b), upstream.addresses,
      [self = shared_from_this()](const ErrorCode& failed, const tcp::endpoint& there) {
        if (self->state_ != State::connecting) return;
        failed ? self->refuse(failed) : self->connected(there);
      });
  read_when_ready(Side::a);
}

void Pipe::give_up_connecting() {
  refuse(std::make_error_code(std::errc::timed_out));
}

/// Connecting to a free port of our own host, the kernel may have picked that very port for our
/// end: the client would get back what it says.
bool Pipe::connected_to_itself() {
  ErrorCode error;
  return socket(Side::b).local_endpoint(error) == socket(Side::b).remote_endpoint(error) && !error;
}

void Pipe::connected(const tcp::endpoint& upstream) {
  if (connected_to_itself()) return refuse(std::make_error_code(std::errc::connection_refused));
  stop_timer();
  state_ = State::open;
  for (tcp::socket& each : sockets_) {
    ErrorCode ignored;
    each.non_blocking(true, ignored);
    each.set_option(tcp::no_delay(true), ignored);
    each.set_option(asio::socket_base::keep_alive(true), ignored);  // a side that vanished
  }
  connection_.b = to_endpoint(upstream);
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

void Pipe::refuse(const ErrorCode& why) {
  state_ = State::refusing;
  refused_why_ = why;
  refused_bytes_ = flow(Side::a).waiting.size();
  ErrorCode ignored;
  socket(Side::b).close(ignored);
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
  ErrorCode ignored;
  const std::string answer =
      bad_gateway("cannot connect to " + upstream_name_ + ": " + refused_why_.message());
  socket(Side::a).write_some(asio::buffer(answer), ignored);
  socket(Side::a).shutdown(tcp::socket::shutdown_send, ignored);
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
  socket(side).async_wait(tcp::socket::wait_read,
                          [self = shared_from_this(), side](const ErrorCode& error) {
                            self->flow(side).reading = false;
                            if (!error && self->state_ != State::closed) self->read(side);
                          });
}

void Pipe::read(Side side) {
  if (flow(side).ended) return;
  if (host_.paused() && state_ != State::refusing) return read_when_ready(side);
  const std::span<char> buffer = host_.buffer();
  const std::size_t room = std::min(buffer.size(), kMaxWaiting - flow(side).waiting.size());
  ErrorCode error;
  const std::size_t size = socket(side).read_some(asio::buffer(buffer.data(), room), error);
  if (error == asio::error::would_block) return read_when_ready(side);
  if (error == asio::error::eof) return on_end(side);
  if (error) return on_reset(side);
  take(side, {buffer.data(), size});
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
  ErrorCode error;
  std::size_t written = 0;
  if (from.waiting.empty()) written = socket(other(side)).write_some(asio::buffer(bytes), error);
  if (error == asio::error::would_block) written = 0;
  const bool broken = error && error != asio::error::would_block;
  show(side, bytes);
  if (broken) return on_gone(other(side));
  from.waiting.append(bytes.substr(written));
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
  socket(other(side))
      .async_wait(tcp::socket::wait_write,
                  [self = shared_from_this(), side](const ErrorCode& error) {
                    self->flow(side).writing = false;
                    if (!error && self->state_ != State::closed) self->write_waiting(side);
                  });
}

void Pipe::write_waiting(Side side) {
  Flow& from = flow(side);
  ErrorCode error;
  const std::size_t written = socket(other(side)).write_some(asio::buffer(from.waiting), error);
  if (error == asio::error::would_block) return write_when_ready(side);
  if (error) return on_gone(other(side));
  last_progress_ = Clock::now();
  from.waiting.erase(0, written);
  from.waiting.empty() ? written_all(side) : write_when_ready(side);
}

/// All that has been read of a side is with the other.
void Pipe::written_all(Side side) {
  Flow& from = flow(side);
  if (!from.ended) return read_when_ready(side);
  if (state_ == State::closing) return;  // close_when_heard() finds out
  ErrorCode ignored;
  socket(other(side)).shutdown(tcp::socket::shutdown_send, ignored);
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
  int unacknowledged = 0;
  const int failed = ::ioctl(socket(other(gone_)).native_handle(), SIOCOUTQ, &unacknowledged);
  return failed != 0 || unacknowledged == 0;
}

void Pipe::close(Close how) {
  if (state_ == State::closed) return;
  const State last = std::exchange(state_, State::closed);
  const auto self = shared_from_this();
  stop_timer();
  for (tcp::socket& each : sockets_) {
    ErrorCode ignored;
    if (how == Close::reset) each.set_option(asio::socket_base::linger(true, 0), ignored);
    each.close(ignored);
  }
  if (how == Close::reset && last != State::refusing)
    first_end_ = last == State::closing ? std::optional(gone_) : std::nullopt;
  if (reader_) reader_->on_close({how, first_end_}, wall_time());
  if (reader_ || last == State::refusing)
    tell_ended(last == State::refusing ? Close::refused : how);
  reader_.reset();
  if (last == State::refusing) host_.on_refused(upstream_name_, refused_why_, refused_bytes_);
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
