#include "actor/inbound.h"

#include <algorithm>
#include <utility>

#include "net/clock.h"
#include "wire/message.h"

namespace compactor {
namespace {

constexpr std::size_t kWriteAtOnce = std::size_t{64} << 10;
constexpr std::size_t kMostUnread = std::size_t{1} << 20;  // bytes of answers, then it stops
constexpr std::size_t kMaxEntries = 65536;
// Then it is another connection's turn. Routes can be slow; a message costs next to nothing, and
// all of one read are handled in one go.
constexpr int kPlainRequestsPerTurn = 16;
// While receiving is paused: enough for plain requests, little enough for every connection to hold.
constexpr std::size_t kReadWhilePaused = std::size_t{4} << 10;
constexpr std::size_t kHeldWhilePaused = std::size_t{16} << 10;
constexpr auto kAnswerLimit = std::chrono::seconds(60);
constexpr auto kLingerLimit = std::chrono::seconds(2);
constexpr auto kLingerAtStop = std::chrono::milliseconds(250);

constexpr std::string_view kText = "text/plain; charset=utf-8";

}  // namespace

Inbound::Inbound(InboundHost& host, Transport transport, const sockaddr_in& peer)
    : host_(host),
      transport_(std::move(transport)),
      peer_(peer),
      parser_(wire::Kind::request, host.commons.options.max_body),
      held_(host.incomplete, [this] { give_up_held(); }),
      unread_(host.commons.unread, [this] { give_up_unread(); }) {}

// --- Reading

bool Inbound::stopped() const {
  return host_.commons.stopping || waiting_ || awaiting_replies_ > 0 || resume_planned_ ||
         owed_.stored_bytes() + unwritten_.size() > kMostUnread;
}

/// Receiving is paused, and as much of a message is here as may be held by every connection then.
bool Inbound::reads_enough() const {
  return host_.receiving_paused && parser_.memory() > kHeldWhilePaused;
}

void Inbound::await_readable() {
  if (reading_ || state_ == State::closed || state_ == State::answering) return;
  if (state_ == State::open) {
    if (!host_.receiving_began || stopped() || !rest().empty()) return;
    if (reads_enough()) return await_receiving();
  }
  reading_ = true;
  transport_.wait_read([self = shared_from_this()](const asio::error_code& failed) {
    self->reading_ = false;
    if (failed || self->state_ == State::closed) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->on_readable();
  });
}

void Inbound::on_readable() {
  if (state_ != State::open) return discard();
  if (stopped() || reads_enough()) return await_readable();
  auto& buffer = *host_.commons.read_buffer;
  const std::size_t size = host_.receiving_paused ? kReadWhilePaused : buffer.size();
  const Transfer got = transport_.read(buffer.data(), size);
  if (got.bytes > 0) return parse({buffer.data(), got.bytes});
  got.again ? await_readable() : peer_ended(got.error);
}

void Inbound::parse(std::string_view bytes) {
  plain_requests_ = 0;
  const std::uint64_t before = parser_.offset();
  const bool going_on = parser_.feed(bytes, *this);
  if (state_ != State::open) return;
  keep_rest(bytes.substr(parser_.offset() - before));
  limit_entries();
  update_unread();
  update_held();
  if (state_ != State::open || waiting_) return;
  if (going_on && !rest().empty() && !stopped()) return resume_later();
  if (going_on) return await_readable();
  if (parser_.met_tls()) {
    host_.commons.reporter.rejected_tls(to_address(peer_));
  } else if (parser_.broken()) {
    reject(parser_.error());
  }
  finish_answers();
}

void Inbound::keep_rest(std::string_view rest) {
  if (rest.empty()) {
    rest_ = {};
    rest_begin_ = 0;
  } else if (!rest_.empty()) {  // it is the end of what was kept before
    rest_begin_ = rest_.size() - rest.size();
  } else {
    rest_ = rest;
  }
}

/// Until receiving is no longer paused.
void Inbound::await_receiving() {
  if (!std::exchange(held_back_, true)) host_.hold_back(shared_from_this());
}

void Inbound::resume() {
  held_back_ = false;
  if (state_ == State::lingering) return await_readable();
  if (state_ != State::open) return;
  if (waiting_) {
    if (must_wait(waiting_->id, waiting_->name)) return await_receiving();
    deliver(*std::exchange(waiting_, nullptr));
    need_flush();
    update_held();
    if (state_ != State::open) return;
    if (parser_.ended()) return finish_answers();
  }
  if (stopped()) return;
  if (!rest().empty()) return parse(rest());
  await_readable();
}

/// After the others' turn.
void Inbound::resume_later() {
  if (std::exchange(resume_planned_, true)) return;
  host_.commons.loop.post([self = shared_from_this()] {
    self->resume_planned_ = false;
    self->resume();
  });
}

void Inbound::replies_taken() {
  if (--awaiting_replies_ == 0) resume_later();
}

void Inbound::update_held() {
  std::size_t held = rest_.size();
  if (!parser_.between_messages() && !parser_.broken()) held += parser_.memory();
  if (waiting_) held += waiting_->body.size();
  held_.set(held);
  held_.moved();
}

void Inbound::give_up_held() {
  drop("messages that are not complete hold over " +
       std::to_string(host_.commons.options.max_incomplete) + " bytes, and this one does not move");
}

void Inbound::reject(std::string_view why) {
  host_.commons.reporter.rejected(to_address(peer_), why);
}

void Inbound::drop(std::string_view why) {
  reject(why);
  close();
}

void Inbound::peer_ended(const std::error_code& error) {
  peer_closed_ = true;
  if (!parser_.between_messages() && !parser_.broken())
    reject("the connection ended inside a message");
  if (error.category() == tls_category()) reject(transport_.reason());
  if (error) return close();
  finish_answers();
}

void Inbound::discard() {
  auto& buffer = *host_.commons.read_buffer;
  const Transfer got = transport_.read(buffer.data(), buffer.size());
  got.bytes > 0 || got.again ? await_readable() : close();
}

// --- Answering

bool Inbound::on_message(const wire::HttpMessage& request) {
  const auto persist =
      request.minor == 0 && request.keep_alive ? wire::Persist::stated : wire::Persist::implied;
  if (!wire::has_path(request)) {
    respond(400, kText, "The path of a request must start with '/'.", persist);
  } else if (const auto head = wire::message_head(request)) {
    answer_message(request, *head, persist);
  } else if (!answers_abandoned_) {  // else nobody is there to take what it asks for
    answer_plain(request, persist);
  }
  need_flush();
  if (stopped()) parser_.pause();
  return state_ == State::open && (request.keep_alive || waiting_);
}

void Inbound::answer_message(const wire::HttpMessage& request, const wire::MessageHead& head,
                             wire::Persist persist) {
  std::string decoded, inflated, why;
  const auto id = wire::decode_id(head.raw_id, decoded);
  if (!id)
    return respond(500, kText, "The process id is not percent-encoded as it should be.", persist);
  const auto body = wire::delivered_body(request, inflated, host_.commons.options.max_body, why);
  if (!body) return respond(500, kText, why, persist);
  read_sender(head.sender);
  if (host_.commons.options.require_peer_ip_match && !sender_matches_peer()) {
    return respond(400, kText,
                   "The sender " + sender_text_ + " does not have the address it sends from, " +
                       peer_text() + ".",
                   persist);
  }
  if (!must_wait(*id, head.name)) return deliver(*id, head.name, *body, head.reply_depth, persist);
  waiting_ = std::make_unique<Waiting>(Waiting{std::string(*id), std::string(head.name),
                                               std::string(*body), head.reply_depth, persist});
  await_receiving();
}

void Inbound::deliver(std::string_view id, std::string_view name, std::string_view body,
                      unsigned reply_depth, wire::Persist persist) {
  const bool found =
      host_.registry.deliver({id, sender_, sender_text_, name, body, reply_depth, this});
  if (!found) count(host_.commons.reporter.counters.messages_dropped);
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
    host_.commons.reporter.warn("a message from " + peer_text() +
                                " names no PID as its sender: it cannot be answered");
  }
  return sender_;
}

