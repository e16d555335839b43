// compactor ping: connect, queue and reply times of a process.
#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <string>

#include "body/encoding.h"
#include "body/mailbox_names.h"
#include "cli/command_line.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "compactor/process.h"
#include "node/node.h"
#include "node/process_options.h"
#include "node/run.h"
#include "output/options.h"
#include "text/hex.h"

namespace tool {

namespace {

using compactor::Delivery;
using compactor::Fault;
using compactor::Outcome;

constexpr std::size_t token_size = 16;
// Probes that got no reply are kept this long, as their reply may still come late.
constexpr std::size_t expired_kept = 1000;
constexpr std::string_view agent_connected{"\x08\x01", 2};  // PingSlaveMessage{connected: true}

enum class Mode { automatic, ack, reply, agent };

struct PingOptions {
  OutputOptions output;
  ProcessOptions process;
  compactor::Style style = compactor::Style::libprocess;
  std::string target;
  Mode mode = Mode::automatic;
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

Mode parse_mode(const std::string& word) {
  if (word == "ack") return Mode::ack;
  if (word == "reply") return Mode::reply;
  return word == "agent" ? Mode::agent : Mode::automatic;
}

std::string_view word_of(Mode mode) {
  switch (mode) {
    case Mode::automatic:
      return "auto";
    case Mode::ack:
      return "ack";
    case Mode::reply:
      return "reply";
    case Mode::agent:
      return "agent";
  }
  return "auto";
}

double parse_percent(std::string text) {
  if (text.ends_with('%')) text.pop_back();
  try {
    std::size_t end = 0;
    double value = std::stod(text, &end);
    if (end == text.size() && value >= 0 && value <= 100) return value;
  } catch (const std::logic_error&) {
  }
  throw Failure(Exit::usage, "usage", "--max-loss \"" + text + "\" does not read", "0 to 100");
}

CommandLine declare(PingOptions& options) {
  CommandLine line("ping",
                   "Measures how long a process takes: to connect, to queue (202), to reply.",
                   "  compactor ping echo@10.0.0.5:5050 -c 5\n"
                   "  compactor ping master@10.0.0.5:5050 --wait 1m       wait until it is up\n"
                   "  compactor ping echo@10.0.0.5:5050 -f -c 10000 -q    how fast can it be\n"
                   "  compactor ping 'slave(1)@10.0.0.7:5051' --mode agent\n");
  line.positional("TARGET", options.target, "process to ping, as in echo@10.0.0.5:5050");
  line.group("Ping");
  line.choices(
      "--mode", "MODE", {"auto", "ack", "reply", "agent"},
      [&](const std::string& word) { options.mode = parse_mode(word); }, "what is measured");
  line.text("--name", "NAME", options.name, "message to send in reply mode (ping)");
  line.text("--reply-name", "NAME", options.reply_name, "message to await in reply mode (pong)");
  line.number("-c,--count", 1, UINT64_MAX, options.count, "end after N probes");
  line.duration("-i,--interval", options.interval, "between probes (1s)");
  line.size("-s,--size", options.size, largest_body, "bytes of the body (56)");
  line.duration("-W", options.per_probe, "wait for an answer to each (1s)");
  line.duration("-w,--deadline,--timeout", options.in_all, "end after DUR in all");
  line.flag("-f,--flood", options.flood, "the next as soon as the last has returned");
  line.duration("--wait", options.wait, "retry until it answers, at most DUR");
  line.value(
      "--max-loss", "PCT",
      [&](const std::string& typed) { options.max_loss = parse_percent(typed); },
      "exit 1 when more is lost");
  add_style_option(line, options.style);
  add_output_options(line, options.output);
  add_process_options(line, options.process);
  return line;
}

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
struct Tally {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t unconnected = 0;  // failed to connect
  std::uint64_t refused = 0;      // refused, closed early, garbage
  std::uint64_t finished = 0;     // all that came to an end, whichever
  std::string last_reason;
  Fault last_fault = Fault::none;
  std::error_code last_error;
};

struct Probe {
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

