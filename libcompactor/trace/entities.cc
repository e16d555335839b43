#include "trace/entities.h"

#include <algorithm>
#include <array>
#include <utility>

#include "schema/inner.h"
#include "text/utf8.h"

namespace compactor::trace {
namespace {

constexpr std::size_t kMostIntroductions = 10'000;
constexpr std::size_t kMostEnds = 64;  // of one entity; the oldest is forgotten
constexpr std::array<std::string_view, 8> kTerminal = {
    "TASK_FINISHED", "TASK_FAILED",  "TASK_KILLED", "TASK_ERROR",
    "TASK_LOST",     "TASK_DROPPED", "TASK_GONE",   "TASK_GONE_BY_OPERATOR"};
constexpr std::array<std::string_view, 5> kTerminalOperation = {
    "OPERATION_FINISHED", "OPERATION_FAILED", "OPERATION_ERROR", "OPERATION_DROPPED",
    "OPERATION_GONE_BY_OPERATOR"};

/// A peer may call itself what it likes.
std::string bounded(const std::string& name) {
  constexpr std::size_t longest = 256;
  return text::shortened(name, longest);
}

bool is_in_framework(Kind kind) {
  return kind == Kind::task || kind == Kind::executor;
}

Key key_of(Kind kind, std::string_view id, std::string_view framework) {
  const bool has_framework = is_in_framework(kind) || kind == Kind::operation;
  return KeyMaker::of(static_cast<std::uint64_t>(kind), id,
                      has_framework ? framework : std::string_view());
}

}  // namespace

bool is_terminal(std::string_view state) {
  return std::find(kTerminal.begin(), kTerminal.end(), state) != kTerminal.end();
}

const Entity* Entities::find(Kind kind, std::string_view id, std::string_view framework) const {
  const auto found = by_id_.find(key_of(kind, id, framework));
  return found == by_id_.end() ? nullptr : &found->second->entity;
}

bool Entities::has_running_task(std::string_view framework) const {
  return running_.contains(KeyMaker::of(framework));
}

/// Of what it runs a framework may be asked at any message, so it is counted.
void Entities::count_running(const Entity& task, bool runs) {
  const Key framework = KeyMaker::of(task.framework);
  std::size_t& count = running_[framework];
  runs ? ++count : --count;
  if (count == 0) running_.erase(framework);
}

void Entities::set_ended(Entity& task, bool ended) {
  if (task.ended != ended) count_running(task, !ended);
  task.ended = ended;
}

const Entity* Entities::at(std::string_view pid) const {
  const auto found = by_pid_.find(std::string(pid));
  return found == by_pid_.end() ? nullptr : &found->second->entity;
}

std::vector<const Entity*> Entities::in_order() const {
  std::vector<const Known*> sorted;
  sorted.reserve(all_.size());
  for (const Known& known : all_) sorted.push_back(&known);
  std::sort(sorted.begin(), sorted.end(),
            [](const Known* a, const Known* b) { return a->number < b->number; });
  std::vector<const Entity*> entities;
  entities.reserve(sorted.size());
  for (const Known* known : sorted) entities.push_back(&known->entity);
  return entities;
}

Entities::Known& Entities::make(const Key& key, Kind kind, std::string_view id,
                                const Message& message) {
  if (all_.size() >= most_) forget_one();
  Known& made = all_.emplace_back();
  made.place = std::prev(all_.end());
  made.number = made_++;
  made.key = key;
  made.entity.kind = kind;
  made.entity.id = id;
  made.entity.first = message.time;
  by_id_.emplace(key, &made);
  return made;
}

Entities::Known& Entities::touch(Kind kind, std::string_view id, std::string_view framework,
                                 const Message& message) {
  const Key key = key_of(kind, id, framework);
  const auto found = by_id_.find(key);
  Known& known = found == by_id_.end() ? make(key, kind, id, message) : *found->second;
  if (is_in_framework(kind) && found == by_id_.end()) known.entity.framework = framework;
  if (kind == Kind::task && found == by_id_.end()) count_running(known.entity, true);
  touch(known, message);
  return known;
}

void Entities::touch(Known& known, const Message& message) {
  Entity& entity = known.entity;
  entity.last = std::max(entity.last, message.time);
  if (std::find(touched_.begin(), touched_.end(), &known) != touched_.end()) return;
  touched_.push_back(&known);
  all_.splice(all_.end(), all_, known.place);
  ++entity.messages;
}

/// One that has ended, if there is one among those not heard of for longest; else the first of
/// these.
void Entities::forget_one() {
  constexpr int looked_at = 100;
  auto place = all_.begin();
  for (int i = 0; i < looked_at && std::next(place) != all_.end() && !place->entity.ended; ++i)
    ++place;
  if (!place->entity.ended) place = all_.begin();
  forget(*place);
  ++forgotten_;
}

/// With all that leads to it.
void Entities::forget(Known& known) {
  for (const auto& key : {std::optional(known.key), known.other_key}) {
    const auto found = key ? by_id_.find(*key) : by_id_.end();
    if (found != by_id_.end() && found->second == &known) by_id_.erase(found);
  }
  for (const auto& end : known.ends) {
    if (const auto at = by_pid_.find(end); at != by_pid_.end() && at->second == &known)
      by_pid_.erase(at);
  }
  if (known.entity.kind == Kind::task && !known.entity.ended) count_running(known.entity, false);
  std::erase(touched_, &known);
  all_.erase(known.place);
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
    if (id.text.empty() || id.kind == Kind::uuid) continue;
    if (id.kind == Kind::operation) {
      touch_operation(id, framework, message.message());
    } else {
      touch(id.kind, id.text, framework, message.message());
    }
  }
}

