// Names of messages that compactor itself sends or answers.
#pragma once

#include <string_view>

namespace tool {

/// The name under which compactor asks whether a process is there; nobody handles it.
inline constexpr std::string_view probe_name = "compactor.Probe";

/// How a Mesos master asks its agents whether they are there, and what they answer.
inline constexpr std::string_view agent_ping = "mesos.internal.PingSlaveMessage";
inline constexpr std::string_view agent_pong = "mesos.internal.PongSlaveMessage";

/// The same before Mesos 0.25.
inline constexpr std::string_view old_agent_ping = "PING";
inline constexpr std::string_view old_agent_pong = "PONG";

}  // namespace tool
