#include "trace/lint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "text/table.h"
#include "trace/field_picker.h"
#include "trace/role.h"

namespace compactor::trace {

namespace {

/// The values at the paths of a rule: those at the n-th path.
class Found {
 public:
  Found(const FieldPicker& picker, std::string_view body) {
    if (!picker.pick(body, values_)) values_.clear();
  }

  bool has(std::size_t path) const { return value(path).has_value(); }
  std::optional<Picked> value(std::size_t path) const {
    const auto found = std::find_if(values_.begin(), values_.end(),
                                    [&](const Picked& value) { return value.path == path; });
    return found == values_.end() ? std::nullopt : std::optional(*found);
  }

 private:
  std::vector<Picked> values_;
};

bool is_uuid(std::string_view bytes) {
  constexpr std::size_t size = 16;
  constexpr std::size_t version_at = 6;
  if (bytes.size() != size) return false;
  const int version = static_cast<unsigned char>(bytes[version_at]) >> 4;
  return version >= 1 && version <= 5;
}

const char* status_update(const Found& found) {
  const auto pid = found.value(0);
  const bool null = !pid || pid->bytes.empty() || pid->bytes == "@0.0.0.0:0";
  if (null) return "a master aborts on a status update without pid, to which it would answer";
  if (found.has(1) && !found.has(2))
    return "a master aborts on an update that has a uuid where its status has none";
  return nullptr;
}

const char* operation_status(const Found& found) {
  if (!found.has(0)) return "a master aborts on an operation's status without slave_id";
  if (!found.has(1) && !found.has(2))
    return "a master aborts on an operation's status without operation_uuid and framework_id";
  return nullptr;
}

const char* run_task(const Found& found) {
  if (found.has(0) == found.has(1))
    return "an agent aborts on a task that has both command and executor, or neither";
  return nullptr;
}

const char* acknowledgement(const Found& found) {
  const auto uuid = found.value(0);
  if (!uuid || !is_uuid(uuid->bytes))
    return "an agent or an executor aborts on an acknowledgement whose uuid is none";
  return nullptr;
}

/// The type of an entry of the log, and whether what it says is there.
bool lacks_content(const Found& found, std::size_t type, std::size_t first) {
  const auto said = found.value(type);
  return said && said->number >= 1 && said->number <= 3 &&
         !found.has(first + static_cast<std::size_t>(said->number) - 1);
}

const char* learned(const Found& found) {
  const auto learned = found.value(4);
  if (!learned || learned->number == 0) return "a replica aborts on an entry that is not learned";
  if (lacks_content(found, 0, 1)) return "a replica aborts on an entry without what its type says";
  return nullptr;
}

const char* write_request(const Found& found) {
  return lacks_content(found, 0, 1) ? "a replica aborts on an entry without what its type says"
                                    : nullptr;
}

struct Row {
  std::string_view message;
  std::array<Role, 2> receivers;
  std::string_view paths;
  const char* (*judge)(const Found& found);
};
constexpr std::array kRows = {
    Row{"mesos.internal.StatusUpdateMessage",
        {Role::master, Role::master},
        "pid update.uuid update.status.uuid",
        status_update},
    Row{"mesos.internal.UpdateOperationStatusMessage",
        {Role::master, Role::master},
        "slave_id operation_uuid framework_id",
        operation_status},
    Row{"mesos.internal.RunTaskMessage",
        {Role::agent, Role::agent},
        "task.command task.executor",
        run_task},
    Row{"mesos.internal.StatusUpdateAcknowledgementMessage",
        {Role::agent, Role::executor},
        "uuid",
        acknowledgement},
    Row{"mesos.internal.log.LearnedMessage",
        {Role::log_replica, Role::log_replica},
        "action.type action.nop action.append action.truncate action.learned",
        learned},
    Row{"mesos.internal.log.WriteRequest",
        {Role::log_replica, Role::log_replica},
        "type nop append truncate",
        write_request},
};

}  // namespace

struct Lint::Rule {
  std::size_t row;  // of kRows
  FieldPicker picker;
};

Lint::Lint(const schema::Catalog& catalog) {
  for (std::size_t row = 0; row < kRows.size(); ++row) {
    const auto* type = catalog.for_mailbox(kRows[row].message);
    if (type == nullptr) continue;
    Rule rule{row, {}};
    for (const auto path : text::split(kRows[row].paths, ' ')) rule.picker.add(*type, path);
    rules_.push_back(std::move(rule));
  }
}

Lint::~Lint() = default;

std::string Lint::fatal(std::string_view to, std::string_view name, std::string_view body) const {
  const Role role = role_of(to);
  for (const Rule& rule : rules_) {
    const Row& row = kRows[rule.row];
    const auto& receivers = row.receivers;
    if (row.message != name ||
        std::find(receivers.begin(), receivers.end(), role) == receivers.end())
      continue;
    const char* why = row.judge(Found(rule.picker, body));
    return why == nullptr ? "" : why;
  }
  return {};
}

}  // namespace compactor::trace
