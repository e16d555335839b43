#include "trace/entities.h"

#include <doctest/doctest.h>

#include "support/story_kit.h"

namespace trace_entities_test {

using namespace stories;

namespace {

const std::string kUuid = "AAAAAAAAQACAAAAAAAAAAA==";
const std::string kUuidText = "00000000-0000-4000-8000-000000000000";

/// Entities alone, of which few are kept.
struct Few {
  explicit Few(std::size_t most) : entities(most) {}

  void say(const std::string& from, const std::string& to, const std::string& name,
           const std::string& json) {
    const auto body = json_reader.encode_text(catalog.get(name), json);
    Message message;
    message.time = Time(std::chrono::seconds(++seconds));
    message.from = from;
    message.to = to;
    message.name = name;
    message.body = body;
    entities.add(reader.read(message));
  }
  void call(const std::string& client, const std::string& framework) {
    say(client, kMaster, "mesos.v1.scheduler.Call",
        R"({"type":"REVIVE","framework_id":{"value":")" + framework + "\"}}");
  }
  void lose(const std::string& agent) {
    say(kMaster, kScheduler, "mesos.internal.LostSlaveMessage",
        R"({"slave_id":{"value":")" + agent + "\"}}");
  }

  Facts facts;
  compactor::schema::Catalog catalog;
  compactor::schema::JsonReader json_reader{catalog};
  Reader reader{facts, catalog};
  Entities entities;
  int seconds = 0;
};

std::vector<std::string> ids_of(const Entities& entities, Kind kind) {
  std::vector<std::string> ids;
  entities.for_each([&](const Entity& entity) {
    if (entity.kind == kind) ids.push_back(entity.id);
  });
  return ids;
}

}  // namespace

TEST_CASE("what is forgotten leaves none of its ends behind") {
  Few f(4);
  f.call("10.0.0.7:1001", "F");
  f.call("10.0.0.7:1002", "F");
  REQUIRE(f.entities.at("10.0.0.7:1001") != nullptr);
  REQUIRE(f.entities.at("10.0.0.7:1002") != nullptr);
  for (const char* other : {"A", "B", "C", "D"}) f.call("10.0.0.9:1", other);
  CHECK(f.entities.forgotten() > 0);
  CHECK(f.entities.find(Kind::framework, "F") == nullptr);
  CHECK(f.entities.at("10.0.0.7:1001") == nullptr);
  CHECK(f.entities.at("10.0.0.7:1002") == nullptr);
  // It comes again, from elsewhere, and is not where it was.
  f.call("10.0.0.8:2000", "F");
  REQUIRE(f.entities.find(Kind::framework, "F") != nullptr);
  CHECK(f.entities.at("10.0.0.8:2000") == f.entities.find(Kind::framework, "F"));
  CHECK(f.entities.at("10.0.0.7:1001") == nullptr);
  CHECK(f.entities.find(Kind::framework, "F")->messages == 1);
}

TEST_CASE("the one not heard of for longest is forgotten, and those that have ended before it") {
  Few f(5);
  f.call("10.0.0.7:1", "F");  // with the master
  f.lose("A");
  f.call("10.0.0.7:1", "F");
  f.lose("B");
  f.lose("C");
  f.call("10.0.0.7:1", "F");
  f.lose("D");
  f.lose("E");
  CHECK(f.entities.find(Kind::framework, "F") != nullptr);
  CHECK(ids_of(f.entities, Kind::agent) == std::vector<std::string>{"C", "D", "E"});
  CHECK(f.entities.forgotten() == 2);
}

TEST_CASE(
    "whether a framework has a task that runs is known as tasks come, end and are forgotten") {
  Few f(5);
  const auto update = [&](const std::string& task, const std::string& state) {
    f.say(kAgent, kMaster, "mesos.internal.StatusUpdateMessage",
          R"({"update":{"framework_id":{"value":"F"},"status":{"task_id":{"value":")" + task +
              R"("},"state":")" + state + R"("},"timestamp":1},"pid":"x@1.1.1.1:1"})");
  };
  CHECK_FALSE(f.entities.has_running_task("F"));
  update("a", "TASK_RUNNING");
  update("b", "TASK_RUNNING");
  update("a", "TASK_FINISHED");
  update("a", "TASK_FINISHED");  // again
  CHECK(f.entities.has_running_task("F"));
  CHECK_FALSE(f.entities.has_running_task("G"));
  update("b", "TASK_LOST");
  CHECK_FALSE(f.entities.has_running_task("F"));
  update("c", "TASK_RUNNING");
  CHECK(f.entities.has_running_task("F"));
  for (const char* other : {"A", "B", "C", "D", "E", "G"}) f.call("10.0.0.9:1", other);
  CHECK_FALSE(f.entities.has_running_task("F"));  // its last one is forgotten
}

