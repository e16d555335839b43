#include "actor/outbound.h"

#include <algorithm>
#include <cerrno>

#include "net/clock.h"
#include "net/net.h"
#include "tls/record.h"

namespace compactor {
namespace {

constexpr auto kShutLimit = std::chrono::seconds(60);
constexpr auto kPause = std::chrono::milliseconds(10);  // between two looks, whatever was set
constexpr auto kLastAnswers = std::chrono::seconds(1);  // for them to come, after a failed write
constexpr std::size_t kMaxResponseBody = std::size_t{1} << 20;  // we look at its first line only

std::string printable_start(std::string_view body) {
  std::string text;
  for (const char c : body.substr(0, 200)) {
    if (c == '\n' || c == '\r') break;
    text += (c >= 0x20 && c < 0x7f) ? c : '.';
  }
  return text;
}

Delivery delivery_of(const wire::HttpMessage& response) {
  Delivery delivery;
  delivery.status = response.status;
  if (response.status == 202) {
    delivery.outcome = Outcome::accepted;
    return delivery;
  }
  delivery.outcome = response.status == 404   ? Outcome::no_such_process
                     : response.status == 405 ? Outcome::not_handled
                                              : Outcome::refused;
  delivery.reason = std::to_string(response.status) + " " + printable_start(response.reason);
  if (const std::string body = printable_start(response.body);
      !body.empty() && delivery.outcome == Outcome::refused) {
    delivery.reason += ": " + body;
  }
  // Any web server says 200 to a POST; that it queued a message to a process it does not say.
  if (response.status >= 200 && response.status < 400) {
    delivery.reason += ": not the answer of a libprocess, which says 202";
  }
  return delivery;
}

}  // namespace

Outbound::Outbound(OutboundHost& host, Address address, std::shared_ptr<Budget> budget)
    : host_(host),
      address_(std::move(address)),
      budget_(std::move(budget)),
      transport_(host.commons.loop.io()),
      timer_(host.commons.loop.io()),
      ack_timer_(host.commons.loop.io()),
      parser_(wire::Kind::response, kMaxResponseBody),
      started_(Clock::now()),
      last_used_(started_) {}

void Outbound::appended(std::size_t bytes, Sent sent) {
  queued_ += bytes;
  sent.end = queued_;
  unanswered_.push_back(std::move(sent));
  if (host_.commons.reporter.observer().wants_heads()) show_request(bytes);
  if (!flush_planned_ && state_ == State::open && !writing_) {
    flush_planned_ = true;
    host_.to_flush.push_back(shared_from_this());
  }
  replies_changed(false);
}

void Outbound::show_request(std::size_t bytes) {
  const std::string& block = output_.block_for(0);
  const std::string_view message = std::string_view(block).substr(block.size() - bytes);
  const std::string_view head = message.substr(0, message.find("\r\n\r\n"));
  // It is not on its way before there is one.
  if (state_ == State::connecting) return (void)unshown_heads_.emplace_back(head);
  host_.commons.reporter.observer().request_out(address_, head);
}

void Outbound::link(const std::string& process_id, const Pid& to) {
  carry_messages();
  auto& linked = links_[process_id];
  if (!linked.insert(to).second) return;
  if (linked.size() == 1) host_.linked(process_id, *this);
  count(host_.commons.reporter.counters.links);
  if (state_ == State::open) keep_alive();
}

void Outbound::unlink(const std::string& process_id, const Pid& to) {
  const auto found = links_.find(process_id);
  if (found == links_.end() || found->second.erase(to) == 0) return;
  count(host_.commons.reporter.counters.links, std::uint64_t(-1));
  if (found->second.empty()) {
    links_.erase(found);
    host_.unlinked(process_id, *this);
  }
  last_used_ = Clock::now();
}

void Outbound::unlink_all(const std::string& process_id) {
  const auto found = links_.find(process_id);
  if (found == links_.end()) return;
  count(host_.commons.reporter.counters.links, -std::uint64_t{found->second.size()});
  links_.erase(found);
  last_used_ = Clock::now();
}

void Outbound::flush() {
  flush_planned_ = false;
  if (state_ != State::open || writing_ || write_error_) return;
  std::error_code error;
  const std::size_t bytes = output_.write_to(transport_, error);
  written_ += bytes;
  last_used_ = Clock::now();
  if (bytes > 0) budget_->release_bytes(bytes);
  if (error) return write_failed(error);
  watch_acknowledgements();
  if (never_answers()) forget_unanswered(written_);
  if (!output_.empty()) await_writable();
  replies_changed(bytes > 0);
}

void Outbound::write_failed(const std::error_code& error) {
  if (error == std::errc::no_buffer_space || error == std::errc::not_enough_memory) {
    // The kernel is short of memory, which passes; the socket says that it can be written to.
    writing_ = true;
    const auto pause = std::make_shared<asio::steady_timer>(host_.commons.loop.io(), kPause);
    pause->async_wait([self = shared_from_this(), pause](const asio::error_code& /*never*/) {
      self->writing_ = false;
      if (self->state_ == State::closed) return;
      const Loop::Turn turn(self->host_.commons.loop);
      self->flush();
    });
    return;
  }
  // The peer may have answered before it went: read all there is, then fail. Where the socket does
  // not say that it is at its end, soon.
  write_error_ = error;
  host_.retired(shared_from_this());
  timer_.expires_after(kLastAnswers);
  timer_.async_wait([self = shared_from_this()](const asio::error_code& aborted) {
    if (aborted || self->state_ == State::closed) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->read_failed({});
  });
}

void Outbound::await_writable() {
  writing_ = true;
  transport_.wait_write([self = shared_from_this()](const asio::error_code& failed) {
    self->writing_ = false;
    if (failed || self->state_ == State::closed) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->flush();
  });
}

void Outbound::await_readable() {
  transport_.wait_read([self = shared_from_this()](const asio::error_code& failed) {
    if (failed || self->state_ == State::closed) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->on_readable();
  });
}

void Outbound::on_readable() {
  auto& buffer = *host_.commons.read_buffer;
  const Transfer got = transport_.read(buffer.data(), buffer.size());
  if (got.again && got.bytes == 0) return await_readable();
  if (got.bytes == 0) return read_failed(got.error);
  const std::string_view bytes(buffer.data(), got.bytes);
  const bool tls = parser_.offset() == 0 && tls::begins_record(bytes);
  read_at_ = Clock::now();
  const bool going_on = parser_.feed(bytes, *this);
  const std::size_t answered = std::exchange(answered_, 0);
  if (answered > 0) budget_->release_messages(answered);
  if (state_ == State::closed) return;
  replies_changed(answered > 0);
  if (tls) return fail(Fault::tls, {}, address_.str() + " answered with a TLS record");
  if (parser_.broken())
    return fail(Fault::not_http, {}, address_.str() + " answered with no HTTP: " + parser_.error());
  if (!going_on)
    return fail(Fault::closed, {}, address_.str() + " closes the connection after this answer");
  close_when_done();
  if (state_ != State::closed) await_readable();
}

bool Outbound::on_message(const wire::HttpMessage& response) {
  if (state_ == State::closed) return false;  // by a callback of an answer before this one
  if (response.status < 200) return true;     // interim (RFC 9110 §15.2); the final one follows
  if (host_.commons.reporter.observer().wants_heads()) {
    std::string head = "HTTP/" + std::to_string(response.major) + "." +
                       std::to_string(response.minor) + " " + std::to_string(response.status) +
                       " " + std::string(response.reason);
    for (const wire::Header& header : *response.headers) {
      head.append("\r\n").append(header.name).append(": ").append(header.value);
    }
    host_.commons.reporter.observer().response_in(address_, head);
  }
  if (forgotten_ > 0) {
    --forgotten_;
    return response.keep_alive;
  }
  if (unanswered_.empty()) {
    host_.commons.reporter.warn(address_.str() +
                                " answered a message that was not sent to it (status " +
                                std::to_string(response.status) + ")");
    return true;
  }
  answer(response);
  return response.keep_alive;
}

void Outbound::answer(const wire::HttpMessage& response) {
  const Sent sent = std::move(unanswered_.front());
  unanswered_.pop_front();
  first_unanswered_begin_ = sent.end;
  ++answered_;
  ++answers_;
  if (!sent.on_delivery && response.status == 202) return;
  Delivery delivery = delivery_of(response);
  delivery.ack = read_at_ - sent.at;
  host_.commons.reporter.complete(sent.on_delivery, delivery);
}

void Outbound::read_failed(const std::error_code& error) {
  read_at_ = Clock::now();
  parser_.finish(*this);
  if (const std::size_t answered = std::exchange(answered_, 0)) budget_->release_messages(answered);
  if (state_ == State::closed) return;
  const std::error_code reason = error ? error : write_error_;
  if (reason.category() == tls_category())
    return fail(Fault::tls, reason, address_.str() + ": " + std::string(transport_.reason()));
  const bool timed_out = reason.value() == ETIMEDOUT;
  fail(timed_out ? Fault::timed_out : Fault::closed, reason,
       address_.str() + (reason ? ": " + describe(reason) : std::string(" closed the connection")));
}

void Outbound::watch() {
  const Duration idle = host_.commons.options.idle_timeout;
  const bool idling = links_.empty() && !busy();
  timer_.expires_at(idling ? in(idle, last_used_) : in(std::max<Duration>(idle, kPause)));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& aborted) {
    if (aborted || self->state_ != State::open) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->look_around();
  });
}

