// Who is there: masters, agents, frameworks, executors, tasks, offers and operations, learned from
// any message that bears their ids; what became of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace/key.h"
#include "trace/reading.h"

namespace compactor::trace {

struct Entity {
  Kind kind = Kind::task;
  std::string id{};
  std::string framework{};     // of what has an id that is unique only in it
  std::string pid{};           // where it lives; the newest
  std::string name{};          // of a framework and a task; of an agent its host; what is done
  std::string version{};       // of Mesos
  std::string version_from{};  // the message that told it
  std::string state{};
  std::string reason{};  // why it is in that state, where that was told
  std::string agent{};   // where a task, an executor or an operation is
  bool ended = false;    // in that state for good
  Time first{};
  Time last{};
  std::uint64_t messages = 0;  // that bear its id, or are to or from its PID
};

/// Learns from messages in the order of their time. Bounded: the entity of which nothing was heard
/// for longest is forgotten, ended ones first, and counted.
class Entities {
 public:
  explicit Entities(std::size_t most = 200'000) : most_(most) {}

  void add(const Reading& message);

  /// Null when there is none of that id. `framework` only of tasks, executors and operations; an
  /// operation has a UUID too, which is its id without a framework.
  const Entity* find(Kind kind, std::string_view id, std::string_view framework = {}) const;
  /// Who is at that PID; null for nobody known.
  const Entity* at(std::string_view pid) const;
  /// Whether a task of the framework has not ended yet, as far as was seen.
  bool has_running_task(std::string_view framework) const;
  /// In the order in which they were first seen.
  template <class F>
  void for_each(F&& f) const {
    for (const Entity* entity : in_order()) f(*entity);
  }
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  /// With all by which it is found.
  struct Known {
    Entity entity{};
    std::uint64_t number = 0;  // in the order in which they were first seen
    Key key{};
    std::optional<Key> other_key{};   // of an operation, which has a UUID and may have an id
    std::vector<std::string> ends{};  // PIDs, or ends of connections, where it is
    std::list<Known>::iterator place{};
  };
  struct Introduction {
    std::string name;
    std::string version;
    std::string told_by;
  };

  std::vector<const Entity*> in_order() const;
  Known& make(const Key& key, Kind kind, std::string_view id, const Message& message);
  void touch(Known& known, const Message& message);
  Known& touch(Kind kind, std::string_view id, std::string_view framework, const Message& message);
  Known* touch_operation(const Id& id, std::string_view framework, const Message& message);
  Known& join(Known& by_uuid, std::string_view id, std::string_view framework,
              const Message& message);
  void touch_ids(const Reading& message);
  void touch_pids(const Reading& message);
  void learn(const Reading& message);
  void learn_agent(const Reading& message);
  void learn_framework(const Reading& message);
  void learn_executor(const Reading& message);
  void learn_task(const Reading& message);
  void learn_offers(const Reading& message);
  void learn_client(const Reading& message);
  void learn_operation(const Reading& message);
  Entity& learn_pid(Known& known, std::string_view pid);
  void learn_end(Known& known, std::string_view end);
  void introduce(std::string_view pid, Introduction introduction);
  void take_introduction(Entity& entity);
  void count_running(const Entity& task, bool runs);
  void set_ended(Entity& task, bool ended);
  void forget(Known& known);
  void forget_one();

  std::size_t most_;
  std::list<Known> all_;  // of which nothing was heard for longest stands first
  std::uint64_t made_ = 0;
  std::unordered_map<Key, std::size_t> running_;  // tasks, by framework
  std::unordered_map<Key, Known*> by_id_;
  std::unordered_map<std::string, Known*> by_pid_;
  /// What an agent or a scheduler said of itself before it got its id, by its PID. Once it has one
  /// that is no longer needed.
  std::unordered_map<std::string, Introduction> introductions_;
  std::vector<const Known*> touched_;  // by the message at hand
  std::uint64_t forgotten_ = 0;
};

/// FINISHED, FAILED, LOST …: nothing follows.
bool is_terminal(std::string_view task_state);

}  // namespace compactor::trace
