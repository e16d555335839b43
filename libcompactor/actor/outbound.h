// The connection that all our messages to one address share, and on which links to that address
// rest.
#pragma once

#include <asio.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actor/commons.h"
#include "actor/reply_connections.h"
#include "compactor/context.h"
#include "net/budget.h"
#include "net/handshake.h"
#include "net/output_buffer.h"
#include "net/transport.h"
#include "wire/parser.h"

namespace compactor {

class Outbound;

/// What an Outbound sees of its Context. What every message needs is a member, so that it costs no
/// virtual call. Loop only.
class OutboundHost {
 public:
  OutboundHost(Commons& its_commons, ReplyConnections& its_replies)
      : commons(its_commons), reply_connections(its_replies) {}

  Commons& commons;
  ReplyConnections& reply_connections;
  /// Flushed when this turn of the loop ends.
  std::vector<std::shared_ptr<Outbound>> to_flush;

  virtual bool leads_to_us(in_addr ip, std::uint16_t port) const = 0;
  /// Asks for tick() on connections that wait to be closed.
  virtual void need_sweep() = 0;
  /// The connection takes no more messages; a new one is opened for the next.
  virtual void retired(const std::shared_ptr<Outbound>& connection) = 0;
  virtual void closed(const std::shared_ptr<Outbound>& connection) = 0;
  /// The process has its first link, or no link any more, that rests on this connection.
  virtual void linked(const std::string& process_id, Outbound& connection) = 0;
  virtual void unlinked(const std::string& process_id, Outbound& connection) = 0;
  /// What the process was linked to is gone.
  virtual void exited(const std::string& process_id, const Pid& pid, ExitReason reason) = 0;

