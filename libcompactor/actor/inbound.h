// A connection that a peer opened: requests come in, responses go out in their order.
#pragma once

#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "actor/commons.h"
#include "actor/http_date.h"
#include "actor/memory_limit.h"
#include "actor/registry.h"
#include "actor/reply_connections.h"
#include "actor/response_queue.h"
#include "actor/router.h"
#include "compactor/pid.h"
#include "net/net.h"
#include "net/transport.h"
#include "wire/message.h"
#include "wire/parser.h"

namespace compactor {

class Inbound;

/// What an Inbound sees of its Context. What every message needs is a member, so that it costs no
/// virtual call. Loop only, except for `receiving_paused`.
class InboundHost {
 public:
  InboundHost(Commons& its_commons, Registry& its_registry, const Router& its_router)
      : commons(its_commons),
        registry(its_registry),
        router(its_router),
        incomplete(commons.options.max_incomplete, MemoryLimit::Single::bounded),
        receiving_began(!commons.options.start_paused) {}

  Commons& commons;
  Registry& registry;
  const Router& router;
  /// What peers began and did not end.
  MemoryLimit incomplete;
  std::string write_scratch;
  HttpDate date;
  /// Nothing is read before.
  bool receiving_began;
  /// Messages wait.
  std::atomic<bool> receiving_paused{false};
  /// Flushed when this turn of the loop ends.
  std::vector<std::shared_ptr<Inbound>> to_flush;

  /// The connection is resumed, after those held back before it, when receiving goes on.
  virtual void hold_back(const std::shared_ptr<Inbound>& connection) = 0;
  /// Asks for tick() while a connection is lingering.
  virtual void need_sweep() = 0;
  virtual void closed(const std::shared_ptr<Inbound>& connection) = 0;

 protected:
  ~InboundHost() = default;
};

/// Lives on the loop. Never closed by us for being idle: it may be a link, and closing it would
/// tell the peer that its linked process is dead. What the peer wrote completely is delivered even
/// when its answers cannot be written.
///
/// It stops between two requests, whatever was read already, when it has had its turn, when the
/// peer leaves too many answers unread, while replies to what came on it are not taken, and before
/// a message while receiving is paused. Once the Context stops it does not go on.
class Inbound : public std::enable_shared_from_this<Inbound>,
                public ReplySource,
                private wire::Sink {
 public:
  Inbound(InboundHost& host, Transport transport, const sockaddr_in& peer);

  void start() { await_readable(); }
  /// Writes the responses owed, as far as the socket takes them.
  void flush();
  /// Goes on where it stopped, if what it waits for is there.
  void resume();
  void await_replies() override { ++awaiting_replies_; }
  void replies_taken() override;
  /// The Context stops: what is owed is written, then the connection is closed.
  void shut_down();
  /// Closes a connection that has been lingering for too long. Called by the Context's sweep.
  void tick(std::chrono::steady_clock::time_point now);
  bool lingering() const { return state_ != State::open; }
  void close();

 private:
  enum class State {
    open,
    answering,  // nothing more is read; closed when all answers are written
    lingering,  // answers written and our side shut; reading and discarding until the peer closes,
                // so that no RST overtakes the answers
    closed,
  };
  /// A message that came while receiving is paused. Its sender is the last that was read.
  struct Waiting {
    std::string id, name, body;
    unsigned reply_depth;
    wire::Persist persist;
  };

  bool on_message(const wire::HttpMessage& request) override;
  void answer_message(const wire::HttpMessage& request, const wire::MessageHead& head,
                      wire::Persist persist);
  void answer_plain(const wire::HttpMessage& request, wire::Persist persist);
  void deliver(const Waiting& message) {
    deliver(message.id, message.name, message.body, message.reply_depth, message.persist);
  }
  void deliver(std::string_view id, std::string_view name, std::string_view body,
               unsigned reply_depth, wire::Persist persist);
  void respond(int status, std::string_view content_type, std::string_view body,
               wire::Persist persist, bool head_only = false);
  bool sender_matches_peer();
  const Pid& read_sender(std::string_view sender);

  bool stopped() const;
  bool reads_enough() const;
  void await_readable();
  void await_receiving();
  void on_readable();
  void parse(std::string_view bytes);
  void resume_later();
  void keep_rest(std::string_view rest);
  std::string_view rest() const { return std::string_view(rest_).substr(rest_begin_); }
  void peer_ended(const std::error_code& error);
  void discard();
  void limit_entries();
  void abandon_answers();
  void need_flush();
  bool write_some();
  void await_writable();
  void finish_answers();
  void reject(std::string_view why);
  void drop(std::string_view why);
  void update_held();
  void update_unread();
  void give_up_held();
  void give_up_unread();
  bool must_wait(std::string_view id, std::string_view name) const {
    return host_.receiving_paused && host_.registry.must_wait(id, name);
  }
  std::string peer_text() const { return to_address(peer_).str(); }

  InboundHost& host_;
  Transport transport_;
  const sockaddr_in peer_;  // kept, since a socket that was reset does not know it
  wire::Parser parser_;
  std::string rest_;  // read and, from rest_begin_ on, not parsed yet
  std::size_t rest_begin_ = 0;
  std::unique_ptr<Waiting> waiting_;
  int plain_requests_ = 0;  // in this turn
  int awaiting_replies_ = 0;
  ResponseQueue owed_;
  std::string unwritten_;  // materialised responses that the socket did not take yet
  std::size_t written_ = 0;
  MemoryLimit::Holder held_;    // of what is not complete, or waits
  MemoryLimit::Holder unread_;  // of answers
  std::string sender_text_;  // the last sender, and how it reads: mostly every message has the same
  Pid sender_;
  std::chrono::steady_clock::time_point deadline_{};
  State state_ = State::open;
  bool reading_ = false, writing_ = false, flush_planned_ = false, resume_planned_ = false;
  bool held_back_ = false;
  bool answers_abandoned_ = false, peer_closed_ = false, warned_sender_ = false;
};

}  // namespace compactor
