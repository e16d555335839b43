#include "trace/entities.h"

#include <algorithm>
#include <array>

namespace compactor::trace {
namespace {

constexpr std::size_t kMostIntroductions = 10'000;
constexpr std::array<std::string_view, 8> kTerminal = {
    "TASK_FINISHED", "TASK_FAILED",  "TASK_KILLED", "TASK_ERROR",
    "TASK_LOST",     "TASK_DROPPED", "TASK_GONE",   "TASK_GONE_BY_OPERATOR"};

bool is_in_framework(Kind kind) {
  return kind == Kind::task || kind == Kind::executor;
}

Key key_of(Kind kind, std::string_view id, std::string_view framework) {
  KeyMaker key;
  key.add(static_cast<std::uint64_t>(kind));
  key.add(id);
  if (is_in_framework(kind)) key.add(framework);
  return key.key();
}

}  // namespace

bool is_terminal(std::string_view state) {
  return std::find(kTerminal.begin(), kTerminal.end(), state) != kTerminal.end();
}

const Entity* Entities::find(Kind kind, std::string_view id, std::string_view framework) const {
  if (is_in_framework(kind) && framework.empty()) {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const Entity& entity) {
      return entity.kind == kind && entity.id == id;
    });
    return found == all_.end() ? nullptr : &*found;
  }
  const auto found = by_id_.find(key_of(kind, id, framework));
  return found == by_id_.end() ? nullptr : &*found->second;
}

bool Entities::has_running_task(std::string_view framework) const {
  return std::any_of(all_.begin(), all_.end(), [&](const Entity& entity) {
    return entity.kind == Kind::task && entity.framework == framework && !entity.ended;
  });
}

const Entity* Entities::at(std::string_view pid) const {
  const auto found = by_pid_.find(std::string(pid));
  return found == by_pid_.end() ? nullptr : &*found->second;
}

Entity& Entities::touch(Kind kind, std::string_view id, std::string_view framework,
                        const Message& message) {
  const Key key = key_of(kind, id, framework);
  auto found = by_id_.find(key);
  if (found == by_id_.end()) {
    if (all_.size() >= most_) forget_one();
    Entity& made = all_.emplace_back();
    made.kind = kind;
    made.id = id;
    if (is_in_framework(kind)) made.framework = framework;
    made.first = message.time;
    found = by_id_.emplace(key, std::prev(all_.end())).first;
  }
  Entity& entity = *found->second;
  entity.last = std::max(entity.last, message.time);
  if (std::find(touched_.begin(), touched_.end(), &entity) != touched_.end()) return entity;
  touched_.push_back(&entity);
  ++entity.messages;
  return entity;
}

/// One that has ended, if there is one among the oldest; else the oldest.
void Entities::forget_one() {
  constexpr int looked_at = 100;
  auto place = all_.begin();
  for (int i = 0; i < looked_at && std::next(place) != all_.end() && !place->ended; ++i) ++place;
  if (!place->ended) place = all_.begin();
  by_id_.erase(key_of(place->kind, place->id, place->framework));
  std::erase(touched_, &*place);
  if (const auto at = by_pid_.find(place->pid); at != by_pid_.end() && at->second == place)
    by_pid_.erase(at);
  all_.erase(place);
  ++forgotten_;
}

void Entities::add(const Reading& message) {
  touched_.clear();
  touch_ids(message);
  learn(message);
  touch_pids(message);
}

void Entities::touch_ids(const Reading& message) {
  const auto framework = message.id(Kind::framework);
  for (const Id& id : message.ids()) {
    if (id.text.empty() || id.kind == Kind::uuid || id.kind == Kind::operation) continue;
    touch(id.kind, id.text, framework, message.message());
  }
}

void Entities::touch_pids(const Reading& message) {
  for (const auto pid : {message.message().from, message.message().to}) {
    const auto found = by_pid_.find(std::string(pid));
    if (found != by_pid_.end())
      touch(found->second->kind, found->second->id, found->second->framework, message.message());
  }
  for (const auto& [pid, role] : {std::pair(message.message().from, message.from()),
                                  std::pair(message.message().to, message.to())}) {
    if (role != Role::master) continue;
    Entity& master = touch(Kind::master, pid, {}, message.message());
    if (master.pid.empty()) learn_pid(master, pid);
  }
}