TEST_CASE("nothing is kept under an id longer than Mesos takes") {
  Few f(100);
  f.lose(std::string(255, 'a'));
  f.lose(std::string(256, 'b'));
  CHECK(ids_of(f.entities, Kind::agent) == std::vector<std::string>{std::string(255, 'a')});
}

TEST_CASE("they are told in the order in which they were first seen") {
  Few f(100);
  for (const char* agent : {"A", "B", "C", "A"}) f.lose(agent);
  CHECK(ids_of(f.entities, Kind::agent) == std::vector<std::string>{"A", "B", "C"});
}

TEST_CASE("a client has many ends, of which the oldest are forgotten") {
  Few f(100);
  for (int port = 1; port <= 1000; ++port) f.call("10.0.0.7:" + std::to_string(port), "F");
  CHECK(f.entities.at("10.0.0.7:1000") != nullptr);
  CHECK(f.entities.at("10.0.0.7:1") == nullptr);
}

TEST_CASE("an operation is one, by its UUID and by the id that its framework gave it") {
  Teller t;
  t.call(R"({"type":"ACCEPT","framework_id":{"value":"F"},"accept":{"offer_ids":[{"value":"O"}],)"
         R"("operations":[{"type":"RESERVE","id":{"value":"op"},"reserve":{}}]}})");
  const auto* known = t.stories.entities().find(Kind::operation, "op", "F");
  REQUIRE(known != nullptr);
  t.say(kMaster, kAgent, "ApplyOperationMessage",
        R"({"framework_id":{"value":"F"},"operation_info":{"type":"RESERVE","id":{"value":"op"},)"
        R"("reserve":{}},"operation_uuid":{"value":")" +
            kUuid + R"("},"resource_version_uuid":{"uuid":{"value":")" + kUuid + "\"}}}");
  known = t.stories.entities().find(Kind::operation, kUuidText);
  REQUIRE(known != nullptr);
  CHECK(known == t.stories.entities().find(Kind::operation, "op", "F"));
  CHECK(known->state == "OPERATION_PENDING");
  CHECK(known->messages == 2);
  t.say(kAgent, kMaster, "UpdateOperationStatusMessage",
        R"({"framework_id":{"value":"F"},"slave_id":{"value":"S"},"status":{"state":)"
        R"("OPERATION_FINISHED","operation_id":{"value":"op"}},"operation_uuid":{"value":")" +
            kUuid + "\"}}");
  known = t.stories.entities().find(Kind::operation, kUuidText);
  REQUIRE(known != nullptr);
  CHECK(ids_of(t.stories.entities(), Kind::operation) == std::vector<std::string>{"op"});
  CHECK(known->name == "RESERVE");
  CHECK(known->state == "OPERATION_FINISHED");
  CHECK(known->ended);
  CHECK(known->agent == "S");
  CHECK(known->framework == "F");
  CHECK(known->messages == 3);
}

TEST_CASE("an operation without an id has its UUID; one of sixteen letters is no UUID") {
  Teller t;
  t.say(kAgent, kMaster, "UpdateOperationStatusMessage",
        R"({"status":{"state":"OPERATION_FAILED"},"operation_uuid":{"value":")" + kUuid + "\"}}");
  t.call(R"({"type":"RECONCILE_OPERATIONS","framework_id":{"value":"F"},"reconcile_operations":)"
         R"({"operations":[{"operation_id":{"value":"sixteen-letters!"}}]}})");
  CHECK(ids_of(t.stories.entities(), Kind::operation) ==
        std::vector<std::string>{kUuidText, "sixteen-letters!"});
}

TEST_CASE("who has introduced itself is known by that once it has its id") {
  Teller t;
  t.say(kAgent, kMaster, "RegisterSlaveMessage", R"({"slave":{"hostname":"h"},"version":"1.9.0"})");
  t.say(kMaster, kAgent, "SlaveRegisteredMessage", R"({"slave_id":{"value":"S"}})");
  // Sent again: nothing new was said in between.
  t.say(kMaster, kAgent, "SlaveRegisteredMessage", R"({"slave_id":{"value":"S"}})");
  const auto* agent = t.stories.entities().find(Kind::agent, "S");
  REQUIRE(agent != nullptr);
  CHECK(agent->name == "h");
  CHECK(agent->version == "1.9.0");
  CHECK(agent->version_from == "RegisterSlaveMessage");
  CHECK(agent->pid == kAgent);
}

}  // namespace trace_entities_test
