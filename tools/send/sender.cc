#include "send/sender.h"

#include <algorithm>
#include <utility>

#include "cli/values.h"
#include "text/glob.h"
#include "wire/encode.h"

namespace tool {

namespace {

using compactor::Delivery;
using compactor::Fault;
using compactor::Outcome;

constexpr std::size_t most_under_way = 65536;
constexpr std::size_t most_bytes_under_way = std::size_t{64} << 20;
// Between two looks at the inbox: an early answer must not wait for the whole of a long run to be
// queued.
constexpr int sent_at_once = 512;
// A connection that fails just when the time is over shall be told as such.
constexpr auto grace = std::chrono::milliseconds(500);
constexpr auto patience_with_output = std::chrono::milliseconds(10);
// Who ends a run waits for its end, and not for the count of what is left of a large file.
constexpr auto counted_after_signal = std::chrono::seconds(1);

std::string kind_of(const Delivery& delivery) {
  switch (delivery.fault) {
    case Fault::none:
      return "refused";
    default:
      return std::string(compactor::to_string(delivery.fault));
  }
}

Exit exit_of(const Delivery& delivery) {
  switch (delivery.outcome) {
    case Outcome::accepted:
      return Exit::ok;
    case Outcome::no_such_process:
    case Outcome::not_handled:
      return Exit::no;
    case Outcome::refused:
      return Exit::refused;
    case Outcome::no_answer:
    case Outcome::failed:
      break;
  }
  switch (delivery.fault) {
    case Fault::resolve:
    case Fault::connect:
      return Exit::unreachable;
    case Fault::timed_out:
    case Fault::stopped:
      return Exit::deadline;
    default:
      return Exit::refused;
  }
}

}  // namespace

class Sender::Receiver : public compactor::Process {
 public:
  Receiver(std::string id, Sender& sender) : Process(std::move(id)), sender_(sender) {}

 protected:
  void receive(const compactor::MessageView& message) override {
    if (!sender_.matches_expectation(message)) {
      sender_.console_.detail(
          1, "got a message " + std::string(message.name) + " from " + std::string(message.sender));
      return;
    }
    std::lock_guard lock(sender_.inbox_mutex_);
    if (!sender_.expecting_ || sender_.inbox_message_) return;
    sender_.inbox_message_ = Received{now(),
                                      message.from,
                                      std::string(message.sender),
                                      message.to.str(),
                                      std::string(message.name),
                                      std::string(message.body)};
    sender_.waiter_.wake();
  }