  const Tally& tally() const { return tally_; }
  PingSummary summary() const {
    PingSummary summary{.target = target_text_, .sent = tally_.sent, .answered = tally_.answered};
    if (tally_.sent != 0) {
      auto lost = static_cast<double>(tally_.sent - tally_.answered);
      summary.loss_pct = 100 * lost / static_cast<double>(tally_.sent);
    }
    summary.mode = word_of(mode_);
    summary.fell_back = fell_back_;
    summary.duration_s = seconds_since(started_);
    summary.connect = &connect_;
    summary.tls = &tls_;
    summary.ack = &ack_;
    summary.reply = &reply_;
    return summary;
  }
  void freeze() { frozen_ = true; }

 protected:
  void initialize() override {
    observer_->on_connected = [this](Duration took) { connected(took); };
    observer_->on_handshaking = [this] { handshaking_ = true; };
    observer_->on_secured = [this](std::optional<Duration> took) { handshake_ended(took); };
    observer_->on_disconnected = [this] { connected_ = false; };
    next_ = started_;
    tick();
  }
  void finalize() override {
    observer_->on_connected = nullptr;
    observer_->on_handshaking = nullptr;
    observer_->on_secured = nullptr;
    observer_->on_disconnected = nullptr;
  }

  void receive(const compactor::MessageView& message) override {
    auto expected = mode_ == Mode::agent ? agent_pong : std::string_view(options_.reply_name);
    if (message.name != expected) {
      console_.detail(
          1, "got a message " + std::string(message.name) + " from " + std::string(message.sender));
      return;
    }
    if (auto* probe = match(message.body)) replied(*probe);
  }

 private:
  bool all_sent() const {
    return options_.count && !options_.wait && tally_.sent + unsent_ >= *options_.count;
  }
  /// The next probe has to wait for the last: in a flood, to an agent, and until auto has decided.
  bool one_at_a_time() const {
    return options_.flood || mode_ == Mode::agent || mode_ == Mode::automatic;
  }
  bool any_open() const {
    return std::any_of(probes_.begin(), probes_.end(), [](const Probe& p) { return !p.finished; });
  }

  /// Sends the next probe if it is due and allowed, and sees to the one after it.
  void tick() {
    if (frozen_ || ticking_ || all_sent()) return;
    if (one_at_a_time() && open_ > 0) return;  // finish() comes back here
    auto wait = next_ - Steady::now();
    if (wait.count() > 0) {
      ticking_ = true;
      context().delay(wait, pid(), [this](Process&) {
        ticking_ = false;
        tick();
      });
      return;
    }
    bool paced = !options_.flood;
    next_ = paced ? std::max(next_ + options_.interval, Steady::now()) : Steady::now();
    send_probe();
    // A failure that was known at once must not make this a recursion without end.
    if (!all_sent()) again();
  }

  void again() {
    if (ticking_) return;
    ticking_ = true;
    auto wait = std::max<Duration>(next_ - Steady::now(), Duration(0));
    context().delay(wait, pid(), [this](Process&) {
      ticking_ = false;
      tick();
    });
  }

  std::string make_body() {
    if (mode_ == Mode::agent) return std::string(agent_connected);
    if (mode_ == Mode::ack) return std::string(options_.size, 'x');
    std::string token(8, '\0');
    auto random = random_();
    for (auto& byte : token) {
      byte = static_cast<char>(random & 0xff);
      random >>= 8;
    }
    std::string body;
    compactor::text::append_hex(body, token);
    static_assert(token_size == 16);
    body.resize(options_.size, 'x');
    return body;
  }

  std::string_view name() const {
    if (mode_ == Mode::agent) return agent_ping;
    return mode_ == Mode::ack ? probe_name : std::string_view(options_.name);
  }

  void send_probe() {
    auto& probe = probes_.emplace_back();
    probe.seq = ++last_seq_;
    probe.body = make_body();
    probe.wants_reply = mode_ != Mode::ack;
    probe.start = probe.waits_from = Steady::now();
    ++open_;
    auto seq = probe.seq;
    auto result = send(target_, name(), probe.body,
                       [this, seq](const Delivery& delivery) { delivered(seq, delivery); });
    if (result == compactor::SendResult::queued) {
      ++tally_.sent;
      expire_later();
      return;
    }
    ++unsent_;
    tally_.last_reason = "not sent: " + std::string(compactor::to_string(result));
    finish(probes_.back(), "failed", tally_.last_reason);
  }