void Outbound::keep_alive() {
  const Options& o = host_.commons.options;
  set_keepalive(transport_.descriptor(), o.keepalive_idle, o.keepalive_interval, o.keepalive_count);
  watch_acknowledgements();
}

void Outbound::watch_acknowledgements() {
  if (watching_ || links_.empty() || state_ != State::open || !busy()) return;
  watching_ = true;
  ack_timer_.expires_after(std::max<Duration>(host_.commons.options.keepalive_interval, kPause));
  ack_timer_.async_wait([self = shared_from_this()](const asio::error_code& aborted) {
    self->watching_ = false;
    if (aborted || self->state_ != State::open) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->check_acknowledgements();
  });
}

void Outbound::check_acknowledgements() {
  const Options& o = host_.commons.options;
  const auto now = Clock::now();
  if (!busy() || !retransmitting(transport_.descriptor())) {
    silent_since_ = {};
  } else if (silent_since_ == Clock::time_point{}) {
    silent_since_ = now;
  } else if (now - silent_since_ >= o.keepalive_idle + o.keepalive_interval * o.keepalive_count) {
    return fail(Fault::timed_out, {ETIMEDOUT, std::system_category()},
                address_.str() + " acknowledges nothing");
  }
  watch_acknowledgements();
}

void Outbound::look_around() {
  const auto now = Clock::now();
  if (links_.empty() && !busy() && now - last_used_ >= host_.commons.options.idle_timeout) {
    host_.retired(shared_from_this());
    return retire();
  }
  look_for_answers(now);
  watch();
}