Entity& Entities::learn_pid(Entity& entity, std::string_view pid) {
  // A client of the HTTP API has the PID of nobody: @0.0.0.0:0.
  if (pid.empty() || pid.front() == '@' || entity.pid == pid) return entity;
  const auto place = by_id_.find(key_of(entity.kind, entity.id, entity.framework))->second;
  if (const auto at = by_pid_.find(entity.pid); at != by_pid_.end() && at->second == place)
    by_pid_.erase(at);
  entity.pid = pid;
  by_pid_[entity.pid] = place;
  return entity;
}

void Entities::learn(const Reading& message) {
  learn_agent(message);
  learn_framework(message);
  learn_executor(message);
  learn_task(message);
  learn_offers(message);
  learn_client(message);
}

/// A client of the v1 API may be at several ends at once, one for each of its connections.
void Entities::learn_other_end(const Entity& entity, std::string_view end) {
  if (by_pid_.size() >= 2 * most_) return;
  by_pid_[std::string(end)] = by_id_.find(key_of(entity.kind, entity.id, entity.framework))->second;
}

void Entities::learn_client(const Reading& message) {
  const auto name = message.message().name;
  if (!name.starts_with("mesos.v1.")) return;
  const auto type = message.value("type");
  const auto client = name.ends_with(".Call") ? message.message().from : message.message().to;
  const auto framework = message.id(Kind::framework);
  if (framework.empty()) {
    if (name == "mesos.v1.scheduler.Call" && type == "SUBSCRIBE" &&
        introductions_.size() < kMostIntroductions)
      introductions_[std::string(client)] = {
          message.value("subscribe.framework_info.name"), {}, {}};
    return;
  }
  if (name.starts_with("mesos.v1.executor.")) {
    const auto executor = message.id(Kind::executor);
    if (executor.empty()) return;
    Entity& entity = touch(Kind::executor, executor, framework, message.message());
    if (type == "SUBSCRIBED") entity.state = "registered";
    if (type == "SUBSCRIBED" || entity.pid.empty()) learn_pid(entity, client);
    return learn_other_end(entity, client);
  }
  Entity& entity = touch(Kind::framework, framework, {}, message.message());
  if (type == "SUBSCRIBED") {
    learn_pid(entity, client).state = "registered";
    if (const auto said = introductions_.find(entity.pid); said != introductions_.end())
      entity.name = said->second.name;
  }
  if (type == "TEARDOWN") entity.state = "torn down";
  if (type == "TEARDOWN") entity.ended = true;
  learn_other_end(entity, client);
}

void Entities::learn_agent(const Reading& message) {
  const auto name = internal_name(message.message().name);
  if (name == "RegisterSlaveMessage" || name == "ReregisterSlaveMessage") {
    if (introductions_.size() < kMostIntroductions)
      introductions_[std::string(message.message().from)] = {
          message.value("slave.hostname"), message.value("version"), std::string(name)};
  }
  const auto id = message.id(Kind::agent);
  if (id.empty()) return;
  const auto agent = [&]() -> Entity& { return touch(Kind::agent, id, {}, message.message()); };
  if (name == "ReregisterSlaveMessage") learn_pid(agent(), message.message().from);
  if (name == "SlaveRegisteredMessage" || name == "SlaveReregisteredMessage") {
    Entity& entity = learn_pid(agent(), message.message().to);
    entity.state = "registered";
    entity.ended = false;
    const auto said = introductions_.find(entity.pid);
    if (said == introductions_.end()) return;
    entity.name = said->second.name;
    entity.version = said->second.version;
    entity.version_from = said->second.told_by;
  }
  if (name == "RunTaskMessage" && message.from() == Role::master)
    learn_pid(agent(), message.message().to);
  if (name == "LostSlaveMessage") agent().state = "lost";
  if (name == "UnregisterSlaveMessage") agent().state = "unregistered";
  if (name == "LostSlaveMessage" || name == "UnregisterSlaveMessage") agent().ended = true;
}