 protected:
  ~OutboundHost() = default;
};

/// Whom to tell what became of a message.
struct Sent {
  OnDelivery on_delivery;
  std::shared_ptr<Process> owner;  // keeps alive what on_delivery may refer to
  std::chrono::steady_clock::time_point at{};
  std::uint64_t end = 0;  // offset in the connection's output behind its last byte
};

/// Lives on the loop. Opened at once; a failure of any kind ends it for good (the Context opens
/// another for the next message), tells every sender and every linker, and frees its share of the
/// address' budget.
class Outbound : public std::enable_shared_from_this<Outbound>,
                 public ReplyCarrier,
                 private wire::Sink {
 public:
  Outbound(OutboundHost& host, Address address, std::shared_ptr<Budget> budget);

  void open();
  /// Instead of open(): fails with this error, as soon as the caller has returned to the loop.
  void refuse(const std::error_code& error);

  /// Room in the output for about `bytes`; append one message to it, then call appended().
  std::string& output_for(std::size_t bytes) { return output_.block_for(bytes); }
  /// `bytes` were appended and are within the budget.
  void appended(std::size_t bytes, Sent sent);

  void link(const std::string& process_id, const Pid& to);
  void unlink(const std::string& process_id, const Pid& to);
  /// The process has ended: its links are forgotten.
  void unlink_all(const std::string& process_id);

  void flush();
  /// No more messages come. Closed when all is written and answered.
  void retire();
  /// Gives up what is under way: senders learn that we stopped.
  void abort(StopReport& report);
  void tick(std::chrono::steady_clock::time_point now);

  // --- Replies (see ReplyConnections)

  /// Null when none go over it.
  ReplyTraffic* replies() { return replies_.get(); }
  void carry_replies();
  /// It is linked, or sent to of our own accord: no longer one that is there only to reply.
  void carry_messages();
  /// Why no reply may go where it leads to; empty when one may, or when that is not known yet.
  const std::string& why_no_reply() const { return why_no_reply_; }
  /// As Budget::reserve; a connection that is there only to reply has other bounds, and takes it.
  bool reserve_reply(std::size_t bytes);
  /// More replies wait than a peer that takes them leaves waiting.
  bool overloaded() const { return waits_more_than(kFullLoad); }
  /// Nothing more is read from where the message replied to came, until half of them are taken.
  void hold_up(const std::weak_ptr<ReplySource>& source);
  std::uint64_t acknowledged() override;
  void give_up_replies(const std::string& why) override;

  const Address& address() const { return address_; }
  const std::shared_ptr<Budget>& budget() const { return budget_; }
  bool busy() const { return !unanswered_.empty() || !output_.empty(); }
  bool needs_tick() const { return state_ == State::shut; }

 private:
  enum class State {
    connecting,
    open,
    shut,  // retired, all written and answered, our side shut: waiting for the peer's FIN
    closed,
  };

  /// Of replies that wait, in halves.
  enum Load : std::uint8_t { kHalfLoad = 1, kFullLoad = 2 };

  bool on_message(const wire::HttpMessage& response) override;
  bool waits_more_than(Load load) const;
  void replies_changed(bool moved);
  void let_go_on();
  void limit_connecting();
  void connect(const asio::ip::tcp::endpoint& endpoint);
  std::string why_no_reply_to(const asio::ip::tcp::endpoint& endpoint) const;
  void connected(const asio::ip::tcp::endpoint& endpoint);
  void shake_hands(const asio::ip::tcp::endpoint& endpoint);
  void handshake_failed(const asio::ip::tcp::endpoint& endpoint, const tls::Failure& failure);
  void opened();
  std::error_code forget_interest();
  void connect_failed(const std::error_code& error);
  void keep_alive();
  /// Keep-alive does not probe while bytes are unacknowledged, and TCP sends those again for a
  /// quarter of an hour: a linked peer that vanishes meanwhile has to be told by us.
  void watch_acknowledgements();
  void check_acknowledgements();
  void watch();
  void look_around();
  void look_for_answers(std::chrono::steady_clock::time_point now);
  bool never_answers() const { return forgotten_ > 0 && parser_.offset() == 0; }
  void forget_unanswered(std::uint64_t end);
  void write_failed(const std::error_code& error);
  void await_writable();
  void await_readable();
  void on_readable();
  void read_failed(const std::error_code& error);
  void answer(const wire::HttpMessage& response);
  void close_when_done();
  void fail(Fault fault, const std::error_code& error, const std::string& reason);
  void give_up(Fault fault, const std::error_code& error, const std::string& reason);
  void show_request(std::size_t bytes);

  OutboundHost& host_;
  const Address address_;
  std::shared_ptr<Budget> budget_;
  Transport transport_;
  std::shared_ptr<Handshake> handshake_;  // has the transport meanwhile
  asio::steady_timer timer_;              // connect time-out first, then watch()
  asio::steady_timer ack_timer_;
  OutputBuffer output_;
  std::deque<Sent> unanswered_;
  std::vector<std::string> unshown_heads_;  // of messages, for an observer who wants them
  std::uint64_t queued_ = 0, written_ = 0;  // bytes of the stream so far
  wire::Parser parser_;
  std::map<std::string, std::unordered_set<Pid>>
      links_;  // id of a local process -> what it is linked to here
  std::chrono::steady_clock::time_point started_, connected_at_, last_used_, read_at_,
      shut_deadline_;
  std::chrono::steady_clock::time_point silent_since_;  // retransmitting; none: not
  std::chrono::steady_clock::time_point marked_at_;     // when written_ was marked_
  std::uint64_t marked_ = 0;
  std::uint64_t forgotten_ = 0;  // messages given up, whose answers may still come
  std::uint64_t first_unanswered_begin_ = 0;
  std::size_t answered_ = 0;   // in the read being handled
  std::uint64_t answers_ = 0;  // in all
  std::unique_ptr<ReplyTraffic> replies_;
  std::string why_no_reply_;
  std::error_code write_error_;
  State state_ = State::connecting;
  bool plain_ = false;  // TLS failed, and plain text is allowed then
  bool retired_ = false, writing_ = false, flush_planned_ = false, watching_ = false;
};

}  // namespace compactor