void Outbound::look_for_answers(Clock::time_point now) {
  // There are peers that answer no message at all (old versions of libprocess). The limit of
  // unanswered ones must not end all sending to them: of a peer that never said a word nothing is
  // awaited any more.
  if (now - marked_at_ < host_.commons.options.idle_timeout) return;
  if (parser_.offset() == 0 && unanswered_.size() > host_.commons.options.max_unanswered / 2)
    forget_unanswered(marked_);
  marked_ = written_;
  marked_at_ = now;
}

void Outbound::forget_unanswered(std::uint64_t end) {
  Delivery delivery;
  delivery.outcome = Outcome::no_answer;
  delivery.fault = Fault::timed_out;
  delivery.reason = address_.str() + " answers nothing";
  std::size_t count = 0;
  for (; !unanswered_.empty() && unanswered_.front().end <= end; ++count) {
    const Sent sent = std::move(unanswered_.front());
    unanswered_.pop_front();
    first_unanswered_begin_ = sent.end;
    host_.commons.reporter.complete(sent.on_delivery, delivery);
  }
  forgotten_ += count;
  budget_->release_messages(count);
  replies_changed(false);
}

void Outbound::retire() {
  retired_ = true;
  close_when_done();
}

void Outbound::close_when_done() {
  if (!retired_ || busy() || state_ != State::open) return;
  state_ = State::shut;
  transport_.shut_write();
  timer_.cancel();
  ack_timer_.cancel();
  shut_deadline_ = Clock::now() + kShutLimit;
  host_.need_sweep();
}

void Outbound::tick(Clock::time_point now) {
  if (state_ == State::shut && now >= shut_deadline_)
    fail(Fault::closed, {}, address_.str() + " did not close");
}

void Outbound::abort(StopReport& report) {
  for (std::uint64_t begin = first_unanswered_begin_; const Sent& sent : unanswered_) {
    ++(begin >= written_ ? report.unsent : report.unanswered);
    begin = sent.end;
  }
  fail(Fault::stopped, {}, "stopped before " + address_.str() + " answered");
}

void Outbound::fail(Fault fault, const std::error_code& error, const std::string& reason) {
  if (state_ == State::closed) return;
  const auto self = shared_from_this();
  const bool was_open = state_ != State::connecting;
  state_ = State::closed;
  timer_.cancel();
  ack_timer_.cancel();
  if (handshake_) handshake_->cancel();
  transport_.close();
  host_.closed(self);
  if (replies_) host_.reply_connections.remove(*replies_);
  if (was_open) host_.commons.reporter.observer().disconnected(address_, exit_reason(error));
  ExitReason exit = exit_reason(error);
  if (!was_open && exit == ExitReason::closed) exit = ExitReason::unreachable;
  for (const auto& [process_id, pids] : links_) {
    count(host_.commons.reporter.counters.links, -std::uint64_t{pids.size()});
    host_.unlinked(process_id, *this);
    for (const Pid& pid : pids) host_.exited(process_id, pid, exit);
  }
  links_.clear();
  give_up(fault, error, reason);
  if (replies_) let_go_on();
}

void Outbound::give_up(Fault fault, const std::error_code& error, const std::string& reason) {
  output_.clear();
  budget_->release_bytes(static_cast<std::size_t>(queued_ - written_));
  budget_->release_messages(unanswered_.size());
  std::deque<Sent> given_up = std::move(unanswered_);
  unanswered_.clear();
  std::uint64_t begin = first_unanswered_begin_;
  for (Sent& sent : given_up) {
    Delivery delivery;
    delivery.outcome = begin >= written_ ? Outcome::failed : Outcome::no_answer;
    delivery.fault = fault;
    delivery.error = error;
    delivery.reason = reason;
    begin = sent.end;
    host_.commons.reporter.complete(sent.on_delivery, delivery);
  }
}

}  // namespace compactor
