// Findings about what stands in a body, and about whom it is from.
#include "trace/finding.h"

namespace compactor::trace {

using std::chrono::seconds;

namespace {

/// So long what an agent has sent before it was removed may be under way.
constexpr seconds kUnderWay{1};

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

/// Of each sender once for each name and kind of thing. A body that was not captured, or not kept,
/// or only to a part, says nothing.
void Findings::look_at_body(const Reading& message) {
  const Message& of = message.message();
  const auto* type = message.type();
  if (type == nullptr || message.misread() || of.partial || of.body.size() < of.size) return;
  const unsigned kinds = body_reporter_.glance(*type, of.body);
  if (kinds == 0 || !is_new("body", of.name, of.from, std::uint64_t{kinds})) return;
  const BodyReport report = body_reporter_.look(*type, of.body);
  const std::string what = short_name(of.name) + " from " + std::string(of.from);
  if (!report.release.empty() && is_new("version_skew", of.from))
    tell(Severity::info, "version_skew", message,
         what + " is as Mesos " + report.release + " had it",
         "its sender is of that release or older: newer peers may not take all that it sends");
  if (!report.fault.empty() && is_new("undecodable", of.name))
    tell(Severity::warning, "undecodable", message, what + " cannot be read: " + report.fault,
         "another message of that name, or damaged on its way; compactor decode shows the fields");
  if (!report.missing.empty())
    tell(
        Severity::error, "missing_required", message,
        what + " lacks " + list_of(report.missing) + ", which " +
            (report.missing.size() == 1 ? "is" : "are") + " required",
        "its receiver drops it, and only its log says so (Failed to deserialize): nothing answers. "
        "The sender is of another version, or is not Mesos");
  if (!report.unknown.empty())
    tell(Severity::info, "unknown_fields", message,
         what + " has fields that no release of Mesos has: " + list_of(report.unknown),
         "its sender is patched, or newer than all that is known here: others pass over them");
  if (!report.deprecated.empty())
    tell(Severity::info, "deprecated_field", message,
         what + " uses what is deprecated: " + list_of(report.deprecated),
         "its sender is old, or is not Mesos: do not rely on its being read");
}

/// Agents that are not known to be there, or known not to be.
void Findings::look_at_whereabouts(const Reading& message) {
  const auto name = internal_name(message.message().name);
  const Message& of = message.message();
  const auto agent = message.id(Kind::agent);
  if (name == "PingSlaveMessage" || name == "SlaveRegisteredMessage" ||
      name == "SlaveReregisteredMessage")
    present_.insert(KeyMaker::of(of.to));
  if (name == "SlaveRegisteredMessage" || name == "SlaveReregisteredMessage")
    removed_.erase(std::string(agent));
  if (name == "LostSlaveMessage" || name == "UnregisterSlaveMessage") {
    if (removed_.size() < kMostKnown) {
      removed_.try_emplace(std::string(agent), of.time);
    } else {
      ++removed_forgotten_;
    }
  }
  const bool launches = name == "RunTaskMessage" || name == "RunTaskGroupMessage";
  if (launches && message.to() == Role::agent && message.from() == Role::master &&
      !present_.contains(KeyMaker::of(of.to)) && is_new("unknown_agent", of.to))
    tell(Severity::info, "unknown_agent", message,
         "a task goes to " + std::string(of.to) + ", which was not seen to register or be pinged",
         "the capture began after it registered, or sees only a part; else the master holds an "
         "agent that is gone");
  if (message.from() != Role::agent || agent.empty() || removed_.empty()) return;
  if (name == "RegisterSlaveMessage" || name == "ReregisterSlaveMessage") return;
  const auto removed = removed_.find(std::string(agent));
  if (removed == removed_.end() || of.time - removed->second < kUnderWay) return;
  if (!is_new("unknown_agent", agent)) return;
  tell(Severity::warning, "unknown_agent", message,
       "agent " + std::string(agent) + " was removed, and " + std::string(of.from) +
           " still sends " + short_name(of.name),
       "the master drops what it sends: it did not hear that it was removed. Restart it, and it "
       "registers as a new agent");
}

}  // namespace compactor::trace
