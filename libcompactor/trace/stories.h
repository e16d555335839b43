// The stories of a capture: messages in the order of their time -> who is there, which message
// answers which, what is wrong, and of what was asked for each step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "schema/catalog.h"
#include "trace/conversations.h"
#include "trace/departures.h"
#include "trace/entities.h"
#include "trace/facts.h"
#include "trace/finding.h"
#include "trace/reading.h"

namespace compactor::trace {

/// One message of a story.
struct Step {
  Time time{};
  std::optional<std::chrono::nanoseconds> delta{};  // after the step before it; none of the first
  std::string from{};
  std::string to{};
  std::string from_role{};  // "master", "agent S0": for people
  std::string to_role{};
  std::string name{};
  std::string says{};
  std::uint64_t conn = 0;
  std::uint64_t seq = 0;
  std::optional<int> status{};
  bool partial = false;
  std::size_t size = 0;  // of the body
};

/// What a story is to be about: ids, or globs of them. Of each kind that is given one has to fit.
struct Selection {
  std::vector<std::string> tasks{};
  std::vector<std::string> agents{};
  std::vector<std::string> frameworks{};
  std::vector<std::string> executors{};
  std::vector<std::string> offers{};

  bool empty() const {
    return tasks.empty() && agents.empty() && frameworks.empty() && executors.empty() &&
           offers.empty();
  }
};

struct StoryOptions {
  Selection selection{};
  /// All connections of a process are seen: when they end, it has ended.
  bool departures = true;
  /// Steps are told also where nothing was asked for.
  bool steps = false;
  /// About so much is held; what is more is forgotten, and counted.
  std::size_t memory = std::size_t{512} << 20;
};

class StoryEvents {
 public:
  virtual ~StoryEvents() = default;
  virtual void on_step(const Step& step) = 0;
  virtual void on_conversation(const Conversation& conversation) = 0;
  virtual void on_finding(const Finding& finding) = 0;
};

struct StoryCounts {
  std::uint64_t messages = 0;
  std::uint64_t undecodable = 0;  // of all messages those whose body could not be read
  std::uint64_t conversations = 0;
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;           // resent ones too
  std::uint64_t findings[3] = {0, 0, 0};  // by severity
  std::uint64_t forgotten = 0;            // for want of room
};

/// One thread. Bounded: what is forgotten is counted.
class Stories {
 public:
  /// All three outlive it.
  Stories(const Facts& facts, const schema::Catalog& catalog, StoryEvents& events,
          StoryOptions options);

  /// The next message, in order of time. `source`: the address that it came from, without a port,
  /// if that is not its sender's; else empty.
  void add(const Message& message, std::string_view source);
  /// A connection that had messages has ended, after those that were added.
  void add_end(const LinkEnd& end) {
    if (has_departures_) departures_.add(end);
  }
  void add_gap(Time time, std::uint64_t conn, std::uint64_t bytes);
  /// That message, which was added without a status, has got one.
  void add_late_status(const Message& message);
  /// The capture shows what came before `end`, and no more.
  void finish(Time end);

  const StoryCounts& counts();
  /// Those of the selection, in the order in which they were first seen.
  template <class F>
  void for_each_entity(F&& f) const {
    entities_.for_each([&](const Entity& entity) {
      if (is_selected(entity)) f(entity);
    });
  }
  const Entities& entities() const { return entities_; }
  /// "S0" of "…-S0", "0001" of a framework; the id itself when it has no such end.
  static std::string_view short_id(std::string_view id);
  /// "master", "agent S0", "framework 0001": who is at that PID.
  std::string role_at(std::string_view pid) const;

 private:
  bool is_selected(const Reading& message) const;
  bool is_selected(const Entity& entity) const;
  bool is_selected_at(std::string_view pid) const;
  Selects selects() const;
  void on_conversation(const Conversation& conversation);
  void on_finding(const Finding& finding);
  void on_departure(const Departure& departure);
  void tell_gaps();
  void add_ids_of_client(const Reading& message);
  void take_step(const Reading& message);
  void hold_back(const Step& step);
  void release_held(const Reading& message);
  void tell(Step step);

  const Facts& facts_;
  StoryEvents& events_;
  Selection selection_;
  bool has_departures_;
  bool has_steps_;
  Reader reader_;
  Entities entities_;
  Conversations conversations_;
  Findings findings_;
  Departures departures_;
  StoryCounts counts_;
  std::optional<Time> last_step_;
  struct Gap {
    Time time{};
    std::uint64_t bytes = 0;
  };
  std::map<std::uint64_t, Gap> gaps_;              // by connection, of which it is the first
  std::unordered_set<std::uint64_t> story_conns_;  // that the story that was asked for is on
  /// What an agent, a scheduler or an executor said, and was told, before it had its id.
  std::unordered_map<std::string, std::vector<Step>> held_;
};

}  // namespace compactor::trace
