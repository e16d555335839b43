#include "trace/finding.h"

#include <algorithm>
#include <array>

namespace compactor::trace {

using std::chrono::seconds;

namespace {

constexpr std::array<std::string_view, 3> kSeverities = {"info", "warning", "error"};
constexpr std::size_t kLarge = std::size_t{1} << 20;
constexpr std::size_t kVeryLarge = std::size_t{16} << 20;
/// So many registrations of one agent within so long are a loop.
constexpr std::size_t kLoop = 3;
constexpr seconds kLoopTime{75};
/// A round trip is slow when it takes so many times the mean of its kind, and this long at least.
constexpr double kSlow = 10;
constexpr double kSlowUs = 1e6;
constexpr std::uint64_t kEnoughToCompare = 10;

/// Requests of which silence says that something is wrong.
struct Silence {
  std::string_view kind;
  Severity severity;
  std::string_view hint;
};
constexpr std::string_view kNoWayBack =
    "the answer may not reach the sender's address (LIBPROCESS_IP, NAT, a firewall), or the master "
    "refuses in silence: see its log";
constexpr std::array kSilences = {
    Silence{"mesos.internal.RegisterSlaveMessage", Severity::warning, kNoWayBack},
    Silence{"mesos.internal.ReregisterSlaveMessage", Severity::warning, kNoWayBack},
    Silence{"mesos.scheduler.Call/SUBSCRIBE", Severity::warning, kNoWayBack},
    Silence{"mesos.internal.RegisterFrameworkMessage", Severity::warning, kNoWayBack},
    Silence{"mesos.internal.ReregisterFrameworkMessage", Severity::warning, kNoWayBack},
    Silence{"mesos.internal.AuthenticateMessage", Severity::warning, kNoWayBack},
    Silence{"mesos.internal.RunTaskMessage", Severity::warning,
            "no update came of the task: the agent or its executor is dead, still pulls an image, "
            "or its updates do not arrive"},
    Silence{"mesos.internal.RunTaskGroupMessage", Severity::warning,
            "no update came of the group: the agent or its executor is dead, still pulls an image, "
            "or its updates do not arrive"},
    Silence{"mesos.scheduler.Call/ACCEPT", Severity::warning,
            "the master passed nothing on: is it the leading one, and the framework connected?"},
    Silence{"mesos.internal.LaunchTasksMessage", Severity::warning,
            "the master passed nothing on: is it the leading one, and the framework connected?"},
    Silence{"mesos.internal.RegisterExecutorMessage", Severity::error,
            "the agent is gone: the executor will shut down"},
    Silence{"mesos.internal.ReconnectExecutorMessage", Severity::error,
            "the executor will be killed, and its tasks are lost"},
    Silence{"mesos.internal.KillTaskMessage", Severity::warning,
            "the executor may ignore the kill, or the agent is away"},
    Silence{"mesos.internal.ApplyOperationMessage", Severity::warning,
            "the agent, or its resource provider, does not answer"},
    Silence{"mesos.internal.log.WriteRequest", Severity::warning,
            "a replica of the registry is down or slow; without a quorum the master exits"},
    Silence{"mesos.internal.log.PromiseRequest", Severity::warning,
            "a replica of the registry is down or slow; without a quorum no master can lead"},
};

/// "1.11" of "1.11.0".
std::string_view release_of(std::string_view version) {
  const auto first = version.find('.');
  if (first == std::string_view::npos) return version;
  return version.substr(0, version.find('.', first + 1));
}

std::string in_seconds(std::chrono::nanoseconds time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::duration<long, std::deci>>(time);
  return std::to_string(tenths.count() / 10) + "." + std::to_string(tenths.count() % 10) + " s";
}

/// TASK_FAILED … with a code for each: what a state of a task is worth telling.
bool is_bad_end(std::string_view state) {
  return (is_terminal(state) && state != "TASK_FINISHED") || state == "TASK_UNREACHABLE";
}

}  // namespace

std::string short_name(std::string_view kind) {
  std::string name(kind);
  for (const std::string_view prefix : {"mesos.internal.", "mesos.scheduler.", "mesos."}) {
    if (!name.starts_with(prefix)) continue;
    name.erase(0, prefix.size());
    break;
  }
  constexpr std::string_view end = "Message";
  if (name.ends_with(end)) name.resize(name.size() - end.size());
  return name;
}

std::string_view to_string(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

void Findings::tell(Severity severity, std::string_view code, const Reading& message,
                    std::string text, std::string_view hint) {
  const Message& of = message.message();
  tell_({severity,
         code,
         of.time,
         std::move(text),
         hint,
         keys_of(message),
         {{of.conn, of.seq}},
         !selects_ || selects_(message)});
}

void Findings::tell(Severity severity, std::string_view code, const Conversation& conversation,
                    std::string text, std::string_view hint) {
  Finding finding{severity,
                  code,
                  conversation.request.time,
                  std::move(text),
                  hint,
                  conversation.keys,
                  {{conversation.request.conn, conversation.request.seq}},
                  conversation.selected};
  if (conversation.answer)
    finding.evidence.push_back({conversation.answer->conn, conversation.answer->seq});
  tell_(finding);
}

void Findings::add(const Reading& message, std::string_view source) {
  look_at_status(message);
  look_at_size(message);
  look_at_sender(message, source);
  look_at_task(message);
  look_at_agent(message);
  look_at_registration(message);
  look_at_framework(message);
  look_at_executor(message);
  look_at_version(message);
  look_at_whereabouts(message);
  look_at_body(message);
}

void Findings::look_at_status(const Reading& message) {
  const Message& of = message.message();
  const int status = of.status.value_or(0);
  if (message.misread() && is_new("undecodable", of.name))
    tell(Severity::warning, "undecodable", message,
         short_name(of.name) + (of.trouble.empty()
                                    ? " is not what its name says: its body cannot be read"
                                    : " cannot be read: " + std::string(of.trouble)),
         "another message of that name, or damaged on its way; compactor decode shows the fields");
  if (status < 400 || !is_new("refused", of.to, static_cast<std::uint64_t>(status))) return;
  // Actors for one question may be gone when a late answer comes.
  const bool is_passing = message.to() == Role::req_res || message.to() == Role::authenticatee ||
                          message.to() == Role::slave_observer ||
                          message.to() == Role::auth_session;
  const auto severity = status == 404 && is_passing ? Severity::info : Severity::warning;
  tell(
      severity, "refused", message,
      short_name(of.name) + " to " + std::string(of.to) + " was answered " + std::to_string(status),
      status == 404
          ? "there is no such process at that address: it ended, or runs under another id "
            "since a restart"
          : "the receiver did not take it: see its log");
}

void Findings::look_at_size(const Reading& message) {
  const Message& of = message.message();
  if (of.size <= kLarge || !is_new("large_message", of.name, of.from)) return;
  tell(of.size > kVeryLarge ? Severity::warning : Severity::info, "large_message", message,
       short_name(of.name) + " of " + std::to_string(of.size >> 20) + " MiB",
       "what is behind it on the connection waits for it");
}

void Findings::look_at_sender(const Reading& message, std::string_view source) {
  const Message& of = message.message();
  if (source.empty() || !is_new("wrong_sender_address", of.from)) return;
  tell(Severity::warning, "wrong_sender_address", message,
       std::string(of.from) + " sends from " + std::string(source),
       "answers go to the address in the name, and may never arrive: set LIBPROCESS_IP or "
       "LIBPROCESS_ADVERTISE_IP, or look at NAT between them");
}

void Findings::look_at_task(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const std::string task(message.id(Kind::task));
  if (name == "KillTaskMessage") killed_.insert(KeyMaker::of(task));
  const bool kills =
      message.message().name.ends_with("scheduler.Call") && message.value("type") == "KILL";
  if (kills) killed_.insert(KeyMaker::of(task));
  if (name != "StatusUpdateMessage") return;
  const auto state = message.value("update.status.state");
  const auto framework = message.id(Kind::framework);
  if (!is_bad_end(state) || !is_new(state, framework, task)) return;
  const auto reason = message.value("update.status.reason");
  const auto text = message.value("update.status.message");
  const bool asked_for = state == "TASK_KILLED" && (killed_.contains(KeyMaker::of(task)) ||
                                                    torn_down_.contains(KeyMaker::of(framework)));
  static const std::unordered_map<std::string, std::string_view> kCodes = {
      {"TASK_FAILED", "task_failed"},
      {"TASK_KILLED", "task_killed"},
      {"TASK_ERROR", "task_error"},
      {"TASK_LOST", "task_lost"},
      {"TASK_DROPPED", "task_dropped"},
      {"TASK_GONE", "task_gone"},
      {"TASK_GONE_BY_OPERATOR", "task_gone_by_operator"},
      {"TASK_UNREACHABLE", "task_unreachable"}};
  std::string what = "task " + task + " is " + state;
  if (!reason.empty()) what += ", " + reason;
  if (!text.empty()) what += ": " + text;
  auto hint = facts_.hint_of_reason(reason);
  if (hint.empty())
    hint = asked_for ? "somebody asked for it"
                     : "the executor reported it: see the sandbox of the task";
  tell(asked_for ? Severity::info : Severity::error, kCodes.at(state), message, std::move(what),
       hint);
}

void Findings::look_at_agent(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const std::string agent(message.id(Kind::agent));
  if (name == "LostSlaveMessage" && is_new("agent_lost", agent))
    tell(Severity::error, "agent_lost", message, "agent " + agent + " was removed",
         "its tasks are gone: look for pings without a pong before this, an operator's action, or "
         "UnregisterSlaveMessage");
  if (name == "ShutdownMessage" && is_new("agent_lost", message.message().to))
    tell(Severity::error, "agent_lost", message,
         "the master tells " + std::string(message.message().to) +
             " to shut down: " + message.value("message"),
         "the message says why the master does not want this agent");
  if (name == "PingSlaveMessage" && message.value("connected") == "false" &&
      is_new("agent_disconnected", message.message().to))
    tell(Severity::warning, "agent_disconnected", message,
         "the master holds " + std::string(message.message().to) + " for disconnected",
         "its link to the agent broke: offers are rescinded, and frameworks that do not checkpoint "
         "lose their tasks there, until it registers again");
}

void Findings::look_at_registration(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const Message& of = message.message();
  if (name == "RegisterSlaveMessage") {
    const Entity* known = entities_.at(of.from);
    if (known != nullptr && known->kind == Kind::agent && !known->ended &&
        is_new("duplicate_agent", of.from))
      tell(Severity::error, "duplicate_agent", message,
           std::string(of.from) + " registers anew, and was agent " + known->id,
           "the agent has lost its work_dir: the old agent is removed, and its tasks are lost");
  }
  if (name != "SlaveRegisteredMessage" && name != "SlaveReregisteredMessage") return;
  if (agents_.size() >= kMostKnown) return;
  const std::string id(message.id(Kind::agent));
  Agent& agent = agents_[id];
  if (!agent.pid.empty() && agent.pid != of.to && is_new("duplicate_agent", id))
    tell(Severity::error, "duplicate_agent", message,
         "agent " + id + " is at " + agent.pid + " and at " + std::string(of.to),
         "two agents with one id: was the work_dir copied?");
  agent.pid = of.to;
  auto& times = agent.registrations;
  times.push_back(of.time);
  std::erase_if(times, [&](Time time) { return of.time - time > kLoopTime; });
  if (times.size() < kLoop || !is_new("reregistration_loop", id)) return;
  tell(Severity::error, "reregistration_loop", message,
       "agent " + id + " registered " + std::to_string(times.size()) + " times within " +
           in_seconds(kLoopTime),
       "the master's link to the agent breaks again and again, pings do not reach it, or the agent "
       "restarts");
}

void Findings::look_at_framework(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const std::string framework(message.id(Kind::framework));
  const Key key = KeyMaker::of(framework);
  if (asks_for_teardown(message)) torn_down_.insert(key);
  if (name == "FrameworkErrorMessage" &&
      is_new("framework_error", message.message().to, message.value("message")))
    tell(
        Severity::error, "framework_error", message,
        "the master refuses " + std::string(message.message().to) + ": " + message.value("message"),
        "the driver aborts: no more tasks are launched");
  if (name != "ShutdownFrameworkMessage" || !torn_down_.insert(key)) return;
  // One that has nothing left to run may have asked for it by HTTP, or have left.
  const bool runs = entities_.has_running_task(framework);
  if (is_new("framework_removed", framework))
    tell(runs ? Severity::warning : Severity::info, "framework_removed", message,
         "framework " + framework + " is shut down, and was not seen to ask for it",
         "it asked by HTTP or before the capture began, an operator did, or its failover_timeout "
         "(0 s "
         "unless it was set) ran out after the link to its scheduler broke");
}

void Findings::look_at_executor(const Reading& message) {
  if (internal_name(message.message().name) != "ExitedExecutorMessage") return;
  const auto status = message.value("status");
  const std::string executor(message.id(Kind::executor));
  const std::string framework(message.id(Kind::framework));
  if (status == "0" || !is_new("exited", framework, executor)) return;
  // Of one that was started before the capture nobody knows whether it was told to end.
  const Entity* known = entities_.find(Kind::executor, executor, framework);
  const bool expected =
      torn_down_.contains(KeyMaker::of(framework)) || known == nullptr || known->pid.empty();
  tell(expected ? Severity::info : Severity::warning, "exited", message,
       "executor " + executor + " ended with wait status " + status,
       "its lowest seven bits are a signal, what is above eight the exit code; -1: it never ran");
}

void Findings::look_at_version(const Reading& message) {
  const auto name = internal_name(message.message().name);
  if (name != "RegisterSlaveMessage" && name != "ReregisterSlaveMessage") return;
  const auto agent = message.value("version");
  const Entity* master = entities_.find(Kind::master, message.message().to);
  if (master == nullptr || master->version.empty() || agent.empty()) return;
  if (release_of(agent) == release_of(master->version) ||
      !is_new("version_skew", message.message().from))
    return;
  tell(Severity::info, "version_skew", message,
       "agent " + std::string(message.message().from) + " is of Mesos " + agent +
           ", its master of " + master->version,
       "masters are to be upgraded before agents");
}

void Findings::add(const Conversation& conversation) {
  look_at_silence(conversation);
  look_at_attempts(conversation);
  look_at_time(conversation);
}

void Findings::look_at_silence(const Conversation& conversation) {
  if (conversation.outcome != Outcome::unanswered && conversation.outcome != Outcome::resent)
    return;
  const auto& kind = conversation.kind;
  const auto& request = conversation.request;
  if (kind == "mesos.internal.PingSlaveMessage" || kind == "PING")
    return tell(Severity::warning, "pong_missing", conversation,
                request.to + " did not answer a ping",
                "the network or the agent is overloaded, or it is gone: after five of them (75 s) "
                "the agent is unreachable");
  if (kind == "mesos.internal.StatusUpdateMessage")
    return tell(Severity::warning, "update_not_acknowledged", conversation,
                "nobody acknowledged an update of task " + conversation.keys.task + " from " +
                    request.from + " to " + request.to,
                "later updates of the task wait behind it: find the hop where the acknowledgement "
                "is missing, by its uuid");
  if (kind == "mesos.internal.ResourceOffersMessage")
    return tell(Severity::info, "offer_unused", conversation,
                "offer " + conversation.keys.offer + " was neither accepted nor declined",
                "held offers keep others from the resources: offer_timeout takes them back");
  const auto* silence = std::find_if(kSilences.begin(), kSilences.end(),
                                     [&](const Silence& each) { return each.kind == kind; });
  if (silence == kSilences.end()) return;
  tell(silence->severity, "no_answer", conversation,
       short_name(kind) + " from " + request.from + " to " + request.to + " was never answered",
       silence->hint);
}

void Findings::look_at_attempts(const Conversation& conversation) {
  constexpr unsigned many = 3;
  if (conversation.attempts < 2) return;
  tell(conversation.attempts >= many ? Severity::warning : Severity::info, "resent", conversation,
       short_name(conversation.kind) + " from " + conversation.request.from + " was sent " +
           std::to_string(conversation.attempts) + " times",
       conversation.answer ? "the answer was late, or the first ones were lost"
                           : "no answer comes: the sender goes on trying");
}

void Findings::look_at_time(const Conversation& conversation) {
  const auto time = conversation.round_trip();
  if (!time || conversation.attempts > 1) return;
  const double us = static_cast<double>(time->count()) / 1e3;
  if (usual_.size() >= kMostKnown && !usual_.contains(conversation.kind)) return;
  Usual& usual = usual_[conversation.kind];
  const bool slow = usual.count >= kEnoughToCompare && us > kSlowUs && us > kSlow * usual.mean_us;
  ++usual.count;
  usual.mean_us += (us - usual.mean_us) / static_cast<double>(usual.count);
  if (!slow) return;
  tell(Severity::info, "slow", conversation,
       short_name(conversation.kind) + " took " + in_seconds(*time) +
           ", far longer than others of its kind",
       "look at the load of its receiver, and at what it waited for");
}

/// A framework that was torn down, and an executor, end like that when all is well.
void Findings::add(const Departure& departure, bool selected) {
  const Entity* entity = entities_.at(departure.pid);
  const Role role = role_of(departure.pid);
  const bool expected =
      role == Role::executor || (entity != nullptr && entity->ended) || role == Role::unknown;
  std::string text = departure.pid + " ended: all of its connections were closed, " +
                     std::to_string(departure.conns.size()) + " at once; noticed by ";
  for (const auto& each : departure.noticed_by) {
    if (&each != &departure.noticed_by.front()) text += ", ";
    text += each;
  }
  Finding finding{expected ? Severity::info : Severity::warning,
                  "exited",
                  departure.time,
                  std::move(text),
                  expected ? "as is usual when its work is done"
                           : "it was stopped, crashed, or its host did: see its log from that time "
                             "on",
                  Keys{},
                  {},
                  selected};
  if (entity != nullptr && entity->kind == Kind::agent) finding.keys.agent = entity->id;
  if (entity != nullptr && entity->kind == Kind::framework) finding.keys.framework = entity->id;
  for (const auto conn : departure.conns) finding.evidence.push_back({conn, 0});
  tell_(finding);
}

void Findings::add_gap(Time time, std::uint64_t conn, std::uint64_t bytes, bool selected) {
  if (!is_new("gap", conn)) return;
  tell_({Severity::warning,
         "gap",
         time,
         std::to_string(bytes) + " bytes of connection " + std::to_string(conn) +
             " were not captured: what was said there is not known",
         "stories that touch it may have holes; capture with a larger buffer (-B)",
         Keys{},
         {{conn, 0}},
         selected});
}

}  // namespace compactor::trace
