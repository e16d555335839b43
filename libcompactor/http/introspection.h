// What a libprocess node tells of itself over plain HTTP: its processes with their mailboxes,
// metrics, endpoints, and, when it is a Mesos master, the cluster. Each function makes one request;
// see http/client.h for what that may cost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"

namespace compactor::http {

/// What waits in a mailbox. libprocess writes the bytes of names and bodies into its JSON as they
/// are, UTF-8 or not, and that is what stands here.
struct QueuedEvent {
  std::string kind;  // MESSAGE, DISPATCH, HTTP, EXITED, TERMINATE
  std::string name;  // of a message; the URL of an HTTP event
  std::string from;  // of a message or TERMINATE; the PID of EXITED
  std::string to;
  std::string body;
  bool is_message() const { return kind == "MESSAGE"; }
};

struct ProcessState {
  std::string id;
  std::vector<QueuedEvent> events;  // oldest first
};

struct Metric {
  std::string name;
  double value = 0;
};

struct Endpoint {
  std::string process;
  std::string path;     // without the process' id, as in /snapshot
  std::string summary;  // one line, may be empty
};

/// A Mesos master's /master/state in short.
struct MasterState {
  std::string pid;
  std::string version;
  std::string leader;
  std::string cluster;
  std::string hostname;
  double start_time = 0;    // Unix time
  double elected_time = 0;  // 0: it is not the leader
  std::uint64_t agents_active = 0;
  std::uint64_t agents_inactive = 0;
  std::uint64_t agents_unreachable = 0;
  std::uint64_t frameworks = 0;
  std::uint64_t frameworks_completed = 0;
  std::uint64_t tasks = 0;                  // known to the master, whatever their state
  std::map<std::string, double> resources;  // of all agents: cpus, mem, disk, gpus
  std::map<std::string, double> used_resources;
};

/// A Mesos agent's /slave(1)/state in short.
struct AgentState {
  std::string pid;
  std::string id;  // that the master gave it; empty before it is registered
  std::string version;
  std::string hostname;
  std::string master;     // host name of its master; empty when it knows none
  double start_time = 0;  // Unix time
  std::uint64_t frameworks = 0;
  std::uint64_t frameworks_completed = 0;
  std::uint64_t executors = 0;
  std::uint64_t tasks = 0;                       // running or queued
  std::map<std::string, double> resources;       // cpus, mem, disk, gpus
  std::map<std::string, double> used_resources;  // by its executors
};

/// The answer, and what it says. No value: the answer was a fault, no 200, or not what that path
/// answers (then Fault::garbage with the reason).
template <class T>
struct Told {
  Answer answer;
  std::optional<T> value;
};

/// GET /__processes__. It asks *every* process of the node and waits for the slowest, so one
/// blocked process makes it time out, and each call costs every process a turn: not for frequent
/// use.
Told<std::vector<ProcessState>> get_processes(const Server& server);

/// GET /metrics/snapshot, sorted by name. libprocess allows two of these a second and makes others
/// wait.
Told<std::vector<Metric>> get_metrics(const Server& server);

/// GET /help?format=json
Told<std::vector<Endpoint>> get_endpoints(const Server& server);

/// GET /ID/state, with the id of an agent's process, as in slave(1). 404 from a node without one.
Told<AgentState> get_agent_state(const Server& server, const std::string& id);

/// GET /master/state. A node that is no master answers 404.
Told<MasterState> get_master_state(const Server& server);

}  // namespace compactor::http
