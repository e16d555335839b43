// What an actor of Mesos is, by its id.
#pragma once

#include <cstdint>
#include <string_view>

namespace compactor::trace {

enum class Role : std::uint8_t {
  unknown,
  master,
  slave_observer,  // in the master: pings one agent
  auth_session,    // in the master: one authentication
  authenticatee,   // in an agent or a scheduler: the same
  agent,
  scheduler,
  executor,
  log_replica,  // of the masters' registry
  log_network,
  req_res,  // asks one question, in the master
};

/// Of a PID, or of an id alone. Unknown for a name that Mesos gives to nobody.
Role role_of(std::string_view pid);

/// "master", "slave-observer" …: as the tables of facts have them; "" for unknown.
std::string_view to_string(Role role);

/// For people, who do not care which actor within a master it is: "master", "agent", "scheduler",
/// "executor"; of an unknown one its id.
std::string_view title_of(std::string_view pid);

}  // namespace compactor::trace
