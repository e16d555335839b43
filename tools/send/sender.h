// The engine of send: takes messages from a Source, keeps a bounded number under way, tells what
// became of each in order.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "compactor/process.h"
#include "node/node.h"
#include "node/run.h"
#include "send/source.h"

namespace tool {

struct SenderSettings {
  Duration timeout = std::chrono::seconds(5);  // without progress
  Duration connect_timeout = std::chrono::seconds(5);
  Duration resolve_time = std::chrono::seconds(5);  // for each name
  std::uint64_t retries = 0;
  Duration retry_delay = std::chrono::seconds(1);
  bool keep_going = false;
  bool show_accepted = true;
  std::optional<std::string> expect;       // a message of this name (glob) …
  std::optional<std::string> expect_from;  // … from this PID or glob
  std::optional<compactor::Pid> target;    // who is expected to send it
  compactor::Style style = compactor::Style::libprocess;
};

/// Lives on the thread that waits; only on_delivery callbacks and messages come from the loop,
/// through a locked inbox.
class Sender {
 public:
  Sender(const SenderSettings& settings, Source& source, Console& console, Waiter& waiter);

  /// A connection was made. Any thread.
  void connected() { connected_ = true; }
  /// A TLS handshake begins, or has ended, whichever way: the time without progress does not run
  /// meanwhile. Any thread.
  void handshaking() { handshaking_ = true; }
  void handshake_ended();
  /// A connection of that host was turned away. Any thread.
  void rejected(const std::string& host, std::string_view why);

  /// Waits for the first message and returns where it goes; nothing when there is none (then run()
  /// must not be called).
  std::optional<compactor::Pid> await_first();

  /// Sends everything; returns when all is told, or the run was cut short. `node` is stopped then.
  void run(Node& node, const std::string& id);

  const SendSummary& summary() const { return summary_; }
  /// How the run ends: the first failure, or nothing. A clear no has exit 1.
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  class Receiver;
  struct Item {
    std::shared_ptr<const Outgoing> message;
    bool done = false;
    std::uint64_t attempts = 0;
    compactor::Delivery delivery{};
  };
  struct Answered {
    std::uint64_t number;
    compactor::Delivery delivery;
  };
  struct Received {
    WallTime time;
    compactor::Pid from;
    std::string sender;
    std::string to;
    std::string name;
    std::string body;
  };
  struct Retry {
    std::uint64_t number;
    Steady::time_point at;
  };

  void pump();
  bool pump_retries();
  bool pump_next();
  bool pull();
  bool wants_more() const;
  bool waits() const;
  Steady::time_point limit() const;
  void finish_counts();
  bool room_in_window() const;
  bool transmit(std::uint64_t number);
  void take_inbox();
  void answered(Answered& answered);
  void settle_front();
  void settle(const Item& item);
  void fail(Failure failure);
  void tell_reply();
  bool finished() const;
  std::optional<Steady::time_point> deadline() const;
  void timed_out();
  std::string turned_away();
  Failure failure_of(const Item& item) const;
  bool matches_expectation(const compactor::MessageView& message) const;

  const SenderSettings& settings_;
  Source& source_;
  Console& console_;
  Waiter& waiter_;
  Node* node_ = nullptr;
  std::string own_;  // our PID
  std::shared_ptr<Receiver> receiver_;

  std::deque<Item> window_;  // under way, or waiting to be told in order
  std::uint64_t first_ = 0;  // number of window_.front()
  std::size_t window_bytes_ = 0;
  std::deque<Retry> retries_;
  std::shared_ptr<const Outgoing> held_;  // read, but there was no room for it
  bool waiting_for_room_ = false;
  bool source_ended_ = false;
  bool stopped_ = false;  // after a failure nothing more is sent
  bool got_expected_ = false;
  std::optional<Received> reply_;  // it has come and is not printed yet
  bool graced_ = false;
  std::optional<Steady::time_point> source_due_;
  Steady::time_point progress_;
  SendSummary summary_;
  Latency ack_;
  std::optional<Failure> failure_;

  std::atomic<bool> connected_ = false;
  std::atomic<bool> handshaking_ = false;
  std::atomic<Steady::rep> handshake_ended_ = 0;
  std::optional<compactor::Pid> expect_from_;

  std::mutex inbox_mutex_;
  std::vector<Answered> inbox_;
  std::optional<Received> inbox_message_;
  bool expecting_ = false;  // a message was sent, so that what comes now may be the answer
  bool room_ = false;
  std::string turned_away_;  // why, of a connection from the target's host
};

}  // namespace tool