void Entities::learn_framework(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const bool subscribes =
      message.message().name == "mesos.scheduler.Call" && message.value("type") == "SUBSCRIBE";
  if ((subscribes || name == "RegisterFrameworkMessage" || name == "ReregisterFrameworkMessage") &&
      introductions_.size() < kMostIntroductions) {
    introductions_[std::string(message.message().from)] = {
        message.value(subscribes ? "subscribe.framework_info.name" : "framework.name"), {}, {}};
  }
  const auto id = message.id(Kind::framework);
  if (id.empty()) return;
  if (name == "FrameworkRegisteredMessage" || name == "FrameworkReregisteredMessage") {
    Entity& entity =
        learn_pid(touch(Kind::framework, id, {}, message.message()), message.message().to);
    entity.state = "registered";
    if (const auto said = introductions_.find(entity.pid); said != introductions_.end())
      entity.name = said->second.name;
    const auto version = message.value("master_info.version");
    if (version.empty()) return;
    Entity& master = touch(Kind::master, message.message().from, {}, message.message());
    master.version = version;
    master.version_from = name;
  }
  if (name == "RunTaskMessage" && message.has("framework.name")) {
    Entity& entity = touch(Kind::framework, id, {}, message.message());
    if (entity.name.empty()) entity.name = message.value("framework.name");
    if (message.from() == Role::master) learn_pid(entity, message.value("pid"));
  }
  const bool torn_down =
      message.message().name == "mesos.scheduler.Call" && message.value("type") == "TEARDOWN";
  if (!torn_down && name != "ShutdownFrameworkMessage" && name != "UnregisterFrameworkMessage")
    return;
  Entity& entity = touch(Kind::framework, id, {}, message.message());
  entity.state = "torn down";
  entity.ended = true;
}

void Entities::learn_executor(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const auto id = message.id(Kind::executor);
  if (id.empty()) return;
  const auto framework = message.id(Kind::framework);
  const auto executor = [&]() -> Entity& {
    return touch(Kind::executor, id, framework, message.message());
  };
  if (name == "RegisterExecutorMessage" || name == "ReregisterExecutorMessage")
    learn_pid(executor(), message.message().from).state = "registering";
  if (name == "ExecutorRegisteredMessage" || name == "ExecutorReregisteredMessage")
    learn_pid(executor(), message.message().to).state = "registered";
  if (name != "ExitedExecutorMessage") return;
  executor().state = "exited";
  executor().reason = "status " + message.value("status");
  executor().ended = true;
}

void Entities::learn_task(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const auto id = message.id(Kind::task);
  if (id.empty()) return;
  const auto framework = message.id(Kind::framework);
  if (name == "RunTaskMessage") {
    Entity& task = touch(Kind::task, id, framework, message.message());
    task.name = message.value("task.name");
    task.agent = message.id(Kind::agent);
    if (task.state.empty()) task.state = "TASK_STAGING";
  }
  const bool is_v1 = message.message().name == "mesos.v1.executor.Call" ||
                     message.message().name == "mesos.v1.scheduler.Event";
  if (name != "StatusUpdateMessage" && !is_v1) return;
  Entity& task = touch(Kind::task, id, framework, message.message());
  const auto state = message.value("update.status.state");
  // The same update passes three hops; a later one may overtake it.
  if (state.empty() || (task.ended && !is_terminal(state))) return;
  task.state = state;
  task.reason = message.value("update.status.reason");
  task.ended = is_terminal(state);
  if (const auto agent = message.id(Kind::agent); !agent.empty()) task.agent = agent;
}

void Entities::learn_offers(const Reading& message) {
  const auto set_state = [&](std::string_view path, std::string_view state) {
    for (const auto& id : message.values(path)) {
      Entity& offer = touch(Kind::offer, id, {}, message.message());
      offer.state = state;
      offer.ended = state != "offered";
    }
  };
  const auto name = internal_name(message.message().name);
  if (name == "ResourceOffersMessage") set_state("offers.id.value", "offered");
  if (name == "RescindResourceOfferMessage") set_state("offer_id.value", "rescinded");
  if (name == "LaunchTasksMessage") set_state("offer_ids.value", "accepted");
  if (message.message().name == "mesos.v1.scheduler.Event") {
    set_state("offers.offers.id.value", "offered");
    set_state("rescind.offer_id.value", "rescinded");
  }
  if (!message.message().name.ends_with("scheduler.Call")) return;
  set_state("accept.offer_ids.value", "accepted");
  set_state("decline.offer_ids.value", "declined");
}

}  // namespace compactor::trace
