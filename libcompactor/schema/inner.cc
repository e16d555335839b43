#include "schema/inner.h"

#include <algorithm>
#include <iterator>

#include "text/hex.h"

namespace compactor::schema {
namespace {

constexpr std::string_view uuid{};

constexpr InnerRule rules[] = {
    {"mesos.UUID", "value", uuid, "", ""},
    {"mesos.Task", "status_update_uuid", uuid, "", ""},
    {"mesos.TaskStatus", "uuid", uuid, "", ""},
    {"mesos.internal.StatusUpdate", "uuid", uuid, "", ""},
    {"mesos.internal.StatusUpdateRecord", "uuid", uuid, "", ""},
    {"mesos.internal.StatusUpdateAcknowledgementMessage", "uuid", uuid, "", ""},
    {"mesos.scheduler.Call.Acknowledge", "uuid", uuid, "", ""},
    {"mesos.scheduler.Call.AcknowledgeOperationStatus", "uuid", uuid, "", ""},
    {"mesos.executor.Event.Acknowledged", "uuid", uuid, "", ""},
    {"mesos.internal.state.Entry", "uuid", uuid, "", ""},
    {"mesos.v1.UUID", "value", uuid, "", ""},
    {"mesos.v1.Task", "status_update_uuid", uuid, "", ""},
    {"mesos.v1.TaskStatus", "uuid", uuid, "", ""},
    {"mesos.v1.scheduler.Call.Acknowledge", "uuid", uuid, "", ""},
    {"mesos.v1.scheduler.Call.AcknowledgeOperationStatus", "uuid", uuid, "", ""},
    {"mesos.v1.executor.Event.Acknowledged", "uuid", uuid, "", ""},
    // The masters' replicated log holds changes of one variable, the registry.
    {"mesos.internal.log.Action.Append", "bytes", "mesos.internal.state.Operation", "", ""},
    {"mesos.internal.state.Entry", "value", "mesos.internal.Registry", "name", "registry"},
};

}  // namespace

const InnerRule* inner_rule(std::string_view type, std::string_view field) {
  const auto* found = std::find_if(std::begin(rules), std::end(rules), [&](const InnerRule& rule) {
    return rule.type == type && rule.field == field;
  });
  return found == std::end(rules) ? nullptr : found;
}

bool append_uuid(std::string& out, std::string_view bytes) {
  constexpr std::size_t uuid_size = 16;
  if (bytes.size() != uuid_size) return false;
  for (std::size_t i = 0; i < uuid_size; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += text::hex_digits[byte >> 4];
    out += text::hex_digits[byte & 15];
  }
  return true;
}

}  // namespace compactor::schema
