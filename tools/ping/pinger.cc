#include "ping/pinger.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "body/mailbox_names.h"
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

}  // namespace

std::string_view word_of(PingMode mode) {
  switch (mode) {
    case PingMode::automatic:
      return "auto";
    case PingMode::ack:
      return "ack";
    case PingMode::reply:
      return "reply";
    case PingMode::agent:
      return "agent";
  }
  return "auto";
}

PingSummary Pinger::summary() const {
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

void Pinger::initialize() {
  speaks_tls_ = context().options().tls.enabled;
  observer_->on_connected = [this](Duration took) { connected(took); };
  observer_->on_handshaking = [this] { handshaking_ = true; };
  observer_->on_secured = [this](std::optional<Duration> took) { handshake_ended(took); };
  observer_->on_disconnected = [this] { connected_ = false; };
  next_ = started_;
  tick();
}

void Pinger::finalize() {
  observer_->on_connected = nullptr;
  observer_->on_handshaking = nullptr;
  observer_->on_secured = nullptr;
  observer_->on_disconnected = nullptr;
}

void Pinger::receive(const compactor::MessageView& message) {
  auto expected = mode_ == PingMode::agent ? agent_pong : std::string_view(options_.reply_name);
  if (message.name != expected) {
    console_.detail(
        1, "got a message " + std::string(message.name) + " from " + std::string(message.sender));
    return;
  }
  if (auto* probe = match(message.body)) replied(*probe);
}

bool Pinger::all_sent() const {
  return options_.count && !options_.wait && tally_.sent + unsent_ >= *options_.count;
}

bool Pinger::one_at_a_time() const {
  return options_.flood || mode_ == PingMode::agent || mode_ == PingMode::automatic;
}

bool Pinger::any_open() const {
  return std::any_of(probes_.begin(), probes_.end(),
                     [](const PingProbe& p) { return !p.finished; });
}

void Pinger::tick() {
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

void Pinger::again() {
  if (ticking_) return;
  ticking_ = true;
  auto wait = std::max<Duration>(next_ - Steady::now(), Duration(0));
  context().delay(wait, pid(), [this](Process&) {
    ticking_ = false;
    tick();
  });
}

std::string Pinger::make_body() {
  if (mode_ == PingMode::agent) return std::string(agent_connected);
  if (mode_ == PingMode::ack) return std::string(options_.size, 'x');
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

std::string_view Pinger::name() const {
  if (mode_ == PingMode::agent) return agent_ping;
  return mode_ == PingMode::ack ? probe_name : std::string_view(options_.name);
}

void Pinger::send_probe() {
  auto& probe = probes_.emplace_back();
  probe.seq = ++last_seq_;
  probe.body = make_body();
  probe.wants_reply = mode_ != PingMode::ack;
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

PingProbe* Pinger::find(std::uint64_t seq) {
  auto found = std::lower_bound(probes_.begin(), probes_.end(), seq,
                                [](const PingProbe& p, std::uint64_t s) { return p.seq < s; });
  return found != probes_.end() && found->seq == seq ? &*found : nullptr;
}

PingProbe* Pinger::match(std::string_view body) {
  PingProbe* waiting = nullptr;
  PingProbe* expired = nullptr;
  for (auto& probe : probes_) {
    if (!probe.wants_reply || probe.reply) continue;
    if (probe.body == body) return &probe;
    auto*& first = probe.finished ? expired : waiting;
    if (first == nullptr) first = &probe;
  }
  return waiting != nullptr ? waiting : expired;
}

void Pinger::connected(Duration took) {
  connected_ = true;
  connect_.add(took);
  if (auto* probe = opener()) probe->connect = took;
}

PingProbe* Pinger::opener() {
  auto found = std::find_if(probes_.begin(), probes_.end(),
                            [](const PingProbe& p) { return !p.finished && !p.ack && !p.connect; });
  return found == probes_.end() ? nullptr : &*found;
}

void Pinger::handshake_ended(std::optional<Duration> took) {
  handshaking_ = false;
  if (took) {
    tls_.add(*took);
    if (auto* probe = opener()) probe->tls = took;
  }
  for (auto& probe : probes_) probe.waits_from = Steady::now();
  expire_later();
}

Duration Pinger::without_connect(const PingProbe& probe, Duration total) {
  auto opening = probe.connect.value_or(Duration(0)) + probe.tls.value_or(Duration(0));
  return std::max<Duration>(total - opening, Duration(0));
}

void Pinger::delivered(std::uint64_t seq, const Delivery& delivery) {
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

bool Pinger::settles(const PingProbe& probe, const Delivery& delivery) const {
  bool good = delivery.outcome == Outcome::accepted;
  return !good || !probe.wants_reply || probe.reply.has_value();
}

void Pinger::finish_delivered(PingProbe& probe, const Delivery& delivery) {
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
  bool undecided = mode_ == PingMode::automatic && delivery.outcome != Outcome::failed;
  if (undecided && probe.reply) {
    mode_ = PingMode::reply;
  } else if (undecided) {
    turn_to_acks(acked ? "status " + std::to_string(delivery.status) : std::string());
  }
  if (answers) ++tally_.answered;
  auto outcome = probe.reply ? "replied" : compactor::to_string(delivery.outcome);
  finish(probe, outcome, answers ? std::string_view() : std::string_view(delivery.reason));
}

void Pinger::turn_to_acks(const std::string& why) {
  mode_ = PingMode::ack;
  if (why.empty()) return;
  fell_back_ = true;
  console_.note(options_.name + ": no " + options_.reply_name + " came (" + why +
                "); the other probes measure only the ack: queued, not handled");
}

bool Pinger::mode_is_ack_for(const PingProbe& probe) const {
  return !probe.wants_reply || mode_ == PingMode::automatic;
}

void Pinger::replied(PingProbe& probe) {
  if (frozen_) return;
  probe.reply = without_connect(probe, Steady::now() - probe.start);
  if (probe.finished) {
    show(probe, "replied", {}, true);
    return;
  }
  reply_.add(*probe.reply);
  if (mode_ == PingMode::automatic) mode_ = PingMode::reply;
  if (!probe.ack) return;  // it is on its way, on the other connection
  ++tally_.answered;
  finish(probe, "replied", {});
}

void Pinger::finish(PingProbe& probe, std::string_view outcome, std::string_view reason) {
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

void Pinger::show(const PingProbe& probe, std::string_view outcome, std::string_view reason,
                  bool late) {
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

void Pinger::forget_old() {
  while (!probes_.empty() && probes_.front().finished &&
         (probes_.front().reply || !probes_.front().wants_reply || probes_.size() > expired_kept)) {
    // An ack may still come late; it is looked up by number, and not found it is not told.
    if (!probes_.front().ack && probes_.size() <= expired_kept) return;
    probes_.pop_front();
  }
}

void Pinger::expire_later() {
  if (expiring_ || handshaking_) return;
  auto open =
      std::find_if(probes_.begin(), probes_.end(), [](const PingProbe& p) { return !p.finished; });
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

void Pinger::expire() {
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

void Pinger::expired(PingProbe& probe) {
  if (probe.reply) {  // replied in time, only the 202 is missing
    ++tally_.answered;
    finish(probe, "replied", {});
  } else if (probe.ack) {
    bool counts = mode_ == PingMode::automatic;
    if (counts) {
      turn_to_acks("in " + duration_text(options_.per_probe));
      ++tally_.answered;
    }
    finish(probe, counts ? "accepted" : "no_reply", {});
  } else {
    if (!connected_) ++tally_.unconnected;
    tally_.last_reason = connected_ ? "no answer in " + duration_text(options_.per_probe)
                                    : "no connection in " + duration_text(options_.per_probe);
    if (connected_ && mode_ == PingMode::automatic) turn_to_acks({});
    finish(probe, connected_ ? "no_answer" : "failed", tally_.last_reason);
  }
}

}  // namespace tool