/// By its UUID, which the master gives, or by the id that its framework may have given it. Null
/// for what is no UUID.
Entities::Known* Entities::touch_operation(const Id& id, std::string_view framework,
                                           const Message& message) {
  if (id.binary) {
    std::string uuid;
    if (!schema::append_uuid(uuid, id.text)) return nullptr;
    return &touch(Kind::operation, uuid, {}, message);
  }
  Known& known = touch(Kind::operation, id.text, framework, message);
  known.entity.framework = framework;
  return &known;
}

void Entities::touch_pids(const Reading& message) {
  for (const auto pid : {message.message().from, message.message().to}) {
    const auto found = by_pid_.find(std::string(pid));
    if (found != by_pid_.end()) touch(*found->second, message.message());
  }
  for (const auto& [pid, role] : {std::pair(message.message().from, message.from()),
                                  std::pair(message.message().to, message.to())}) {
    if (role != Role::master) continue;
    Known& master = touch(Kind::master, pid, {}, message.message());
    if (master.entity.pid.empty()) learn_pid(master, pid);
  }
}

/// It is there; what was there before is not.
void Entities::learn_end(Known& known, std::string_view end) {
  Known*& there = by_pid_[std::string(end)];
  if (there == &known) return;
  there = &known;
  auto& ends = known.ends;
  ends.emplace_back(end);
  if (ends.size() <= kMostEnds) return;
  if (const auto at = by_pid_.find(ends.front()); at != by_pid_.end() && at->second == &known)
    by_pid_.erase(at);
  ends.erase(ends.begin());
}

Entity& Entities::learn_pid(Known& known, std::string_view pid) {
  Entity& entity = known.entity;
  // A client of the HTTP API has the PID of nobody: @0.0.0.0:0.
  if (pid.empty() || pid.front() == '@' || entity.pid == pid) return entity;
  if (const auto at = by_pid_.find(entity.pid); at != by_pid_.end() && at->second == &known)
    by_pid_.erase(at);
  std::erase(known.ends, entity.pid);
  entity.pid = pid;
  learn_end(known, pid);
  return entity;
}

void Entities::introduce(std::string_view pid, Introduction introduction) {
  if (introductions_.size() >= kMostIntroductions) introductions_.erase(introductions_.begin());
  introduction.name = bounded(introduction.name);
  introduction.version = bounded(introduction.version);
  introductions_[std::string(pid)] = std::move(introduction);
}

/// It has its id now, and its introduction has done its work.
void Entities::take_introduction(Entity& entity) {
  auto said = introductions_.extract(entity.pid);
  if (!said) return;
  Introduction& introduction = said.mapped();
  entity.name = std::move(introduction.name);
  if (introduction.version.empty()) return;
  entity.version = std::move(introduction.version);
  entity.version_from = std::move(introduction.told_by);
}