 private:
  Sender& sender_;
};

Sender::Sender(const SenderSettings& settings, Source& source, Console& console, Waiter& waiter)
    : settings_(settings), source_(source), console_(console), waiter_(waiter) {
  const auto& from = settings_.expect_from;
  if (from && from->find_first_of("*?") == std::string::npos)
    expect_from_ = resolve_pid(*from, console_, settings_.resolve_time);
  summary_.ack = &ack_;
}

bool Sender::matches_expectation(const compactor::MessageView& message) const {
  if (!settings_.expect || !compactor::text::glob_matches(*settings_.expect, message.name))
    return false;
  if (!settings_.expect_from) return true;
  return expect_from_ ? message.from == *expect_from_
                      : compactor::text::glob_matches(*settings_.expect_from, message.sender);
}

void Sender::run(Node& node, const std::string& id) {
  node_ = &node;
  receiver_ = std::make_shared<Receiver>(id, *this);
  own_ = node.spawn(receiver_).str();
  auto start = Steady::now();
  progress_ = start;
  source_.begin();
  while (!console_.ended()) {
    pump();
    take_inbox();
    settle_front();
    tell_reply();
    if (finished()) break;
    auto reason = waiter_.wait(deadline(), wants_more() ? source_.fd() : -1);
    if (reason == Waiter::Reason::signal) {
      failure_ = waiter_.interrupted();
      break;
    }
    if (reason == Waiter::Reason::deadline) timed_out();
    if (stopped_ && failure_ && failure_->exit() == Exit::deadline) break;
  }
  summary_.duration_s = seconds_since(start);
  bool interrupted = waiter_.signal() != 0;
  node.stop(interrupted ? std::chrono::seconds(1) : std::chrono::seconds(0));
  stopped_ = true;
  take_inbox();
  settle_front();
  tell_reply();
  finish_counts();
}

bool Sender::finished() const {
  if (!window_.empty()) return false;
  if (stopped_) return true;
  if (!source_ended_ || held_) return false;
  return !settings_.expect || got_expected_ || failure_;
}

bool Sender::wants_more() const {
  bool free = !held_ && !source_due_ && retries_.empty() && room_in_window() && !console_.full();
  return free && !source_ended_ && !stopped_;
}

bool Sender::room_in_window() const {
  return window_.size() < most_under_way && window_bytes_ < most_bytes_under_way;
}

void Sender::pump() {
  {
    std::lock_guard lock(inbox_mutex_);
    if (std::exchange(room_, false)) waiting_for_room_ = false;
  }
  if (!pump_retries()) return;
  for (int i = 0; i < sent_at_once; ++i) {
    if (!pump_next()) return;
  }
  waiter_.wake();  // there may be more to send
}

/// Sends again what is due; false when something is still to be sent again before anything new.
bool Sender::pump_retries() {
  while (!retries_.empty() && !stopped_) {
    if (retries_.front().at > Steady::now() || waiting_for_room_) return false;
    if (!transmit(retries_.front().number)) return false;
    retries_.pop_front();
  }
  return true;
}

/// Sends the next message; false when there is none now, or no room.
bool Sender::pump_next() {
  if (stopped_ || waiting_for_room_ || console_.full() || !room_in_window()) return false;
  if (!held_ && !pull()) return false;
  if (!held_) return true;
  auto number = first_ + window_.size();
  window_bytes_ += held_->body.size();
  window_.push_back({.message = held_, .done = held_->skipped});
  if (held_->skipped || transmit(number)) {
    held_ = nullptr;
    return true;
  }
  window_bytes_ -= held_->body.size();
  window_.pop_back();
  return false;
}

/// Asks the source for the next message, into held_; false when there is none now. A line that
/// cannot be sent is told, and leaves held_ empty: there may be many, so it is for the caller to
/// look at other things before the next.
bool Sender::pull() {
  if (source_ended_ || stopped_) return false;
  try {
    auto step = source_.next();
    source_due_ = step.at;
    source_ended_ = step.next == Source::Next::end;
    held_ = std::move(step.message);
    return held_ != nullptr;
  } catch (const Failure& failure) {
    // The line was given up for the run's sake: the next wait() ends that.
    if (waiter_.signal() != 0) {
      ++summary_.not_sent;
      return false;
    }
    ++summary_.failed;
    fail(failure);
    return true;
  }
}

std::optional<compactor::Pid> Sender::await_first() {
  while (!held_ && !source_ended_ && !stopped_) {
    std::optional<Steady::time_point> until;
    if (console_.full())
      until = Steady::now() + patience_with_output;
    else
      until = pull() ? Steady::now() : source_due_;
    if (held_ || source_ended_ || stopped_) break;
    if (waiter_.wait(until, until ? -1 : source_.fd()) != Waiter::Reason::signal) continue;
    failure_ = waiter_.interrupted();
    stopped_ = true;
  }
  if (held_) return held_->to;
  finish_counts();
  return std::nullopt;
}

void Sender::finish_counts() {
  if (held_) ++summary_.not_sent;
  std::optional<Steady::time_point> limit;
  auto goes_on = [&] {
    waiter_.wait(Steady::now());  // only to see a signal
    if (waiter_.signal() != 0 && !limit) limit = Steady::now() + counted_after_signal;
    return !limit || Steady::now() < *limit;
  };
  if (!source_ended_) summary_.not_sent += source_.remaining(goes_on);
  summary_.ignored = source_.ignored();
  if (limit && Steady::now() >= *limit) console_.note("not all that was not sent was counted");
}

/// Hands the message to the connection; false when there is no room for it now.
bool Sender::transmit(std::uint64_t number) {
  auto& item = window_[number - first_];
  const auto& message = *item.message;
  const auto& from = message.from.empty() ? own_ : message.from;
  auto& context = node_->context();
  if (settings_.expect) {
    std::lock_guard lock(inbox_mutex_);
    expecting_ = true;
  }
  auto result = context.send(from, message.to, message.name, message.body,
                             [this, number](const Delivery& delivery) {
                               std::lock_guard lock(inbox_mutex_);
                               inbox_.push_back({number, delivery});
                               if (inbox_.size() == 1) waiter_.wake();
                             });
  progress_ = Steady::now();
  if (result == compactor::SendResult::queued) {
    if (item.attempts++ == 0) ++summary_.sent;
    return true;
  }
  if (result == compactor::SendResult::full) {
    waiting_for_room_ = true;
    context.when_room(message.to, [this] {
      std::lock_guard lock(inbox_mutex_);
      room_ = true;
      waiter_.wake();
    });
    return false;
  }
  const char* why =
      compactor::wire::why_not_sendable(settings_.style, from, message.to, message.name);
  item.done = true;
  item.delivery.outcome = Outcome::failed;
  item.delivery.reason = why != nullptr ? why : "it is too large for one message";
  if (result == compactor::SendResult::stopped) item.delivery.fault = Fault::stopped;
  return true;
}

void Sender::take_inbox() {
  std::vector<Answered> batch;
  std::optional<Received> message;
  {
    std::lock_guard lock(inbox_mutex_);
    std::swap(batch, inbox_);
    if (inbox_message_ && !got_expected_) message = inbox_message_;
  }
  for (auto& one : batch) answered(one);
  if (!message) return;
  got_expected_ = true;
  reply_ = std::move(message);
}

void Sender::answered(Answered& answered) {
  progress_ = Steady::now();
  auto& item = window_[answered.number - first_];
  item.delivery = std::move(answered.delivery);
  // We stopped for want of it; that the connection was ended by us is no news to anybody.
  bool out_of_time = failure_ && failure_->exit() == Exit::deadline;
  if (out_of_time && item.delivery.fault == Fault::stopped &&
      item.delivery.outcome == Outcome::no_answer) {
    item.delivery.reason = "no answer in " + duration_text(settings_.timeout);
  }
  bool again = item.delivery.outcome == Outcome::failed && item.delivery.fault != Fault::stopped &&
               item.attempts <= settings_.retries && !stopped_;
  if (again) {
    console_.note(item.message->to_text + ": " + item.delivery.reason + "; trying again in " +
                  duration_text(settings_.retry_delay));
    retries_.push_back({answered.number, progress_ + settings_.retry_delay});
    return;
  }
  item.done = true;
}

void Sender::settle_front() {
  if (stopped_) {  // what was to be tried again no longer is
    for (const auto& retry : std::exchange(retries_, {}))
      window_[retry.number - first_].done = true;
  }
  while (!window_.empty() && window_.front().done) {
    settle(window_.front());
    window_bytes_ -= window_.front().message->body.size();
    window_.pop_front();
    ++first_;
  }
}

void Sender::settle(const Item& item) {
  const auto& message = *item.message;
  bool accepted = item.delivery.outcome == Outcome::accepted && !message.skipped;
  if (message.skipped) {
    ++summary_.skipped;
  } else if (accepted) {
    ++summary_.accepted;
    summary_.bytes += message.body.size();
    ack_.add(item.delivery.ack);
  } else {
    ++summary_.failed;
  }
  if (!accepted || settings_.show_accepted) {
    DeliveryEvent event{.to = message.to_text, .name = message.name, .size = message.body.size()};
    event.status = item.delivery.status;
    event.outcome = message.skipped ? "skipped" : compactor::to_string(item.delivery.outcome);
    event.ack = item.delivery.ack;
    event.reason =
        message.skipped ? std::string_view("it was recorded in part only") : item.delivery.reason;
    event.line = message.line;
    console_.print(event);
  }
  if (!accepted && !message.skipped) fail(failure_of(item));
}

Failure Sender::failure_of(const Item& item) const {
  const auto& message = *item.message;
  const auto& delivery = item.delivery;
  std::string where = message.line ? "line " + std::to_string(*message.line) + ": " : "";
  auto what = where + message.name + " to " + message.to_text + ": ";
  bool unsendable = delivery.outcome == Outcome::failed && delivery.fault == Fault::none;
  if (unsendable) return Failure(Exit::usage, "usage", what + "cannot be sent: " + delivery.reason);
  return Failure(
      exit_of(delivery), kind_of(delivery), what + delivery.reason,
      hint_for(delivery.fault, delivery.error,
               {.tls = node_->context().options().tls.enabled, .answered = summary_.accepted > 0}));
}

void Sender::fail(Failure failure) {
  if (!failure_) {
    failure_ = std::move(failure);
  } else if (settings_.keep_going && failure.exit() == Exit::usage) {
    console_.warning(failure.what());
  }
  if (!settings_.keep_going) stopped_ = true;
}

/// Prints the message that was waited for, once the outcome of our own has been printed: the two
/// come over different connections, in either order.
void Sender::tell_reply() {
  if (!reply_ || !window_.empty()) return;
  const auto message = *std::exchange(reply_, std::nullopt);
  if (settings_.target && message.from != *settings_.target) {
    console_.note("the message comes from " + message.sender + ", not from " +
                  settings_.target->str());
  }
  console_.print(MessageEvent{.time = message.time,
                              .from = message.sender,
                              .to = message.to,
                              .name = message.name,
                              .body = message.body});
}

std::optional<Steady::time_point> Sender::deadline() const {
  std::optional<Steady::time_point> at;
  auto sooner = [&](Steady::time_point other) { at = at ? std::min(*at, other) : other; };
  if (waits()) sooner(limit());
  if (!retries_.empty()) sooner(retries_.front().at);
  if (source_due_ && !stopped_) sooner(*source_due_);
  return at;
}

bool Sender::waits() const {
  return !window_.empty() || (settings_.expect && source_ended_ && !held_);
}

void Sender::rejected(const std::string& host, std::string_view why) {
  std::lock_guard lock(inbox_mutex_);
  if (settings_.target && settings_.target->host == host) turned_away_ = why;
}

std::string Sender::turned_away() {
  std::lock_guard lock(inbox_mutex_);
  return turned_away_;
}

void Sender::handshake_ended() {
  handshake_ended_ = Steady::now().time_since_epoch().count();
  handshaking_ = false;
  waiter_.wake();
}

Steady::time_point Sender::limit() const {
  // The handshake has a limit of its own.
  if (handshaking_) return Steady::now() + settings_.connect_timeout + grace;
  auto from = retries_.empty() ? progress_ : std::max(progress_, retries_.front().at);
  from = std::max(from, Steady::time_point(Steady::duration(handshake_ended_)));
  return from + settings_.timeout + (graced_ ? grace : std::chrono::milliseconds(0));
}

void Sender::timed_out() {
  if (!waits() || Steady::now() < limit()) return;
  if (!connected_ && !graced_ && settings_.connect_timeout <= settings_.timeout) {
    graced_ = true;
    return;
  }
  bool for_answer = !window_.empty();
  if (auto why = turned_away(); !for_answer && !why.empty()) {
    failure_ =
        Failure(Exit::deadline, "timeout",
                "no message " + *settings_.expect + " came in " + duration_text(settings_.timeout) +
                    ", and a connection from its host was not taken: " + why,
                "a reply comes over a connection of its own: our certificate has to be for our "
                "address, and by whom the peer trusts");
    stopped_ = true;
    return;
  }
  auto what = for_answer ? window_.front().message->name + " to " +
                               window_.front().message->to_text + ": no answer in "
                         : "no message " + *settings_.expect + " came in ";
  // A deadline outranks what went wrong before: nothing more will be known.
  failure_ = Failure(
      Exit::deadline, "timeout", what + duration_text(settings_.timeout),
      for_answer ? "--timeout sets the time" : "can the target reach " + own_ + "? --advertise-ip");
  stopped_ = true;
}

}  // namespace tool