  Probe* find(std::uint64_t seq) {
    auto found = std::lower_bound(probes_.begin(), probes_.end(), seq,
                                  [](const Probe& p, std::uint64_t s) { return p.seq < s; });
    return found != probes_.end() && found->seq == seq ? &*found : nullptr;
  }

  /// The probe that a reply belongs to: an equal body, else the first that waits, else the first
  /// that no longer does.
  Probe* match(std::string_view body) {
    Probe* waiting = nullptr;
    Probe* expired = nullptr;
    for (auto& probe : probes_) {
      if (!probe.wants_reply || probe.reply) continue;
      if (probe.body == body) return &probe;
      auto*& first = probe.finished ? expired : waiting;
      if (first == nullptr) first = &probe;
    }
    return waiting != nullptr ? waiting : expired;
  }

  void connected(Duration took) {
    connected_ = true;
    connect_.add(took);
    if (auto* probe = opener()) probe->connect = took;
  }

  /// Of those that wait, the one that opened the connection; those behind it only waited.
  Probe* opener() {
    auto found = std::find_if(probes_.begin(), probes_.end(),
                              [](const Probe& p) { return !p.finished && !p.ack && !p.connect; });
    return found == probes_.end() ? nullptr : &*found;
  }

  /// The handshake has a limit of its own: -W counts from its end.
  void handshake_ended(std::optional<Duration> took) {
    handshaking_ = false;
    if (took) {
      tls_.add(*took);
      if (auto* probe = opener()) probe->tls = took;
    }
    for (auto& probe : probes_) probe.waits_from = Steady::now();
    expire_later();
  }

  /// Connecting, and the TLS handshake, are clocks of their own and no part of the others.
  static Duration without_connect(const Probe& probe, Duration total) {
    auto opening = probe.connect.value_or(Duration(0)) + probe.tls.value_or(Duration(0));
    return std::max<Duration>(total - opening, Duration(0));
  }

  void delivered(std::uint64_t seq, const Delivery& delivery) {
    auto* probe = find(seq);
    if (probe == nullptr || frozen_) return;
    bool late = probe->finished;
    probe->status = delivery.status;
    if (delivery.status != 0) probe->ack = without_connect(*probe, delivery.ack);
    if (late) {
      if (probe->ack && !probe->wants_reply)
        show(*probe, compactor::to_string(delivery.outcome), {}, true);
      return;
    }
    if (probe->ack) ack_.add(*probe->ack);
    if (settles(*probe, delivery)) finish_delivered(*probe, delivery);
  }

  /// Whether the answer to the delivery is all that the probe waits for.
  bool settles(const Probe& probe, const Delivery& delivery) const {
    bool good = delivery.outcome == Outcome::accepted;
    return !good || !probe.wants_reply || probe.reply.has_value();
  }

  void finish_delivered(Probe& probe, const Delivery& delivery) {
    if (delivery.outcome == Outcome::failed) {
      bool connecting = delivery.fault == Fault::connect || delivery.fault == Fault::resolve;
      ++(connecting ? tally_.unconnected : tally_.refused);
    }
    if (delivery.outcome == Outcome::refused || delivery.outcome == Outcome::no_answer)
      ++tally_.refused;
    if (delivery.outcome != Outcome::accepted) {
      tally_.last_reason = delivery.reason;
      tally_.last_fault = delivery.fault;
      tally_.last_error = delivery.error;
    }
    // Any status is a round trip when only the 202 was asked for; but a 404 says that nobody is
    // there, and a refusal is none either.
    bool acked = delivery.outcome == Outcome::accepted || delivery.outcome == Outcome::not_handled;
    bool answers = probe.reply || (acked && mode_is_ack_for(probe));
    bool undecided = mode_ == Mode::automatic && delivery.outcome != Outcome::failed;
    if (undecided && probe.reply) {
      mode_ = Mode::reply;
    } else if (undecided) {
      turn_to_acks(acked ? "status " + std::to_string(delivery.status) : std::string());
    }
    if (answers) ++tally_.answered;
    auto outcome = probe.reply ? "replied" : compactor::to_string(delivery.outcome);
    finish(probe, outcome, answers ? std::string_view() : std::string_view(delivery.reason));
  }

  /// What auto does when the first probe brings no reply; `why`, where it was acked all the same.
  void turn_to_acks(const std::string& why) {
    mode_ = Mode::ack;
    if (why.empty()) return;
    fell_back_ = true;
    console_.note(options_.name + ": no " + options_.reply_name + " came (" + why +
                  "); the other probes measure only the ack: queued, not handled");
  }