bool Inbound::sender_matches_peer() {
  return sender_.host == to_address(peer_).host;
}

void Inbound::answer_plain(const wire::HttpMessage& request, wire::Persist persist) {
  count(host_.commons.reporter.counters.http_requests);
  const std::size_t query = request.target.find('?');
  HttpRequest plain;
  plain.method = request.method;
  plain.path = request.target.substr(0, request.target.find_first_of("?#"));
  if (query != std::string_view::npos) plain.query = request.target.substr(query + 1);
  plain.body = request.body;
  const HttpResponse response = host_.router.serve(plain);
  respond(response.status, response.content_type, response.body, persist, request.method == "HEAD");
  if (++plain_requests_ >= kPlainRequestsPerTurn) resume_later();
}

void Inbound::respond(int status, std::string_view content_type, std::string_view body,
                      wire::Persist persist, bool head_only) {
  if (status == 400 || status == 500) reject(body);
  std::string response;
  wire::append_response(response, status, content_type, body, host_.date.text(), persist,
                        head_only);
  owed_.add(std::move(response));
}

// --- Writing

void Inbound::need_flush() {
  if (answers_abandoned_) owed_.clear();
  if (flush_planned_ || writing_) return;
  flush_planned_ = true;
  host_.to_flush.push_back(shared_from_this());
}

