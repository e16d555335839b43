#include "serve/server.h"

#include <utility>

#include "body/mailbox_names.h"
#include "cli/values.h"
#include "text/glob.h"

namespace tool {

namespace {

// Names come from peers: a flood of invented ones must not take all memory.
constexpr std::size_t most_names_counted = 1000;
constexpr std::size_t longest_name_counted = 1000;
constexpr std::string_view other_names = "(others)";
// An answer to an answer to an answer: two of us that are set on each other by a forged sender come
// to an end. More than any exchange of answers that is meant.
constexpr unsigned most_answers_in_a_row = 8;

/// One of the served processes; what it does is the Server's affair.
class Served : public compactor::Process {
 public:
  Served(std::string id, Server& server, const std::vector<compactor::Pid>& links)
      : Process(std::move(id)), server_(server), links_(links) {}

 protected:
  void initialize() override {
    for (const auto& pid : links_) link(pid);
  }
  void receive(const compactor::MessageView& message) override { server_.received(message); }
  bool receives_while_paused(std::string_view name) const override {
    return server_.is_silent(name);
  }
  void exited(const compactor::Pid& pid, compactor::ExitReason reason) override {
    server_.exited(pid, reason);
  }

 private:
  Server& server_;
  std::vector<compactor::Pid> links_;
};

}  // namespace

Reply parse_reply(const std::string& text, TypeCodec* types) {
  auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw Failure(Exit::usage, "usage", "--reply \"" + text + "\" does not read",
                  "NAME=REPLY[:BODY], as in greet=thanks:hello");
  }
  auto colon = text.find(':', equals);
  Reply reply;
  reply.glob = text.substr(0, equals);
  reply.name = text.substr(equals + 1, colon == std::string::npos ? colon : colon - equals - 1);
  check_sendable(compactor::Style::libprocess, "a@0.0.0.0:1", {"a", "0.0.0.0", 1}, reply.name);
  if (colon != std::string::npos)
    reply.body = read_body(reply.name, text.substr(colon + 1), false, types);
  return reply;
}

Server::Server(const ServerSettings& settings, Node& node, Console& console, Waiter& waiter)
    : settings_(settings), node_(node), console_(console), waiter_(waiter) {}

Server::~Server() {
  stop();
}

void Server::start(const std::vector<std::string>& ids, const std::vector<std::string>& words) {
  // Nothing is read before everything that a message may meet is there.
  node_.hold();
  for (const auto& id : ids) {
    pids_.push_back(node_.spawn(std::make_shared<Served>(
        id, *this, pids_.empty() ? settings_.links : std::vector<compactor::Pid>())));
  }
  if (!words.empty()) {
    Actor::Hooks hooks;
    hooks.hold = [this](bool full) { full ? node_.hold() : node_.release(); };
    hooks.terminate = [this] { waiter_.finish(); };
    hooks.ended = [this](const std::string& how) {
      {
        std::lock_guard lock(end_mutex_);
        child_end_ = how;
      }
      waiter_.finish();
    };
    actor_ = std::make_unique<Actor>(Actor::Settings{words, pids_.front(), settings_.types},
                                     node_.context(), console_, std::move(hooks));
  }
  for (const auto& pid : pids_) console_.print(ServingEvent{pid.str()});
  node_.release();
}

void Server::stop() {
  if (pids_.empty()) return;
  // What was accepted before the pause is still shown and answered.
  node_.hold();
  on_loop<compactor::Process>(node_.context(), pids_.front(),
                              [this](compactor::Process&) { done_ = true; });
  const auto unread = actor_ != nullptr ? actor_->finish() : 0;
  auto report = node_.stop();
  if (report.unsent + report.unanswered != 0) {
    console_.warning(std::to_string(report.unsent) + " answers were not sent, " +
                     std::to_string(report.unanswered) + " not acknowledged");
  }
  if (unread != 0) {
    console_.warning("the child of --exec has left " + counted(unread, "message") +
                     " unread that had been accepted");
  }
  pids_.clear();
}

