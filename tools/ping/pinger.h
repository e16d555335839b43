// The probes of ping: sent in their turn, matched with what answers them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

#include "cli/signals.h"
#include "compactor/process.h"
#include "node/node.h"
#include "node/process_options.h"
#include "node/run.h"
#include "output/options.h"

namespace tool {

enum class PingMode { automatic, ack, reply, agent };

struct PingOptions {
  OutputOptions output;
  ProcessOptions process;
  compactor::Style style = compactor::Style::libprocess;
  std::string target;
  PingMode mode = PingMode::automatic;
  std::string name = "ping";
  std::string reply_name = "pong";
  std::optional<std::uint64_t> count;
  Duration interval = std::chrono::seconds(1);
  std::size_t size = 56;
  Duration per_probe = std::chrono::seconds(1);
  std::optional<Duration> in_all;
  bool flood = false;
  std::optional<Duration> wait;
  std::optional<double> max_loss;
};

/// Its word on the command line and in the output.
std::string_view word_of(PingMode mode);

class PingObserver : public ConsoleObserver {
 public:
  using ConsoleObserver::ConsoleObserver;
  void connected(const compactor::Address& peer, const compactor::Address& local,
                 compactor::Duration took) override {
    ConsoleObserver::connected(peer, local, took);
    if (on_connected) on_connected(took);
  }
  void handshaking(const compactor::Address&) override {
    if (on_handshaking) on_handshaking();
  }
  void secured(const compactor::Address& peer, const compactor::TlsPeer& tls,
               compactor::Duration took) override {
    ConsoleObserver::secured(peer, tls, took);
    if (on_secured) on_secured(took);
  }
  void tls_failed(const compactor::Address&, std::error_code, std::string_view) override {
    if (on_secured) on_secured(std::nullopt);
  }
  void downgraded(const compactor::Address&, std::string_view) override {
    if (on_secured) on_secured(std::nullopt);
  }
  void disconnected(const compactor::Address& peer, compactor::ExitReason reason) override {
    ConsoleObserver::disconnected(peer, reason);
    if (on_disconnected) on_disconnected();
  }
  // Set before the first connection, called on the loop.
  std::function<void(Duration)> on_connected;
  std::function<void()> on_handshaking;
  std::function<void(std::optional<Duration>)> on_secured;  // nothing: there is no TLS
  std::function<void()> on_disconnected;
};

/// What the exit status depends on.
struct PingTally {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t unconnected = 0;  // failed to connect
  std::uint64_t refused = 0;      // refused, closed early, garbage
  std::uint64_t finished = 0;     // all that came to an end, whichever
  std::string last_reason;
  compactor::Fault last_fault = compactor::Fault::none;
  std::error_code last_error;
};

struct PingProbe {
  std::uint64_t seq = 0;
  std::string body;
  bool wants_reply = false;
  Steady::time_point start;
  Steady::time_point waits_from;  // start, or the end of a TLS handshake
  std::optional<Duration> connect;
  std::optional<Duration> tls;
  std::optional<Duration> ack;
  std::optional<Duration> reply;
  int status = 0;
  bool finished = false;
};

/// Lives on the loop, but for summary() and tally() after the run.
class Pinger : public compactor::Process {
 public:
  Pinger(std::string id, const PingOptions& options, compactor::Pid target,
         std::shared_ptr<PingObserver> observer, Console& console, Waiter& waiter)
      : Process(std::move(id)),
        options_(options),
        target_(std::move(target)),
        target_text_(target_.str()),
        observer_(std::move(observer)),
        console_(console),
        waiter_(waiter),
        mode_(options.mode),
        started_(Steady::now()) {}

  const PingTally& tally() const { return tally_; }
  PingSummary summary() const;
  /// After the run began.
  bool speaks_tls() const { return speaks_tls_; }
  void freeze() { frozen_ = true; }

 protected:
  void initialize() override;
  void finalize() override;
  void receive(const compactor::MessageView& message) override;

 private:
  bool all_sent() const;
  /// The next probe has to wait for the last: in a flood, to an agent, and until auto has decided.
  bool one_at_a_time() const;
  bool any_open() const;

  /// Sends the next probe if it is due and allowed, and sees to the one after it.
  void tick();
  void again();
  std::string make_body();
  std::string_view name() const;
  void send_probe();
  PingProbe* find(std::uint64_t seq);

  /// The probe that a reply belongs to: an equal body, else the first that waits, else the first
  /// that no longer does.
  PingProbe* match(std::string_view body);
  void connected(Duration took);

  /// Of those that wait, the one that opened the connection; those behind it only waited.
  PingProbe* opener();

  /// The handshake has a limit of its own: -W counts from its end.
  void handshake_ended(std::optional<Duration> took);

  /// Connecting, and the TLS handshake, are clocks of their own and no part of the others.
  static Duration without_connect(const PingProbe& probe, Duration total);
  void delivered(std::uint64_t seq, const compactor::Delivery& delivery);

  /// Whether the answer to the delivery is all that the probe waits for.
  bool settles(const PingProbe& probe, const compactor::Delivery& delivery) const;
  void finish_delivered(PingProbe& probe, const compactor::Delivery& delivery);

  /// What auto does when the first probe brings no reply; `why`, where it was acked all the same.
  void turn_to_acks(const std::string& why);
  bool mode_is_ack_for(const PingProbe& probe) const;
  void replied(PingProbe& probe);
  void finish(PingProbe& probe, std::string_view outcome, std::string_view reason);
  void show(const PingProbe& probe, std::string_view outcome, std::string_view reason, bool late);
  void forget_old();

  /// One timer for all: probes expire in the order in which they were sent.
  void expire_later();
  void expire();
  void expired(PingProbe& probe);

  const PingOptions& options_;
  const compactor::Pid target_;
  const std::string target_text_;
  std::shared_ptr<PingObserver> observer_;
  Console& console_;
  Waiter& waiter_;
  PingMode mode_;
  PingTally tally_;
  Latency connect_;
  Latency tls_;
  Latency ack_;
  Latency reply_;
  std::deque<PingProbe> probes_;  // by number
  std::uint64_t last_seq_ = 0;
  std::uint64_t unsent_ = 0;
  std::size_t open_ = 0;
  bool connected_ = false;
  bool handshaking_ = false;
  bool speaks_tls_ = false;
  bool fell_back_ = false;  // from replies to acks
  bool ticking_ = false;
  bool expiring_ = false;
  bool frozen_ = false;
  Steady::time_point started_;
  Steady::time_point next_;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace tool