void Inbound::flush() {
  flush_planned_ = false;
  if (state_ == State::closed || writing_) return;
  const bool all_written = write_some();
  update_unread();
  if (state_ == State::closed) return;
  if (!all_written) return await_writable();
  if (state_ == State::answering) return finish_answers();
  // Not in this turn of the loop: who reads as fast as we answer would have it to himself.
  if (!rest().empty() && !stopped()) return resume_later();
  await_readable();
}

/// False when the socket is full.
bool Inbound::write_some() {
  std::string& scratch = host_.write_scratch;
  while (true) {
    const bool stored = written_ < unwritten_.size();
    if (!stored) {
      if (owed_.empty()) return true;
      scratch.clear();
      owed_.fill(scratch, kWriteAtOnce, host_.date.text());
    }
    const std::string_view bytes =
        stored ? std::string_view(unwritten_).substr(written_) : std::string_view(scratch);
    const Transfer sent = transport_.write(bytes);
    if (sent.error) {
      abandon_answers();
      return true;
    }
    const std::size_t taken = sent.bytes;
    if (taken > 0) unread_.moved();
    if (stored) {
      written_ += taken;
    } else if (taken < bytes.size()) {
      unwritten_.assign(bytes.substr(taken));
      written_ = 0;
    }
    if (taken < bytes.size()) return false;
    if (stored) {
      unwritten_ = {};
      written_ = 0;
    }
  }
}

void Inbound::await_writable() {
  writing_ = true;
  transport_.wait_write([self = shared_from_this()](const asio::error_code& failed) {
    self->writing_ = false;
    if (failed || self->state_ == State::closed) return;
    const Loop::Turn turn(self->host_.commons.loop);
    self->flush();
  });
}

void Inbound::update_unread() {
  unread_.set(owed_.memory() + unwritten_.size());
}

void Inbound::give_up_unread() {
  // Answers to messages nobody has to read; who asks for something and does not take it goes.
  if (owed_.stored_bytes() == 0 && unwritten_.size() <= kWriteAtOnce) {
    host_.commons.reporter.warn(peer_text() + " does not read its answers; it gets no more");
    return abandon_answers();
  }
  drop("answers that nobody reads hold over " + std::to_string(host_.commons.options.max_unread) +
       " bytes, and these do not move");
}

void Inbound::limit_entries() {
  if (owed_.entries() <= kMaxEntries || answers_abandoned_) return;
  host_.commons.reporter.warn(peer_text() + " does not read its answers; it gets no more");
  abandon_answers();
}

void Inbound::abandon_answers() {
  // What the peer wrote is still read and delivered: it is not its sender's fault that nobody reads
  // the answers.
  answers_abandoned_ = true;
  owed_.clear();
  unwritten_ = {};
  written_ = 0;
  unread_.set(0);
}

void Inbound::finish_answers() {
  if (state_ == State::open) {
    state_ = State::answering;
    deadline_ = Clock::now() + kAnswerLimit;
    host_.need_sweep();
    // Answers of the read being handled are still to be materialised.
    if (!owed_.empty() || written_ < unwritten_.size()) return need_flush();
  }
  // With nothing unread, closing sends a FIN and no RST that could overtake the answers.
  const bool stopping = host_.commons.stopping.load();
  if (peer_closed_ || answers_abandoned_ || (stopping && !transport_.has_unread())) return close();
  state_ = State::lingering;
  deadline_ = Clock::now() + (stopping ? kLingerAtStop : kLingerLimit);
  transport_.shut_write();
  await_readable();
}

void Inbound::shut_down() {
  if (state_ == State::open) return finish_answers();
  deadline_ = std::min(deadline_, Clock::now() + kLingerAtStop);
}

void Inbound::tick(Clock::time_point now) {
  if (lingering() && now >= deadline_) close();
}

void Inbound::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  held_.set(0);
  unread_.set(0);
  transport_.close();
  host_.closed(shared_from_this());
}

}  // namespace compactor