  bool mode_is_ack_for(const Probe& probe) const {
    return !probe.wants_reply || mode_ == Mode::automatic;
  }

  void replied(Probe& probe) {
    if (frozen_) return;
    probe.reply = without_connect(probe, Steady::now() - probe.start);
    if (probe.finished) {
      show(probe, "replied", {}, true);
      return;
    }
    reply_.add(*probe.reply);
    if (mode_ == Mode::automatic) mode_ = Mode::reply;
    if (!probe.ack) return;  // it is on its way, on the other connection
    ++tally_.answered;
    finish(probe, "replied", {});
  }

  void finish(Probe& probe, std::string_view outcome, std::string_view reason) {
    probe.finished = true;
    --open_;
    ++tally_.finished;
    bool good = outcome == "replied" || outcome == "accepted";
    if (!options_.flood || !good || options_.output.json) show(probe, outcome, reason, false);
    forget_old();
    bool waited_for = options_.wait && tally_.answered >= options_.count.value_or(1);
    if (waited_for || (all_sent() && open_ == 0)) {
      waiter_.finish();
    } else {
      again();
    }
  }

  void show(const Probe& probe, std::string_view outcome, std::string_view reason, bool late) {
    if (options_.output.quiet) return;
    console_.print(ProbeEvent{.seq = probe.seq,
                              .target = target_text_,
                              .connect = probe.connect,
                              .tls = probe.tls,
                              .ack = probe.ack,
                              .reply = probe.reply,
                              .status = probe.status,
                              .outcome = outcome,
                              .reason = reason,
                              .late = late});
  }

  void forget_old() {
    while (
        !probes_.empty() && probes_.front().finished &&
        (probes_.front().reply || !probes_.front().wants_reply || probes_.size() > expired_kept)) {
      // An ack may still come late; it is looked up by number, and not found it is not told.
      if (!probes_.front().ack && probes_.size() <= expired_kept) return;
      probes_.pop_front();
    }
  }

  /// One timer for all: probes expire in the order in which they were sent.
  void expire_later() {
    if (expiring_ || handshaking_) return;
    auto open =
        std::find_if(probes_.begin(), probes_.end(), [](const Probe& p) { return !p.finished; });
    if (open == probes_.end()) return;
    expiring_ = true;
    auto wait =
        std::max<Duration>(open->waits_from + options_.per_probe - Steady::now(), Duration(0));
    context().delay(wait, pid(), [this](Process&) {
      expiring_ = false;
      expire();
      expire_later();
    });
  }

  void expire() {
    if (handshaking_) return;
    auto now_is = Steady::now();
    std::vector<std::uint64_t> due;
    for (const auto& probe : probes_) {
      if (!probe.finished && probe.waits_from + options_.per_probe <= now_is)
        due.push_back(probe.seq);
    }
    for (auto seq : due) {
      auto* probe = find(seq);
      if (probe != nullptr && !frozen_) expired(*probe);
    }
  }

  void expired(Probe& probe) {
    if (probe.reply) {  // replied in time, only the 202 is missing
      ++tally_.answered;
      finish(probe, "replied", {});
    } else if (probe.ack) {
      bool counts = mode_ == Mode::automatic;
      if (counts) {
        turn_to_acks("in " + duration_text(options_.per_probe));
        ++tally_.answered;
      }
      finish(probe, counts ? "accepted" : "no_reply", {});
    } else {
      if (!connected_) ++tally_.unconnected;
      tally_.last_reason = connected_ ? "no answer in " + duration_text(options_.per_probe)
                                      : "no connection in " + duration_text(options_.per_probe);
      if (connected_ && mode_ == Mode::automatic) turn_to_acks({});
      finish(probe, connected_ ? "no_answer" : "failed", tally_.last_reason);
    }
  }

