#include "trace/reading.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/table.h"

namespace compactor::trace {

/// Mesos refuses longer ones (validateID), and what is known of somebody is kept by its id.
constexpr std::size_t kLongestId = 255;

/// What is picked of one type of message.
struct ReadPlan {
  struct IdAt {
    Kind kind;
    std::size_t path;
    bool binary = false;
  };
  const google::protobuf::Descriptor* type = nullptr;
  FieldPicker picker;
  std::vector<IdAt> ids;
  std::optional<Phrase> phrase;
  std::size_t type_path = 0;  // of `type`, which tells calls and events apart
  bool has_kinds = false;
};

namespace {

/// What the lives of things and the findings ask for beside the tables.
struct Wanted {
  std::string_view message;
  std::string_view paths;
};
constexpr std::array kWanted = {
    Wanted{"mesos.internal.RegisterSlaveMessage", "slave.hostname version"},
    Wanted{"mesos.internal.ReregisterSlaveMessage", "slave.id.value slave.hostname version"},
    Wanted{"mesos.internal.StatusUpdateMessage",
           "update.status.state update.status.reason update.status.source update.status.message "
           "update.status.task_id.value update.framework_id.value update.slave_id.value "
           "update.uuid pid update.latest_state"},
    Wanted{"mesos.internal.RunTaskMessage", "task.name framework.name pid"},
    Wanted{"mesos.internal.PingSlaveMessage", "connected"},
    Wanted{"mesos.internal.ExitedExecutorMessage", "status"},
    Wanted{"mesos.internal.FrameworkErrorMessage", "message"},
    Wanted{"mesos.internal.ShutdownMessage", "message"},
    Wanted{"mesos.internal.AuthenticationErrorMessage", "error"},
    Wanted{"mesos.internal.FrameworkRegisteredMessage",
           "framework_id.value master_info.version master_info.id master_info.pid"},
    Wanted{"mesos.internal.FrameworkReregisteredMessage",
           "framework_id.value master_info.version master_info.id master_info.pid"},
    Wanted{"mesos.internal.SlaveRegisteredMessage",
           "slave_id.value connection.total_ping_timeout_seconds"},
    Wanted{"mesos.internal.ResourceOffersMessage", "offers.id.value offers.slave_id.value pids"},
    Wanted{"mesos.internal.ApplyOperationMessage", "operation_info.id.value operation_info.type"},
    Wanted{"mesos.internal.UpdateOperationStatusMessage", "status.state status.operation_id.value"},
    Wanted{"mesos.internal.RegisterFrameworkMessage", "framework.name"},
    Wanted{"mesos.internal.ReregisterFrameworkMessage", "framework.name"},
    Wanted{"mesos.v1.scheduler.Call",
           "type subscribe.framework_info.name framework_id.value accept.offer_ids.value "
           "decline.offer_ids.value"},
    Wanted{"mesos.v1.scheduler.Event",
           "type subscribed.framework_id.value offers.offers.id.value rescind.offer_id.value "
           "update.status.state update.status.reason update.status.message error.message"},
    Wanted{"mesos.v1.executor.Call",
           "type update.status.state update.status.reason framework_id.value executor_id.value"},
    Wanted{"mesos.v1.executor.Event", "type"},
    Wanted{"mesos.scheduler.Call",
           "type subscribe.framework_info.name accept.offer_ids.value decline.offer_ids.value"},
};

void add_paths(ReadPlan& plan, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    if (condition.kind != Condition::Kind::from && condition.kind != Condition::Kind::to)
      plan.picker.add(*plan.type, condition.path);
  }
}

bool is_any_of(std::string_view word, const std::vector<std::string_view>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const std::vector<const Pair*>& found_in(
    const std::unordered_map<std::string_view, std::vector<const Pair*>>& rows,
    std::string_view name) {
  static const std::vector<const Pair*> kNone;
  const auto found = rows.find(name);
  return found == rows.end() ? kNone : found->second;
}

}  // namespace

std::string_view internal_name(std::string_view name) {
  constexpr std::string_view package = "mesos.internal.";
  return name.starts_with(package) ? name.substr(package.size()) : std::string_view{};
}

Reader::Reader(const Facts& facts, const schema::Catalog& catalog)
    : facts_(facts), catalog_(catalog) {
  for (const Pair& pair : facts.pairs()) {
    asked_[pair.request].push_back(&pair);
    answered_[pair.answer].push_back(&pair);
  }
}

Reader::~Reader() = default;

const std::vector<const Pair*>& Reader::asked_by(std::string_view name) const {
  return found_in(asked_, name);
}

const std::vector<const Pair*>& Reader::answered_by(std::string_view name) const {
  return found_in(answered_, name);
}

const ReadPlan* Reader::plan_of(std::string_view name) {
  const auto found = plans_.find(std::string(name));
  if (found != plans_.end()) return found->second.get();
  auto made = make(name);
  if (!made) return nullptr;  // peers may invent as many names as they like
  return plans_.emplace(name, std::move(made)).first->second.get();
}

std::unique_ptr<ReadPlan> Reader::make(std::string_view name) const {
  const auto* type = catalog_.for_mailbox(name);
  if (type == nullptr) return nullptr;
  auto plan = std::make_unique<ReadPlan>();
  plan->type = type;
  for (const IdPath& id : facts_.ids(name)) {
    const auto path = plan->picker.add(*type, id.path);
    const auto* field = plan->picker.field(path);
    const bool binary =
        field != nullptr && field->type() == google::protobuf::FieldDescriptor::TYPE_BYTES;
    plan->ids.push_back({id.kind, path, binary});
  }
  for (const Pair* pair : asked_by(name)) {
    add_paths(*plan, pair->request_when);
    for (const Join& join : pair->fields)
      for (const auto path : join.asked) plan->picker.add(*type, path);
    if (pair->answer_to == End::field) plan->picker.add(*type, "pid");
  }
  for (const Pair* pair : answered_by(name)) {
    add_paths(*plan, pair->answer_when);
    for (const Join& join : pair->fields) plan->picker.add(*type, join.answered);
  }
  for (const Wanted& wanted : kWanted) {
    if (wanted.message != name) continue;
    for (const auto path : text::split(wanted.paths, ' ')) plan->picker.add(*type, path);
  }
  plan->phrase.emplace(*type, facts_.phrase(name), plan->picker);
  const bool has_kinds = name.ends_with(".Call") || name.ends_with(".Event");
  plan->type_path = has_kinds ? plan->picker.add(*type, "type") : 0;
  plan->has_kinds = has_kinds && plan->picker.field(plan->type_path) != nullptr;
  return plan;
}

const Reading& Reader::read(const Message& message) {
  Reading& made = reading_;
  made.message_ = &message;
  made.plan_ = plan_of(message.name);
  made.from_ = role_of(message.from);
  made.to_ = role_of(message.to);
  made.picked_.clear();
  made.ids_.clear();
  made.misread_ = false;
  if (made.plan_ == nullptr) return made;
  const bool whole = made.plan_->picker.pick(message.body, made.picked_) || message.partial;
  made.misread_ = !whole || !message.trouble.empty();
  for (const ReadPlan::IdAt& id : made.plan_->ids) {
    for (const Picked& value : made.picked_)
      if (value.path == id.path && value.bytes.size() <= kLongestId)
        made.ids_.push_back({id.kind, value.bytes, id.binary});
  }
  return made;
}

bool asks_for_teardown(const Reading& message) {
  const auto name = message.message().name;
  if (name == "mesos.internal.UnregisterFrameworkMessage") return true;
  return (name.ends_with("scheduler.Call") || name == "mesos.v1.master.Call") &&
         message.value("type") == "TEARDOWN";
}

const google::protobuf::Descriptor* Reading::type() const {
  return plan_ == nullptr ? nullptr : plan_->type;
}

std::size_t Reading::number_of(std::string_view path) const {
  return plan_ == nullptr ? 0 : plan_->picker.find(path);
}

bool Reading::has(std::string_view path) const {
  if (plan_ == nullptr) return false;
  const std::size_t number = plan_->picker.find(path);
  return std::any_of(picked_.begin(), picked_.end(),
                     [&](const Picked& value) { return value.path == number; });
}

std::string Reading::value(std::string_view path) const {
  std::string text;
  if (plan_ == nullptr) return text;
  const std::size_t number = plan_->picker.find(path);
  for (const Picked& value : picked_) {
    if (value.path != number) continue;
    append_value(text, *plan_->picker.field(number), value);
    break;
  }
  return text;
}

std::vector<std::string> Reading::values(std::string_view path) const {
  std::vector<std::string> texts;
  if (plan_ == nullptr) return texts;
  const std::size_t number = plan_->picker.find(path);
  for (const Picked& value : picked_) {
    if (value.path == number)
      append_value(texts.emplace_back(), *plan_->picker.field(number), value);
  }
  return texts;
}

bool Reading::meets(const Condition& condition) const {
  switch (condition.kind) {
    case Condition::Kind::set:
      return has(condition.path);
    case Condition::Kind::unset:
      return !has(condition.path);
    // An actor with a name of its own may be anything.
    case Condition::Kind::from:
      return from_ == Role::unknown || is_any_of(to_string(from_), condition.values);
    case Condition::Kind::to:
      return to_ == Role::unknown || is_any_of(to_string(to_), condition.values);
    case Condition::Kind::equal:
      return is_any_of(value(condition.path), condition.values);
    case Condition::Kind::unequal:
      break;
  }
  const auto all = values(condition.path);
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& each) { return !is_any_of(each, condition.values); });
}

bool Reading::meets(const std::vector<Condition>& conditions) const {
  return std::all_of(conditions.begin(), conditions.end(),
                     [this](const Condition& condition) { return meets(condition); });
}

std::string_view Reading::id(Kind kind) const {
  const auto found =
      std::find_if(ids_.begin(), ids_.end(), [&](const Id& id) { return id.kind == kind; });
  return found == ids_.end() ? std::string_view{} : found->text;
}

std::string Reading::kind() const {
  std::string kind(message_->name);
  if (plan_ != nullptr && plan_->has_kinds) {
    const auto type = value("type");
    if (!type.empty()) kind += "/" + type;
  }
  return kind;
}

std::string Reading::says() const {
  std::string text;
  if (plan_ != nullptr) {
    plan_->phrase->append(text, plan_->picker, picked_);
  } else {
    text = message_->name;
  }
  return text;
}

}  // namespace compactor::trace
