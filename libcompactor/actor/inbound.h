// A connection that a peer opened: requests come in, responses go out in their order.
#pragma once

#include <asio.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "actor/net.h"
#include "actor/response_queue.h"
#include "compactor/pid.h"
#include "wire/message.h"
#include "wire/parser.h"

namespace compactor {

class ContextImpl;

/// Lives on the loop. Never closed by us for being idle: it may be a link, and closing it would
/// tell the peer that its linked process is dead. What the peer wrote completely is delivered even
/// when its answers cannot be written.
class Inbound : public std::enable_shared_from_this<Inbound>, private wire::Sink {
 public:
  Inbound(ContextImpl& impl, asio::ip::tcp::socket socket, const sockaddr_in& peer);

  void start();
  /// Writes the responses owed, as far as the socket takes them.
  void flush();
  void resume() { await_readable(); }
  /// The Context stops: what is owed is written, then the connection is closed.
  void shut_down();
  /// Closes a connection that has been lingering for too long. Called by the Context's sweep.
  void tick(std::chrono::steady_clock::time_point now);
  bool lingering() const { return state_ != State::open; }
  /// Bytes of a message that is not complete.
  std::size_t held() const { return held_; }
  /// Closes it at once, for the reason given.
  void drop(std::string_view why);
  void close();

 private:
  enum class State {
    open,
    answering,  // nothing more is read; closed when all answers are written
    lingering,  // answers written and our side shut; reading and discarding until the peer closes,
                // so that no RST overtakes the answers
    closed,
  };

  bool on_message(const wire::HttpMessage& request) override;
  void answer_message(const wire::HttpMessage& request, const wire::MessageHead& head,
                      wire::Persist persist);
  void answer_plain(const wire::HttpMessage& request, wire::Persist persist);
  void respond(int status, std::string_view content_type, std::string_view body,
               wire::Persist persist, bool head_only = false);
  bool sender_matches_peer();
  const Pid& read_sender(std::string_view sender);

  void await_readable();
  void on_readable();
  void peer_ended(const std::error_code& error);
  void discard();
  bool has_unread();
  void abandon_answers();
  void need_flush();
  void finish_answers();
  void reject(std::string_view why);
  void update_held();
  std::string peer_text() const { return to_address(peer_).str(); }

  ContextImpl& impl_;
  asio::ip::tcp::socket socket_;
  const sockaddr_in peer_;  // kept, since a socket that was reset does not know it
  wire::Parser parser_;
  ResponseQueue owed_;
  std::string unwritten_;  // materialised responses that the socket did not take yet
  std::size_t written_ = 0;
  std::size_t held_ = 0;
  std::string sender_text_;  // the last sender, and how it reads: mostly every message has the same
  Pid sender_;
  std::chrono::steady_clock::time_point deadline_{};
  State state_ = State::open;
  bool reading_ = false, writing_ = false, flush_planned_ = false;
  bool answers_abandoned_ = false, peer_closed_ = false, warned_sender_ = false;
};

}  // namespace compactor