void Entities::learn(const Reading& message) {
  learn_agent(message);
  learn_framework(message);
  learn_executor(message);
  learn_task(message);
  learn_offers(message);
  learn_operation(message);
  learn_client(message);
}

/// A client of the v1 API may be at several ends at once, one for each of its connections.
void Entities::learn_client(const Reading& message) {
  const auto name = message.message().name;
  if (!name.starts_with("mesos.v1.scheduler.") && !name.starts_with("mesos.v1.executor.")) return;
  const auto type = message.value("type");
  const auto client = name.ends_with(".Call") ? message.message().from : message.message().to;
  const auto framework = message.id(Kind::framework);
  if (framework.empty()) {
    if (name == "mesos.v1.scheduler.Call" && type == "SUBSCRIBE")
      introduce(client, {message.value("subscribe.framework_info.name"), {}, {}});
    return;
  }
  if (name.starts_with("mesos.v1.executor.")) {
    const auto executor = message.id(Kind::executor);
    if (executor.empty()) return;
    Known& known = touch(Kind::executor, executor, framework, message.message());
    if (type == "SUBSCRIBED") known.entity.state = "registered";
    if (type == "SUBSCRIBED" || known.entity.pid.empty()) learn_pid(known, client);
    return learn_end(known, client);
  }
  Known& known = touch(Kind::framework, framework, {}, message.message());
  if (type == "SUBSCRIBED") {
    learn_pid(known, client).state = "registered";
    take_introduction(known.entity);
  }
  if (type == "TEARDOWN") known.entity.state = "torn down";
  if (type == "TEARDOWN") known.entity.ended = true;
  learn_end(known, client);
}

void Entities::learn_agent(const Reading& message) {
  const auto name = internal_name(message.message().name);
  if (name == "RegisterSlaveMessage" || name == "ReregisterSlaveMessage") {
    introduce(message.message().from,
              {message.value("slave.hostname"), message.value("version"), std::string(name)});
  }
  const auto id = message.id(Kind::agent);
  if (id.empty()) return;
  const auto agent = [&]() -> Known& { return touch(Kind::agent, id, {}, message.message()); };
  if (name == "ReregisterSlaveMessage") learn_pid(agent(), message.message().from);
  if (name == "SlaveRegisteredMessage" || name == "SlaveReregisteredMessage") {
    Entity& entity = learn_pid(agent(), message.message().to);
    entity.state = "registered";
    entity.ended = false;
    take_introduction(entity);
  }
  if (name == "RunTaskMessage" && message.from() == Role::master)
    learn_pid(agent(), message.message().to);
  if (name != "LostSlaveMessage" && name != "UnregisterSlaveMessage") return;
  Entity& entity = agent().entity;
  entity.state = name == "LostSlaveMessage" ? "lost" : "unregistered";
  entity.ended = true;
}

void Entities::learn_framework(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const bool subscribes =
      message.message().name == "mesos.scheduler.Call" && message.value("type") == "SUBSCRIBE";
  if (subscribes || name == "RegisterFrameworkMessage" || name == "ReregisterFrameworkMessage")
    introduce(
        message.message().from,
        {message.value(subscribes ? "subscribe.framework_info.name" : "framework.name"), {}, {}});
  const auto id = message.id(Kind::framework);
  if (id.empty()) return;
  if (name == "FrameworkRegisteredMessage" || name == "FrameworkReregisteredMessage") {
    Entity& entity =
        learn_pid(touch(Kind::framework, id, {}, message.message()), message.message().to);
    entity.state = "registered";
    take_introduction(entity);
    const auto version = message.value("master_info.version");
    if (version.empty()) return;
    Entity& master = touch(Kind::master, message.message().from, {}, message.message()).entity;
    master.version = bounded(version);
    master.version_from = name;
  }
  if (name == "RunTaskMessage" && message.has("framework.name")) {
    Known& known = touch(Kind::framework, id, {}, message.message());
    if (known.entity.name.empty()) known.entity.name = bounded(message.value("framework.name"));
    if (message.from() == Role::master) learn_pid(known, message.value("pid"));
  }
  if (name != "ShutdownFrameworkMessage" && !asks_for_teardown(message)) return;
  Entity& entity = touch(Kind::framework, id, {}, message.message()).entity;
  entity.state = "torn down";
  entity.ended = true;
}

