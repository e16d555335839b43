// Messages of Mesos for the tests of stories: bodies from JSON, times from the beginning of the
// test.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "trace/stories.h"

namespace stories {

using namespace compactor::trace;
using namespace std::chrono_literals;

inline const std::string kMaster = "master@10.0.0.1:5050";
inline const std::string kAgent = "slave(1)@10.0.0.2:5051";
inline const std::string kObserver = "slave-observer(1)@10.0.0.1:5050";
inline const std::string kScheduler = "scheduler-f5bddf28@10.0.0.3:4000";
inline const std::string kExecutor = "executor(1)@10.0.0.2:4001";

/// Feeds Stories, and keeps what they tell.
class Teller : public StoryEvents {
 public:
  explicit Teller(const Selection& selection = {}) : Teller(StoryOptions{.selection = selection}) {}
  explicit Teller(const StoryOptions& options) : stories(facts, catalog, *this, options) {}

  /// One message of mesos.internal, after `wait`.
  void say(const std::string& from, const std::string& to, const std::string& name,
           const std::string& json = "{}", std::chrono::nanoseconds wait = 1ms,
           std::optional<int> status = 202) {
    say_as("mesos.internal." + name, from, to, json, wait, status);
  }
  void call(const std::string& json, std::chrono::nanoseconds wait = 1ms) {
    say_as("mesos.scheduler.Call", kScheduler, kMaster, json, wait, 202);
  }
  void say_as(const std::string& name, const std::string& from, const std::string& to,
              const std::string& json, std::chrono::nanoseconds wait, std::optional<int> status) {
    now += wait;
    const auto body = reader.encode_text(catalog.get(name), json);
    Message message;
    message.time = now;
    message.from = from;
    message.to = to;
    message.name = name;
    message.body = body;
    message.size = body.size();
    message.conn = conn;
    message.seq = ++seq;
    message.status = status;
    stories.add(message, source);
  }
  /// An update of a task, as it passes one hop.
  void update(const std::string& from, const std::string& to, const std::string& task,
              const std::string& state, const std::string& uuid,
              std::chrono::nanoseconds wait = 1ms, const std::string& more = "") {
    say(from, to, "StatusUpdateMessage",
        R"({"update":{"framework_id":{"value":"F"},"status":{"task_id":{"value":")" + task +
            R"("},"state":")" + state + "\"" + more + R"(},"timestamp":1,"uuid":")" + uuid +
            R"("},"pid":")" + from + "\"}",
        wait);
  }
  void acknowledge(const std::string& from, const std::string& to, const std::string& task,
                   const std::string& uuid, std::chrono::nanoseconds wait = 1ms) {
    say(from, to, "StatusUpdateAcknowledgementMessage",
        R"({"slave_id":{"value":"S"},"framework_id":{"value":"F"},"task_id":{"value":")" + task +
            R"("},"uuid":")" + uuid + "\"}",
        wait);
  }
  void end(std::chrono::nanoseconds wait = 1ms) { stories.finish(now + wait); }

  void on_step(const Step& step) override { steps.push_back(step); }
  void on_conversation(const Conversation& conversation) override {
    conversations.push_back(conversation);
  }
  void on_finding(const Finding& finding) override { findings.push_back(finding); }

  /// "RegisterSlave=answered*2 …": what became of each, and how often it was sent.
  std::string told() const {
    std::string text;
    for (const Conversation& each : conversations) {
      if (!text.empty()) text += ' ';
      text += each.kind.substr(each.kind.rfind('.') + 1);
      text.append("=").append(to_string(each.outcome));
      if (each.attempts > 1) text += "*" + std::to_string(each.attempts);
    }
    return text;
  }
  /// "error:agent_lost …"
  std::string found() const {
    std::string text;
    for (const Finding& each : findings) {
      if (!text.empty()) text += ' ';
      text.append(to_string(each.severity)).append(":").append(each.code);
    }
    return text;
  }

  Facts facts;
  compactor::schema::Catalog catalog;
  compactor::schema::JsonReader reader{catalog};
  Stories stories;
  std::string source;
  Time now{std::chrono::hours(24 * 365 * 50)};
  std::uint64_t conn = 1;
  std::uint64_t seq = 0;
  std::vector<Step> steps;
  std::vector<Conversation> conversations;
  std::vector<Finding> findings;
};

}  // namespace stories