  const PingOptions& options_;
  const compactor::Pid target_;
  const std::string target_text_;
  std::shared_ptr<PingObserver> observer_;
  Console& console_;
  Waiter& waiter_;
  Mode mode_;
  Tally tally_;
  Latency connect_;
  Latency tls_;
  Latency ack_;
  Latency reply_;
  std::deque<Probe> probes_;  // by number
  std::uint64_t last_seq_ = 0;
  std::uint64_t unsent_ = 0;
  std::size_t open_ = 0;
  bool connected_ = false;
  bool handshaking_ = false;
  bool fell_back_ = false;  // from replies to acks
  bool ticking_ = false;
  bool expiring_ = false;
  bool frozen_ = false;
  Steady::time_point started_;
  Steady::time_point next_;
  std::mt19937_64 random_{std::random_device{}()};
};

void check_limits(const PingOptions& options) {
  if (options.mode == Mode::agent && options.flood) {
    throw Failure(Exit::usage, "usage",
                  "an agent is not to be flooded: each ping restarts its timer",
                  "leave out -f, or use --mode ack");
  }
}

int judge(const PingOptions& options, const Pinger& pinger, Waiter::Reason reason) {
  const auto& tally = pinger.tally();
  auto target = std::string(pinger.summary().target);
  if (tally.answered > 0)
    return options.max_loss && pinger.summary().loss_pct > *options.max_loss ? 1 : 0;
  auto why = tally.last_reason.empty() ? "" : ": " + tally.last_reason;
  if (reason == Waiter::Reason::deadline) {
    throw Failure(Exit::deadline, "timeout", target + " did not answer in time" + why,
                  "is the process there, and can it reach us?");
  }
  if (tally.finished > 0 && tally.unconnected == tally.finished) {
    // The reason says "cannot connect" and names the address.
    throw Failure(Exit::unreachable, "connect", target + why, "is anything listening there?");
  }
  if (tally.finished > 0 && tally.refused == tally.finished) {
    bool tls = tally.last_fault == Fault::tls;
    const auto* hint = hint_for(tally.last_fault, tally.last_error);
    throw Failure(Exit::refused,
                  tls                                   ? "tls"
                  : tally.last_fault == Fault::not_http ? "not_http"
                                                        : "refused",
                  target + " refused" + why,
                  *hint != 0 ? hint : "is this the port of a libprocess?");
  }
  return 1;
}

}  // namespace

Outline outline_ping() {
  PingOptions options;
  return declare(options).outline();
}

int run_ping(const Arguments& arguments) {
  PingOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  check_limits(options);
  Console console(options.output, BodyView());
  auto id = own_id(options.process, "ping");
  auto limit = options.in_all;
  if (options.wait) limit = limit ? std::min(*limit, *options.wait) : *options.wait;
  auto resolve_time = std::min(options.process.connect_timeout, limit.value_or(Duration::max()));
  auto target = resolve_pid(options.target, console, resolve_time);
  auto name = options.mode == Mode::ack ? std::string(probe_name) : options.name;
  check_sendable(options.style, id, target, name);
  options.process.tls.target_host = typed_host(options.target);
  auto context_options = make_options(options.process, {target}, console, resolve_time);
  context_options.style = options.style;
  // One connection for the run, however long the pauses are.
  context_options.idle_timeout =
      std::max<Duration>(context_options.idle_timeout, 3 * options.interval);
  auto observer = std::make_shared<PingObserver>(console);
  context_options.observer = observer;
  if (options.mode == Mode::agent) {
    console.note(
        "each such ping restarts the timer by which the agent notices that it lost its master");
  }

  Waiter waiter;
  Node node(std::move(context_options), console, waiter);
  auto pinger = std::make_shared<Pinger>(id, options, target, observer, console, waiter);
  auto pid = node.spawn(pinger);
  waiter.on_quit = [&] {
    on_loop<Pinger>(node.context(), pid, [&](Pinger& process) {
      auto now_is = process.summary();
      console.note(std::to_string(now_is.sent) + " sent, " + std::to_string(now_is.answered) +
                   " answered, ack p50 " + human_duration(now_is.ack->percentile_us(50)) +
                   ", reply p50 " + human_duration(now_is.reply->percentile_us(50)));
    });
  };
  std::optional<Steady::time_point> deadline;
  if (limit) deadline = Steady::now() + *limit;
  auto reason = waiter.wait_for_end(deadline);
  on_loop<Pinger>(node.context(), pid, [](Pinger& process) { process.freeze(); });
  bool cut_off = console.ended();
  node.stop(Duration(0));
  if (cut_off) return 0;
  console.print(pinger->summary());
  return judge(options, *pinger, reason);
}

}  // namespace tool
