#include "actor/inbound.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "actor/clock.h"
#include "actor/context_impl.h"
#include "wire/message.h"

namespace compactor {
namespace {

constexpr std::size_t kWriteAtOnce = std::size_t{64} << 10;
constexpr std::size_t kPauseReading = std::size_t{1} << 20;  // stored responses unread by the peer
constexpr std::size_t kMaxStored = std::size_t{16} << 20;    // … and asked for in one read
constexpr std::size_t kMaxEntries = 65536;
constexpr auto kAnswerLimit = std::chrono::seconds(60);
constexpr auto kLingerLimit = std::chrono::seconds(2);
constexpr auto kLingerAtStop = std::chrono::milliseconds(250);

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

Inbound::Inbound(ContextImpl& impl, asio::ip::tcp::socket socket, const sockaddr_in& peer)
    : impl_(impl),
      socket_(std::move(socket)),
      peer_(peer),
      parser_(wire::Kind::request, impl.options().max_body) {
  set_no_delay(socket_.native_handle());
}

void Inbound::start() {
  await_readable();
}

void Inbound::await_readable() {
  if (reading_ || state_ == State::closed || state_ == State::answering) return;
  if (state_ == State::open) {
    if (impl_.receiving_paused()) return;
    if (owed_.stored_bytes() + unwritten_.size() > kPauseReading) return;
  }
  reading_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const asio::error_code& failed) {
                       self->reading_ = false;
                       if (failed || self->state_ == State::closed) return;
                       const ContextImpl::Turn turn(self->impl_);
                       self->on_readable();
                     });
}

void Inbound::on_readable() {
  if (state_ != State::open) return discard();
  if (impl_.receiving_paused()) return;
  auto& buffer = impl_.read_buffer();
  const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return await_readable();
  if (got <= 0)
    return peer_ended(got < 0 ? std::error_code(errno, std::system_category()) : std::error_code());
  const bool going_on = parser_.feed({buffer.data(), static_cast<std::size_t>(got)}, *this);
  if (state_ != State::open) return;
  update_held();
  if (state_ != State::open) return;
  if (going_on) return await_readable();
  if (parser_.broken()) reject(parser_.error());
  finish_answers();
}

void Inbound::update_held() {
  const bool holding = !parser_.between_messages() && !parser_.broken();
  const auto held =
      holding ? static_cast<std::size_t>(parser_.offset() - parser_.message_begin()) : 0;
  impl_.held_changed(std::exchange(held_, held), held);
}

void Inbound::reject(std::string_view why) {
  impl_.rejected(to_address(peer_), why);
}

void Inbound::drop(std::string_view why) {
  reject(why);
  close();
}

void Inbound::peer_ended(const std::error_code& error) {
  peer_closed_ = true;
  if (!parser_.between_messages() && !parser_.broken())
    reject("the connection ended inside a message");
  if (error) return close();
  finish_answers();
}

void Inbound::discard() {
  auto& buffer = impl_.read_buffer();
  const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)))
    return await_readable();
  close();
}

bool Inbound::on_message(const wire::HttpMessage& request) {
  const auto persist =
      request.minor == 0 && request.keep_alive ? wire::Persist::stated : wire::Persist::implied;
  const auto head = wire::message_head(request);
  // One read can ask for more than we are willing to hold: who asked gets what there is, and finds
  // the connection closed behind it. A message is never held up by that.
  if (!head && owed_.stored_bytes() > kMaxStored) return false;
  if (head) {
    answer_message(request, *head, persist);
  } else {
    answer_plain(request, persist);
  }
  if (answers_abandoned_) {
    owed_.clear();
  } else if (owed_.entries() > kMaxEntries) {
    impl_.warn(peer_text() + " does not read its answers; it gets no more");
    abandon_answers();
  }
  need_flush();
  return request.keep_alive && state_ == State::open;
}

void Inbound::answer_message(const wire::HttpMessage& request, const wire::MessageHead& head,
                             wire::Persist persist) {
  std::string decoded, inflated, why;
  const auto id = wire::decode_id(head.raw_id, decoded);
  if (!id)
    return respond(500, kText, "The process id is not percent-encoded as it should be.", persist);
  const auto body = wire::delivered_body(request, inflated, impl_.options().max_body, why);
  if (!body) return respond(400, kText, why, persist);
  const Pid& from = read_sender(head.sender);
  if (impl_.options().require_peer_ip_match && !sender_matches_peer()) {
    return respond(400, kText,
                   "The sender " + sender_text_ + " does not have the address it sends from, " +
                       peer_text() + ".",
                   persist);
  }
  const bool found = impl_.deliver(*id, from, head.sender, head.name, *body);
  if (!found) ContextImpl::count(impl_.counters.messages_dropped);
  owed_.add(found ? ResponseQueue::Common::accepted : ResponseQueue::Common::not_found, persist);
}

