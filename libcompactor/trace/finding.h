// What is wrong, or worth knowing, in a capture: which messages show it, why it matters, and what
// to look at.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/body_report.h"
#include "trace/conversations.h"
#include "trace/departures.h"
#include "trace/entities.h"
#include "trace/key_set.h"
#include "trace/reading.h"

namespace compactor::trace {

enum class Severity : std::uint8_t { info, warning, error };
std::string_view to_string(Severity severity);

/// RegisterSlave, Call/SUBSCRIBE: the name of a type, or of a kind, for people.
std::string short_name(std::string_view kind);

/// Where a message is.
struct Evidence {
  std::uint64_t conn = 0;
  std::uint64_t seq = 0;
};

struct Finding {
  Severity severity = Severity::info;
  std::string_view code{};  // agent_lost, task_failed …; one word that programs know it by
  Time time{};
  std::string message{};    // what is so; text of peers may be in it
  std::string_view hint{};  // what to look at, or to do
  Keys keys{};
  std::vector<Evidence> evidence{};
  bool selected = true;  // it is about the story that was asked for
};

/// Looks at messages and conversations as they come. Each thing is told once.
class Findings {
 public:
  using Tell = std::function<void(const Finding&)>;

  /// The entities are those of the messages before the one at hand. All three outlive this.
  Findings(const Facts& facts, const schema::Catalog& catalog, const Entities& entities, Tell tell,
           Selects selects = {})
      : facts_(facts),
        body_reporter_(catalog),
        entities_(entities),
        tell_(std::move(tell)),
        selects_(std::move(selects)) {}

  /// Before the entities learn of it. `source`: the address that it came from, as in 10.0.0.5, if
  /// that is not its sender's; else empty.
  void add(const Reading& message, std::string_view source);
  /// Only what its status says.
  void add_status(const Reading& message) { look_at_status(message); }
  void add(const Conversation& conversation);
  /// `selected`: of both, whether it is about the story that was asked for.
  void add(const Departure& departure, bool selected = true);
  /// Bytes that were not captured.
  void add_gap(Time time, std::uint64_t conn, std::uint64_t bytes, bool selected = true);

  /// Of what was told, or is known, for want of room.
  std::uint64_t forgotten() const {
    return told_.forgotten() + killed_.forgotten() + torn_down_.forgotten() + present_.forgotten() +
           removed_forgotten_;
  }

 private:
  static constexpr std::size_t kMostTold = 100'000;
  static constexpr std::size_t kMostKnown = 200'000;

  struct Agent {
    std::string pid{};
    std::vector<Time> registrations{};
  };

  void look_at_status(const Reading& message);
  void look_at_size(const Reading& message);
  void look_at_sender(const Reading& message, std::string_view source);
  void look_at_task(const Reading& message);
  void look_at_agent(const Reading& message);
  void look_at_framework(const Reading& message);
  void look_at_executor(const Reading& message);
  void look_at_registration(const Reading& message);
  void look_at_version(const Reading& message);
  // body_findings.cc
  void look_at_body(const Reading& message);
  void look_at_whereabouts(const Reading& message);

  void look_at_silence(const Conversation& conversation);
  void look_at_attempts(const Conversation& conversation);
  void look_at_time(const Conversation& conversation);

  /// False when it was told before.
  template <class... What>
  bool is_new(std::string_view code, const What&... what) {
    return told_.insert(KeyMaker::of(code, what...));
  }
  void tell(Severity severity, std::string_view code, const Reading& message, std::string text,
            std::string_view hint);
  void tell(Severity severity, std::string_view code, const Conversation& conversation,
            std::string text, std::string_view hint);

  const Facts& facts_;
  BodyReporter body_reporter_;
  const Entities& entities_;
  Tell tell_;
  Selects selects_;
  KeySet told_{kMostTold};
  std::unordered_map<std::string, Agent> agents_;  // by id
  KeySet killed_{kMostKnown};                      // tasks, that somebody asked to kill
  KeySet torn_down_{kMostKnown};                   // frameworks
  KeySet present_{kMostKnown};                     // PIDs of agents that registered, or are pinged
  std::unordered_map<std::string, Time> removed_;  // agents, and when that was told
  std::uint64_t removed_forgotten_ = 0;
  struct Usual {
    std::uint64_t count = 0;
    double mean_us = 0;
  };
  std::unordered_map<std::string, Usual> usual_;  // round trips, by kind
};

}  // namespace compactor::trace
