#include "serve/actor.h"

#include <algorithm>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "body/line_body.h"
#include "cli/failure.h"
#include "cli/values.h"
#include "output/json_line.h"
#include "wire/encode.h"

namespace tool {

namespace {

// A receiver that takes nothing for so long holds up the child's other actions no longer. Only one
// that the child has chosen does at all.
constexpr auto room_timeout = std::chrono::seconds(5);
// Two children that reply to whatever comes, and are set on each other by a forged sender, come to
// an end; two that play with each other on purpose see it late.
constexpr unsigned most_replies_in_a_row = 1000;
constexpr std::size_t shown_of_bad_line = 120;
// Where a message ends that could not be written.
constexpr auto never = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct Actor::Action {
  bool is_reply = false;
  bool wants_report = false;
  std::optional<std::uint64_t> number;
  compactor::Pid to;
  std::string name;
  std::string body;
  BodyForm form = BodyForm::bytes;
};

/// What is told of an action in the end: it is kept until its message is acknowledged, which may be
/// long after the body is gone.
struct Actor::Told {
  explicit Told(const Action& action)
      : to(action.to.str()),
        name(action.name),
        size(action.body.size()),
        wants_report(action.wants_report) {}

  std::string to;
  std::string name;
  std::size_t size;
  bool wants_report;
};

Actor::Actor(Settings settings, compactor::Context& context, Console& console, Hooks hooks)
    : settings_(std::move(settings)),
      context_(context),
      console_(console),
      hooks_(std::move(hooks)),
      body_check_(settings_.types, console),
      renderer_(make_json_renderer(BodyView(BodyMode::automatic, settings_.types))) {
  std::lock_guard lock(mutex_);
  child_ = std::make_unique<Child>(
      settings_.words, std::vector<std::string>{"COMPACTOR_PID=" + settings_.pid.str()},
      [this](std::string_view line) { act(line); },
      console.options().json ? Child::OnLine([this](std::string_view line) { pass_on(line); })
                             : nullptr,
      [this] { hooks_.hold(true); }, [this](const std::string& how) { hooks_.ended(how); });
  child_->input().watch(hooks_.hold, {});
}

Actor::~Actor() {
  finish();
}

/// No faster than our own errors are read: else they would pile up here.
void Actor::pass_on(std::string_view error) {
  while (console_.full() && !finishing_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  console_.relay(error);
}

std::size_t Actor::finish() {
  finishing_ = true;
  child_->stop();
  child_->input().watch({}, {});
  std::lock_guard lock(mutex_);
  auto unread = std::upper_bound(under_way_.begin(), under_way_.end(), child_->taken());
  return static_cast<std::size_t>(under_way_.end() - unread);
}

void Actor::message(const MessageEvent& event, const compactor::ReturnAddress& sender) {
  std::lock_guard lock(mutex_);
  auto numbered = event;
  numbered.number = conversations_.next_number();
  bool written = false;
  auto end = child_->input().write([&](std::string& queue) {
    renderer_->append(queue, numbered);
    written = true;
  });
  conversations_.add(end, sender);
  add_under_way(written ? end : never);
}

void Actor::add_under_way(std::uint64_t end) {
  const auto handed_over = child_->input().handed_over();
  const auto read = handed_over - std::min(handed_over, child_->most_unread());
  while (!under_way_.empty() && under_way_.front() <= read) under_way_.pop_front();
  under_way_.push_back(end);
}

void Actor::exited(const compactor::Pid& pid, std::string_view reason) {
  auto text = pid.str();
  child_->input().write([&](std::string& queue) {
    renderer_->append(queue, ExitedEvent{text, reason});
  });
}

namespace {

Failure bad_action(const std::string& message) {
  return Failure(Exit::usage, "action", message);
}

bool flag_of(const nlohmann::ordered_json& line, const char* key) {
  auto found = line.find(key);
  if (found == line.end()) return false;
  if (!found->is_boolean()) throw bad_action(std::string(key) + " is neither true nor false");
  return found->get<bool>();
}

std::optional<std::uint64_t> number_of(const nlohmann::ordered_json& line, const char* key) {
  auto found = line.find(key);
  if (found == line.end()) return std::nullopt;
  if (!found->is_number_unsigned()) throw bad_action(std::string(key) + " is no number from 1");
  return found->get<std::uint64_t>();
}

}  // namespace

void Actor::act(std::string_view line) {
  // The first line may come before the constructor has returned.
  std::unique_lock(mutex_).unlock();
  try {
    auto json = parse_line(line);
    if (json.contains("send") || json.contains("reply")) {
      Action action;
      action.is_reply = json.contains("reply");
      const auto& what = json[action.is_reply ? "reply" : "send"];
      if (!what.is_object()) throw bad_action("send and reply take an object");
      action.wants_report = flag_of(what, "report") || flag_of(json, "report");
      action.number = number_of(what, "n");
      action.name = text_of_line(what, "name");
      if (action.name.empty()) throw bad_action("it has no \"name\"");
      action.body = body_of_line(what, action.name, settings_.types);
      action.form = form_of_line(what);
      if (!action.is_reply) action.to = parse_pid(text_of_line(what, "to"));
      action.is_reply ? reply(action) : send(action);
    } else if (json.contains("link")) {
      context_.link(settings_.pid, parse_pid(text_of_line(json, "link")));
    } else if (flag_of(json, "terminate")) {
      hooks_.terminate();
    } else {
      throw bad_action("none of send, reply, link, terminate");
    }
  } catch (const std::bad_alloc&) {
    throw;  // no fault of the line's
  } catch (const std::exception& error) {
    console_.peer_warning("the child wrote a line that is no action (" + std::string(error.what()) +
                          "): " + std::string(line.substr(0, shown_of_bad_line)));
  }
}

/// What its receiver aborts on is not sent, which the actor is told as it would be of anything else
/// that was not.
bool Actor::is_refused(const Action& action) {
  try {
    body_check_.check(action.to.str(), action.name, action.body, action.form);
    return false;
  } catch (const Failure& failure) {
    not_sent(action, failure.what());
    return true;
  }
}

void Actor::send(const Action& action) {
  if (is_refused(action)) return;
  auto from = settings_.pid.str();
  auto result = context_.send_wait(from, action.to, action.name, action.body, room_timeout,
                                   reporting(action));
  if (result == compactor::SendResult::queued) return;
  const char* why =
      compactor::wire::why_not_sendable(compactor::Style::libprocess, from, action.to, action.name);
  not_sent(action, why == nullptr ? compactor::to_string(result) : std::string_view(why));
}

compactor::ReturnAddress Actor::sender_of(const Action& action) {
  std::lock_guard lock(mutex_);
  // Without a number that of the last that the child can have read: what is still queued here it
  // does not know of.
  const auto* sender = action.number ? conversations_.find(*action.number)
                                     : conversations_.last_within(child_->input().handed_over());
  if (sender == nullptr) throw bad_action("there is no such message to reply to");
  return *sender;
}

void Actor::reply(Action& action) {
  const auto sender = sender_of(action);
  action.to = sender.to;
  if (sender.depth >= most_replies_in_a_row) {
    not_sent(action, "it would be more than " + std::to_string(most_replies_in_a_row) +
                         " replies in a row, each to the one before; send goes on");
    return;
  }
  if (is_refused(action)) return;
  context_.reply(sender, action.name, action.body, reporting(action));
}

compactor::OnDelivery Actor::reporting(const Action& action) {
  return [this, told = Told(action)](const auto& delivery) { report(told, delivery); };
}

void Actor::not_sent(const Action& action, std::string_view why) {
  compactor::Delivery failed;
  failed.outcome = compactor::Outcome::failed;
  failed.reason = "not sent: " + std::string(why);
  report(Told(action), failed);
}

void Actor::report(const Told& told, const compactor::Delivery& delivery) {
  bool delivered = delivery.outcome == compactor::Outcome::accepted;
  bool stopped = delivery.fault == compactor::Fault::stopped;
  if (!delivered && !stopped) {
    console_.peer_warning(told.name + " of the child to " + told.to +
                          " was not delivered: " + delivery.reason);
  }
  if (!told.wants_report) return;
  DeliveryEvent event{.to = told.to, .name = told.name, .size = told.size};
  event.status = delivery.status;
  event.outcome = compactor::to_string(delivery.outcome);
  event.ack = delivery.ack;
  event.reason = delivery.reason;
  child_->input().write([&](std::string& queue) { renderer_->append(queue, event); });
}

}  // namespace tool