const Pid& Inbound::read_sender(std::string_view sender) {
  if (sender == sender_text_ && !sender_text_.empty()) return sender_;
  sender_text_ = sender;
  if (auto pid = Pid::from_peer(sender)) {
    sender_ = std::move(*pid);
    return sender_;
  }
  sender_ = Pid{"", "0.0.0.0", 0};
  if (!std::exchange(warned_sender_, true)) {
    impl_.warn("a message from " + peer_text() +
               " names no PID as its sender: it cannot be answered");
  }
  return sender_;
}

bool Inbound::sender_matches_peer() {
  return sender_.host == to_address(peer_).host;
}

void Inbound::answer_plain(const wire::HttpMessage& request, wire::Persist persist) {
  ContextImpl::count(impl_.counters.http_requests);
  const std::size_t query = request.target.find('?');
  HttpRequest plain;
  plain.method = request.method;
  plain.path = request.target.substr(0, request.target.find_first_of("?#"));
  if (query != std::string_view::npos) plain.query = request.target.substr(query + 1);
  plain.body = request.body;
  const HttpResponse response = impl_.serve_http(plain);
  respond(response.status, response.content_type, response.body, persist, request.method == "HEAD");
}

void Inbound::respond(int status, std::string_view content_type, std::string_view body,
                      wire::Persist persist, bool head_only) {
  if (status == 400 || status == 500) reject(body);
  std::string response;
  wire::append_response(response, status, content_type, body, impl_.date(), persist, head_only);
  owed_.add(std::move(response));
}

void Inbound::need_flush() {
  if (flush_planned_ || writing_) return;
  flush_planned_ = true;
  impl_.flush_later(shared_from_this());
}

void Inbound::flush() {
  flush_planned_ = false;
  if (state_ == State::closed || writing_) return;
  std::string& scratch = impl_.write_scratch();
  while (true) {
    const bool stored = written_ < unwritten_.size();
    if (!stored) {
      if (owed_.empty()) break;
      scratch.clear();
      owed_.fill(scratch, kWriteAtOnce, impl_.date());
    }
    const std::string_view bytes =
        stored ? std::string_view(unwritten_).substr(written_) : std::string_view(scratch);
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const bool full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (sent < 0 && !full) {
      abandon_answers();
      break;
    }
    const std::size_t taken = full ? 0 : static_cast<std::size_t>(sent);
    if (stored) {
      written_ += taken;
    } else if (taken < bytes.size()) {
      unwritten_.assign(bytes.substr(taken));
      written_ = 0;
    }
    if (taken < bytes.size()) {
      writing_ = true;
      break;
    }
    if (stored) {
      unwritten_ = {};
      written_ = 0;
    }
  }
  if (writing_) {
    socket_.async_wait(asio::ip::tcp::socket::wait_write,
                       [self = shared_from_this()](const asio::error_code& failed) {
                         self->writing_ = false;
                         if (failed || self->state_ == State::closed) return;
                         const ContextImpl::Turn turn(self->impl_);
                         self->flush();
                       });
    return;
  }
  if (state_ == State::answering) {
    finish_answers();
  } else {
    await_readable();
  }
}

void Inbound::abandon_answers() {
  // What the peer wrote is still read and delivered: it is not its sender's fault that nobody reads
  // the answers.
  answers_abandoned_ = true;
  owed_.clear();
  unwritten_ = {};
  written_ = 0;
}

void Inbound::finish_answers() {
  if (state_ == State::open) {
    state_ = State::answering;
    deadline_ = Clock::now() + kAnswerLimit;
    impl_.need_sweep();
    // Answers of the read being handled are still to be materialised.
    if (!owed_.empty() || written_ < unwritten_.size()) return need_flush();
  }
  // With nothing unread, closing sends a FIN and no RST that could overtake the answers.
  const bool stopping = impl_.stopping();
  if (peer_closed_ || answers_abandoned_ || (stopping && !has_unread())) return close();
  state_ = State::lingering;
  deadline_ = Clock::now() + (stopping ? kLingerAtStop : kLingerLimit);
  ::shutdown(socket_.native_handle(), SHUT_WR);
  await_readable();
}

void Inbound::shut_down() {
  if (state_ == State::open) return finish_answers();
  deadline_ = std::min(deadline_, Clock::now() + kLingerAtStop);
}

bool Inbound::has_unread() {
  int unread = 0;
  return ::ioctl(socket_.native_handle(), FIONREAD, &unread) == 0 && unread > 0;
}

void Inbound::tick(Clock::time_point now) {
  if (lingering() && now >= deadline_) close();
}

void Inbound::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  impl_.held_changed(std::exchange(held_, 0), 0);
  asio::error_code ignored;
  socket_.close(ignored);
  impl_.inbound_closed(shared_from_this());
}

}  // namespace compactor