ServeSummary Server::summary() {
  ServeSummary summary;
  auto copy = [&](compactor::Process&) { summary = counts_; };
  // Once stopped, the loop changes nothing any more.
  if (pids_.empty() || !on_loop<compactor::Process>(node_.context(), pids_.front(), copy))
    summary = counts_;
  summary.rejected = node_.context().statistics().messages_rejected;
  summary.duration_s = seconds_since(started_);
  return summary;
}

std::string Server::child_end() const {
  std::lock_guard lock(end_mutex_);
  return child_end_;
}

bool Server::is_silent(std::string_view name) const {
  return name == probe_name && console_.options().verbose == 0;
}

void Server::received(const compactor::MessageView& message) {
  if (message.name == probe_name) {
    console_.detail(1, "probed by " + std::string(message.sender));
    return;
  }
  if (done_) return;
  count(message);
  auto to = message.to.str();
  MessageEvent event{
      .time = now(), .from = message.sender, .to = to, .name = message.name, .body = message.body};
  console_.print(event);
  answer(message);
  if (actor_ != nullptr) actor_->message(event, compactor::ReturnAddress::of(message));
  check_goal(message);
}

void Server::exited(const compactor::Pid& pid, compactor::ExitReason reason) {
  if (done_) return;
  auto text = pid.str();
  console_.print(ExitedEvent{text, compactor::to_string(reason)});
  if (actor_ != nullptr) actor_->exited(pid, compactor::to_string(reason));
}

void Server::count(const compactor::MessageView& message) {
  ++counts_.messages;
  counts_.bytes += message.body.size();
  auto found = counts_.by_name.find(message.name);
  if (found == counts_.by_name.end()) {
    bool kept =
        counts_.by_name.size() < most_names_counted && message.name.size() <= longest_name_counted;
    auto name = kept ? message.name : other_names;
    found = counts_.by_name.try_emplace(std::string(name), 0).first;
  }
  ++found->second;
}

void Server::check_goal(const compactor::MessageView& message) {
  if (!settings_.count && !settings_.expect) return;
  if (settings_.expect && !compactor::text::glob_matches(*settings_.expect, message.name)) return;
  if (++goal_ < settings_.count.value_or(1)) return;
  done_ = true;
  waiter_.finish();
}

void Server::answer(const compactor::MessageView& message) {
  if (settings_.pong && message.name == "ping") reply(message, "pong", message.body);
  if (settings_.pong && message.name == agent_ping) reply(message, agent_pong, {});
  if (settings_.pong && message.name == old_agent_ping) reply(message, old_agent_pong, {});
  if (settings_.echo) reply(message, message.name, message.body);
  for (const auto& rule : settings_.replies) {
    if (compactor::text::glob_matches(rule.glob, message.name))
      reply(message, rule.name, rule.body);
  }
}

void Server::reply(const compactor::MessageView& message, std::string_view name,
                   std::string_view body) {
  if (message.reply_depth >= most_answers_in_a_row) {
    failed(message.sender, name,
           "the message is itself an answer, the " + std::to_string(message.reply_depth) +
               "th in a row");
    return;
  }
  node_.context().reply(compactor::ReturnAddress::of(message), name, body,
                        [this, to = std::string(message.sender),
                         what = std::string(name)](const compactor::Delivery& delivery) {
                          bool stopped = delivery.fault == compactor::Fault::stopped;
                          if (delivery.outcome != compactor::Outcome::accepted && !stopped)
                            failed(to, what, delivery.reason);
                        });
}

void Server::failed(std::string_view to, std::string_view name, std::string_view why) {
  ++counts_.replies_failed;
  console_.peer_warning("the answer " + std::string(name) + " to " + std::string(to) +
                        " was not delivered: " + std::string(why));
}

}  // namespace tool