void Entities::learn_executor(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const auto id = message.id(Kind::executor);
  if (id.empty()) return;
  const auto framework = message.id(Kind::framework);
  const auto executor = [&]() -> Known& {
    return touch(Kind::executor, id, framework, message.message());
  };
  if (name == "RegisterExecutorMessage" || name == "ReregisterExecutorMessage")
    learn_pid(executor(), message.message().from).state = "registering";
  if (name == "ExecutorRegisteredMessage" || name == "ExecutorReregisteredMessage")
    learn_pid(executor(), message.message().to).state = "registered";
  if (name != "ExitedExecutorMessage") return;
  Entity& entity = executor().entity;
  entity.state = "exited";
  entity.reason = "status " + message.value("status");
  entity.ended = true;
}

void Entities::learn_task(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const auto id = message.id(Kind::task);
  if (id.empty()) return;
  const auto framework = message.id(Kind::framework);
  if (name == "RunTaskMessage") {
    Entity& task = touch(Kind::task, id, framework, message.message()).entity;
    task.name = bounded(message.value("task.name"));
    task.agent = message.id(Kind::agent);
    if (task.state.empty()) task.state = "TASK_STAGING";
  }
  const bool is_v1 = message.message().name == "mesos.v1.executor.Call" ||
                     message.message().name == "mesos.v1.scheduler.Event";
  if (name != "StatusUpdateMessage" && !is_v1) return;
  Entity& task = touch(Kind::task, id, framework, message.message()).entity;
  const auto state = message.value("update.status.state");
  // The same update passes three hops; a later one may overtake it.
  if (state.empty() || (task.ended && !is_terminal(state))) return;
  task.state = state;
  task.reason = message.value("update.status.reason");
  set_ended(task, is_terminal(state));
  if (const auto agent = message.id(Kind::agent); !agent.empty()) task.agent = agent;
}

void Entities::learn_offers(const Reading& message) {
  const auto set_state = [&](std::string_view path, std::string_view state) {
    for (const auto& id : message.values(path)) {
      Entity& offer = touch(Kind::offer, id, {}, message.message()).entity;
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

/// What was heard of it by its UUID and by the id that its framework gave it is of one operation.
Entities::Known& Entities::join(Known& by_uuid, std::string_view id, std::string_view framework,
                                const Message& message) {
  if (by_uuid.other_key || id.empty()) return by_uuid;
  const Key key = key_of(Kind::operation, id, framework);
  if (const auto found = by_id_.find(key); found != by_id_.end() && found->second != &by_uuid) {
    Known& by_id = *found->second;
    by_uuid.entity.first = std::min(by_uuid.entity.first, by_id.entity.first);
    by_uuid.number = std::min(by_uuid.number, by_id.number);
    by_uuid.entity.messages += by_id.entity.messages - 1;  // this one was counted twice
    forget(by_id);
  }
  by_uuid.entity.id = id;
  by_uuid.other_key = key;
  by_id_[key] = &by_uuid;
  touch(by_uuid, message);
  return by_uuid;
}

/// A message about one operation says what it has of both.
void Entities::learn_operation(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const bool applies = name == "ApplyOperationMessage";
  if (!applies && name != "UpdateOperationStatusMessage") return;
  const auto uuid = std::find_if(message.ids().begin(), message.ids().end(), [](const Id& id) {
    return id.kind == Kind::operation && id.binary;
  });
  const auto framework = message.id(Kind::framework);
  Known* known =
      uuid == message.ids().end() ? nullptr : touch_operation(*uuid, {}, message.message());
  if (known == nullptr) return;
  const auto id = message.value(applies ? "operation_info.id.value" : "status.operation_id.value");
  Entity& operation = join(*known, id, framework, message.message()).entity;
  if (!framework.empty()) operation.framework = framework;
  if (const auto agent = message.id(Kind::agent); !agent.empty()) operation.agent = agent;
  if (applies) operation.name = message.value("operation_info.type");
  const auto state = applies ? std::string("OPERATION_PENDING") : message.value("status.state");
  if (state.empty() || operation.ended || (applies && !operation.state.empty())) return;
  operation.state = state;
  operation.ended = std::find(kTerminalOperation.begin(), kTerminalOperation.end(), state) !=
                    kTerminalOperation.end();
}

}  // namespace compactor::trace
