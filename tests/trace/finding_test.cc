#include <doctest/doctest.h>

#include "support/story_kit.h"

namespace trace_finding_test {

using namespace stories;

namespace {

const std::string kUuid = "AAAAAAAAQACAAAAAAAAAAA==";

void register_agent(Teller& t, const std::string& agent = kAgent, const std::string& id = "S") {
  t.say(agent, kMaster, "RegisterSlaveMessage", R"({"slave":{"hostname":"h"},"version":"1.11.0"})");
  t.say(kMaster, agent, "SlaveRegisteredMessage", R"({"slave_id":{"value":")" + id + "\"}}");
  t.say(agent, kMaster, "UpdateSlaveMessage", R"({"slave_id":{"value":")" + id + "\"}}");
}

}  // namespace

TEST_CASE("an agent that comes and answers is nothing to tell") {
  Teller t;
  t.source = "";
  register_agent(t);
  for (int i = 0; i < 10; ++i) {
    t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})", 15s);
    t.say(kAgent, kObserver, "PongSlaveMessage");
  }
  t.end(1s);
  CHECK(t.found().empty());
}

TEST_CASE("an agent that is lost, disconnected, or told to go") {
  Teller t;
  t.say(kMaster, kScheduler, "LostSlaveMessage", R"({"slave_id":{"value":"S"}})");
  t.say(kMaster, "scheduler-2@10.0.0.4:1", "LostSlaveMessage", R"({"slave_id":{"value":"S"}})");
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":false})");
  t.say(kAgent, kObserver, "PongSlaveMessage");
  t.say(kMaster, kAgent, "ShutdownMessage", R"({"message":"Machine is DOWN"})");
  t.end();
  CHECK(t.found() == "error:agent_lost warning:agent_disconnected error:agent_lost");
  CHECK(t.findings[0].keys.agent == "S");
  CHECK(t.findings[2].message.find("Machine is DOWN") != std::string::npos);
}

TEST_CASE("an agent that registers again and again, or has lost its id") {
  Teller t;
  register_agent(t);
  for (int i = 0; i < 3; ++i) {
    t.say(kAgent, kMaster, "ReregisterSlaveMessage",
          R"({"slave":{"hostname":"h","id":{"value":"S"}},"version":"1.11.0"})", 10s);
    t.say(kMaster, kAgent, "SlaveReregisteredMessage", R"({"slave_id":{"value":"S"}})");
    t.say(kAgent, kMaster, "UpdateSlaveMessage", R"({"slave_id":{"value":"S"}})");
  }
  register_agent(t);
  CHECK(t.found() == "error:reregistration_loop error:duplicate_agent");
}

TEST_CASE("two agents with one id") {
  Teller t;
  register_agent(t);
  register_agent(t, "slave(1)@10.0.0.9:5051");
  CHECK(t.found() == "error:duplicate_agent");
}

TEST_CASE("how a task ends badly, once for all hops, with its reason") {
  Teller t;
  const std::string why =
      R"(,"reason":"REASON_CONTAINER_LIMITATION_MEMORY","message":"Memory limit exceeded")";
  t.update(kAgent, kMaster, "t", "TASK_FAILED", kUuid, 1ms, why);
  t.acknowledge(kMaster, kAgent, "t", kUuid);
  t.update(kMaster, kScheduler, "t", "TASK_FAILED", kUuid, 1ms, why);
  CHECK(t.found() == "error:task_failed");
  CHECK(t.findings[0].message ==
        "task t is TASK_FAILED, REASON_CONTAINER_LIMITATION_MEMORY: Memory limit exceeded");
  CHECK(t.findings[0].hint.find("memory") != std::string::npos);
  CHECK(t.findings[0].evidence[0].seq == 1);
}

TEST_CASE("a task that is killed is worth an error only when nobody asked for it") {
  Teller t;
  t.update(kAgent, kMaster, "t", "TASK_KILLED", kUuid);
  CHECK(t.found() == "error:task_killed");
  Teller u;
  u.call(R"({"type":"KILL","framework_id":{"value":"F"},"kill":{"task_id":{"value":"t"}}})");
  u.update(kAgent, kMaster, "t", "TASK_KILLED", kUuid);
  CHECK(u.found() == "info:task_killed");
}

TEST_CASE("states that are no end, and a good end, are nothing to tell") {
  Teller t;
  for (const char* state : {"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"})
    t.update(kAgent, kMaster, "t", state, kUuid);
  CHECK(t.found().empty());
}

TEST_CASE("a framework that is refused, or shut down with a task running") {
  Teller t;
  t.call(R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}})");
  t.say(kMaster, kScheduler, "FrameworkErrorMessage", R"({"message":"Framework failed over"})");
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.say(kMaster, kAgent, "ShutdownFrameworkMessage", R"({"framework_id":{"value":"F"}})");
  t.end();
  CHECK(t.found() == "error:framework_error warning:framework_removed");
}

TEST_CASE("a framework that asks to be shut down is nothing to tell") {
  Teller t;
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.call(R"({"type":"TEARDOWN","framework_id":{"value":"F"}})");
  t.say(kMaster, kAgent, "ShutdownFrameworkMessage", R"({"framework_id":{"value":"F"}})");
  CHECK(t.found().empty());
}

TEST_CASE("an executor that ends with a status") {
  const std::string ids =
      R"("slave_id":{"value":"S"},"framework_id":{"value":"F"},"executor_id":{"value":"E"})";
  for (const auto& [status, found] : {std::pair("0", ""), std::pair("9", "warning:exited")}) {
    Teller t;
    t.say(kExecutor, kAgent, "RegisterExecutorMessage",
          R"({"framework_id":{"value":"F"},"executor_id":{"value":"E"}})");
    t.say(kAgent, kMaster, "ExitedExecutorMessage", "{" + ids + ",\"status\":" + status + "}");
    CHECK(t.found() == found);
  }
}

TEST_CASE(
    "a process that ends all its connections at once has ended; those of one message are none") {
  const auto ended = [](Teller& t, std::uint64_t conn, bool accepted) {
    LinkEnd end{t.now, conn, "10.0.0.1:5050", "10.0.0.2:5051", accepted, false};
    t.stories.add_end(end);
  };
  Teller t;
  register_agent(t);
  t.conn = 2;
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
  ended(t, 1, true);
  CHECK(t.found().empty());  // the other one is still there
  ended(t, 2, false);
  CHECK(t.found() == "warning:exited");
  CHECK(t.findings[0].message.find("master@10.0.0.1:5050 ended") == 0);
  CHECK(t.findings[0].message.find("noticed by slave(1)@10.0.0.2:5051") != std::string::npos);
  // Connections that it had opened itself, for a message each, as an unlinked sender does.
  Teller u;
  for (std::uint64_t conn = 1; conn < 5; ++conn) {
    u.conn = conn;
    u.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
    ended(u, conn, false);
  }
  CHECK(u.found().find("exited") == std::string::npos);
}

TEST_CASE("which process has ended can only be told where every connection and every end is seen") {
  const auto end_of = [](Teller& t, std::uint64_t conn) {
    return LinkEnd{t.now, conn, "10.0.0.1:5050", "10.0.0.2:5051", true, false};
  };
  const auto talk = [](Teller& t) {
    for (t.conn = 1; t.conn <= 3; ++t.conn)
      t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
  };
  StoryOptions blind;
  blind.departures = false;
  Teller t(blind);
  talk(t);
  for (const std::uint64_t conn : {1U, 2U, 3U}) t.stories.add_end(end_of(t, conn));
  CHECK(t.found().find("exited") == std::string::npos);
  // The end of one is not who ended it: the process has it no longer, and has ended.
  Teller u;
  talk(u);
  auto unclear = end_of(u, 2);
  unclear.unclear = true;
  u.stories.add_end(unclear);
  u.stories.add_end(end_of(u, 1));
  CHECK(u.found().find("exited") == std::string::npos);
  u.stories.add_end(end_of(u, 3));
  CHECK(u.found().find("warning:exited") != std::string::npos);
  // One of which sight was lost may be there still.
  Teller v;
  talk(v);
  unclear.lost_sight = true;
  v.stories.add_end(unclear);
  for (const std::uint64_t conn : {1U, 3U}) v.stories.add_end(end_of(v, conn));
  CHECK(v.found().find("exited") == std::string::npos);
}

TEST_CASE("what was told is remembered within bounds, and what is forgotten is counted") {
  KeySet set(3);
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(set.insert(KeyMaker::of(i)));
  CHECK_FALSE(set.insert(KeyMaker::of(std::uint64_t{4})));
  CHECK(set.forgotten() == 2);
  CHECK_FALSE(set.contains(KeyMaker::of(std::uint64_t{1})));
  CHECK(set.contains(KeyMaker::of(std::uint64_t{2})));
  Teller t;
  Message message;
  message.to = kAgent;
  message.from = kMaster;
  message.status = 404;
  for (int i = 0; i < 100'010; ++i) {
    const auto to = "process-" + std::to_string(i) + "@10.0.0.9:1";
    message.to = to;
    t.stories.add(message, "");
  }
  CHECK(t.findings.size() == 100'010);
  CHECK(t.stories.counts().forgotten == 10);
}

TEST_CASE("a sender that is not where its messages come from") {
  Teller t;
  register_agent(t);
  CHECK(t.found().empty());
  t.source = "10.0.0.2";
  for (const char* task : {"t", "u"})
    t.say(kMaster, kAgent, "KillTaskMessage",
          R"({"framework_id":{"value":"F"},"task_id":{"value":")" + std::string(task) + "\"}}");
  CHECK(t.found() == "warning:wrong_sender_address");
  CHECK(t.findings[0].message == "master@10.0.0.1:5050 sends from 10.0.0.2");
}

TEST_CASE("refused by HTTP; of an actor for one question that is gone, no trouble") {
  Teller t;
  t.say(kAgent, kMaster, "UnregisterSlaveMessage", R"({"slave_id":{"value":"S"}})", 1ms, 404);
  t.say(kAgent, kObserver, "PongSlaveMessage", "{}", 1ms, 404);
  CHECK(t.found() == "warning:refused info:refused");
}

TEST_CASE("releases that differ") {
  Teller t;
  t.call(R"({"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}})");
  t.say(
      kMaster, kScheduler, "FrameworkRegisteredMessage",
      R"({"framework_id":{"value":"F"},"master_info":{"id":"m","ip":1,"port":5050,"version":"1.9.0"}})");
  register_agent(t);
  CHECK(t.found() == "info:version_skew");
}

TEST_CASE("a body that is not what its name says") {
  Teller t;
  Message message;
  message.name = "mesos.internal.RegisterSlaveMessage";
  message.from = kAgent;
  message.to = kMaster;
  message.body = "this is no protobuf";
  t.stories.add(message, "");
  CHECK(t.found() == "warning:undecodable");
}

TEST_CASE("a task's story has its messages and no others") {
  Selection selection;
  selection.tasks = {"t"};
  Teller t(selection);
  register_agent(t);
  t.say(
      kMaster, kAgent, "RunTaskMessage",
      R"({"framework":{"user":"u","name":"n","id":{"value":"F"}},"task":{"name":"T","task_id":{"value":"t"},"slave_id":{"value":"S"}}})");
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid, 5ms);
  t.update(kAgent, kMaster, "other", "TASK_RUNNING", kUuid);
  t.acknowledge(kMaster, kAgent, "t", kUuid);
  t.end();
  REQUIRE(t.steps.size() == 3);
  CHECK(t.steps[0].says == "RunTask t \"T\"");
  CHECK(t.steps[0].to_role == "agent S");
  CHECK_FALSE(t.steps[0].delta.has_value());
  CHECK(t.steps[1].delta == 5ms);
  CHECK(t.told() == "RunTaskMessage=answered StatusUpdateMessage=answered");
}

TEST_CASE("an agent's story begins before it has its id") {
  Selection selection;
  selection.agents = {"S"};
  Teller t(selection);
  register_agent(t);
  register_agent(t, "slave(1)@10.0.0.9:5051", "other");
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
  REQUIRE(t.steps.size() == 4);
  CHECK(t.steps[0].name == "mesos.internal.RegisterSlaveMessage");
  CHECK(t.steps[3].says == "Ping connected true");
}

TEST_CASE(
    "a story has the conversations and the findings of its messages, whichever id comes first") {
  const auto tell = [](Teller& t) {
    register_agent(t);
    t.call(R"({"type":"ACCEPT","framework_id":{"value":"F"},"accept":{"offer_ids":[{"value":"O"}],)"
           R"("operations":[{"type":"LAUNCH","launch":{"task_infos":[)"
           R"({"name":"a","task_id":{"value":"first"},"slave_id":{"value":"S"}},)"
           R"({"name":"b","task_id":{"value":"second"},"slave_id":{"value":"S"}}]}}]}})");
    t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":false})");
    t.say(kObserver, "slave(1)@10.0.0.7:5051", "PingSlaveMessage", R"({"connected":false})");
    t.end();
  };
  Selection task;
  task.tasks = {"second"};
  Teller t(task);
  tell(t);
  CHECK(t.told() == "Call/ACCEPT=open");
  CHECK(t.found().empty());
  Selection agent;
  agent.agents = {"S"};
  Teller u(agent);
  tell(u);
  // Neither its registration nor a ping to it bears its id.
  CHECK(u.told() ==
        "RegisterSlaveMessage=answered SlaveRegisteredMessage=answered UpdateSlaveMessage=open "
        "Call/ACCEPT=open PingSlaveMessage=open");
  CHECK(u.found() == "warning:agent_disconnected");
  CHECK(u.stories.counts().conversations == 5);
}

TEST_CASE("of gaps a story has those on connections that it is on, at its end") {
  Selection agent;
  agent.agents = {"S"};
  Teller t(agent);
  t.conn = 7;
  t.stories.add_gap(t.now, 7, 100);
  t.stories.add_gap(t.now, 8, 100);
  register_agent(t);
  CHECK(t.found().empty());
  t.end();
  CHECK(t.found() == "warning:gap");
  CHECK(t.findings[0].evidence[0].conn == 7);
}

TEST_CASE("a body that lacks what its type requires: its receiver drops it") {
  Teller t;
  Message message;
  message.name = "mesos.internal.RegisterSlaveMessage";
  message.from = kAgent;
  message.to = kMaster;
  message.body = std::string_view(
      "\x12\x06"
      "1.11.0",
      8);
  message.size = message.body.size();
  t.stories.add(message, "");
  t.stories.add(message, "");
  CHECK(t.found() == "error:missing_required");
  CHECK(t.findings[0].message.find("lacks slave, which is required") != std::string::npos);
  // Of one that was not captured to its end, or not kept, nothing is known.
  Teller u;
  message.size = 100;
  u.stories.add(message, "");
  message.size = 8;
  message.partial = true;
  u.stories.add(message, "");
  CHECK(u.found().empty());
}

TEST_CASE("fields that nobody knows, or should use") {
  Teller t;
  const auto body = t.reader.encode_text(t.catalog.get("mesos.internal.RegisterSlaveMessage"),
                                         R"({"slave":{"hostname":"h"},"version":"1.11.0"})") +
                    std::string("\x98\x06\x01", 3);
  Message message;
  message.name = "mesos.internal.RegisterSlaveMessage";
  message.from = kAgent;
  message.to = kMaster;
  message.body = body;
  message.size = body.size();
  t.stories.add(message, "");
  CHECK(t.found() == "info:unknown_fields");
  CHECK(t.findings[0].message.find("99 (varint)") != std::string::npos);
  Teller u;
  register_agent(u);
  u.say(
      kMaster, kAgent, "RunTaskMessage",
      R"({"framework_id":{"value":"F"},"framework":{"user":"u","name":"n","id":{"value":"F"}},"task":{"name":"T","task_id":{"value":"t"},"slave_id":{"value":"S"}}})");
  CHECK(u.found() == "info:deprecated_field");
  CHECK(u.findings[0].message.find("framework_id") != std::string::npos);
}

TEST_CASE("agents that are not known to be there, and one that was removed and goes on") {
  const std::string run =
      R"({"framework":{"user":"u","name":"n","id":{"value":"F"}},"task":{"name":"T","task_id":{"value":"t"},"slave_id":{"value":"S"}}})";
  Teller t;
  t.say(kMaster, kAgent, "RunTaskMessage", run);
  CHECK(t.found() == "info:unknown_agent");
  Teller pinged;
  pinged.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
  pinged.say(kMaster, kAgent, "RunTaskMessage", run);
  CHECK(pinged.found().empty());
  Teller u;
  register_agent(u);
  u.say(kMaster, kScheduler, "LostSlaveMessage", R"({"slave_id":{"value":"S"}})");
  u.say(kAgent, kMaster, "UpdateSlaveMessage", R"({"slave_id":{"value":"S"}})");
  CHECK(u.found() == "error:agent_lost");  // it was under way
  u.say(kAgent, kMaster, "UpdateSlaveMessage", R"({"slave_id":{"value":"S"}})", 5s);
  CHECK(u.found() == "error:agent_lost warning:unknown_agent");
  // It comes back, and is known.
  Teller v;
  register_agent(v);
  v.say(kMaster, kScheduler, "LostSlaveMessage", R"({"slave_id":{"value":"S"}})");
  v.say(kAgent, kMaster, "ReregisterSlaveMessage",
        R"({"slave":{"hostname":"h","id":{"value":"S"}},"version":"1.11.0"})", 5s);
  v.say(kMaster, kAgent, "SlaveReregisteredMessage", R"({"slave_id":{"value":"S"}})");
  v.say(kAgent, kMaster, "UpdateSlaveMessage", R"({"slave_id":{"value":"S"}})", 5s);
  CHECK(v.found() == "error:agent_lost");
}

TEST_CASE("a large message; one far slower than others of its kind; an offer that nobody uses") {
  Teller t;
  Message message;
  message.from = kMaster;
  message.to = kScheduler;
  message.name = "greet";
  for (const std::size_t size : {std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    message.size = size;
    t.stories.add(message, "");
  }
  message.from = kAgent;
  message.size = std::size_t{17} << 20;
  t.stories.add(message, "");
  CHECK(t.found() == "info:large_message warning:large_message");
  Teller u;
  for (int i = 0; i < 12; ++i) {
    u.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})", 15s);
    u.say(kAgent, kObserver, "PongSlaveMessage", "{}", i == 11 ? 5s : 1ms);
  }
  CHECK(u.found() == "info:slow");
  Teller v;
  v.say(
      kMaster, kScheduler, "ResourceOffersMessage",
      R"({"offers":[{"id":{"value":"O1"},"framework_id":{"value":"F"},"slave_id":{"value":"S"},"hostname":"h"}],"pids":["x"]})");
  v.end(90s);
  CHECK(v.found() == "info:offer_unused");
}

TEST_CASE("an operator's teardown is somebody who asked for it") {
  Teller t;
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.say_as("mesos.v1.master.Call", "10.0.0.9:1", kMaster,
           R"({"type":"TEARDOWN","teardown":{"framework_id":{"value":"F"}}})", 1ms, 200);
  t.say(kMaster, kAgent, "ShutdownFrameworkMessage", R"({"framework_id":{"value":"F"}})");
  t.end();
  CHECK(t.found().empty());
  CHECK(t.told().find("Call/TEARDOWN=answered") != std::string::npos);
}

TEST_CASE("a refusal that comes late is found, and closes its conversation") {
  Teller t;
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})", 1ms, std::nullopt);
  Message message;
  message.name = "mesos.internal.PingSlaveMessage";
  message.from = kObserver;
  message.to = kAgent;
  message.conn = t.conn;
  message.seq = t.seq;
  message.status = 404;
  message.partial = true;
  t.stories.add_late_status(message);
  CHECK(t.found() == "warning:refused");
  CHECK(t.told() == "PingSlaveMessage=refused");
}

TEST_CASE("memory is bounded: what is forgotten is counted") {
  StoryOptions options;
  options.memory = 1 << 20;
  Teller t(options);
  for (int i = 0; i < 2000; ++i) {
    const auto task = "t" + std::to_string(i);
    t.update(kAgent, kMaster, task, "TASK_RUNNING", kUuid);
  }
  CHECK(t.stories.counts().forgotten > 2000);
  t.end();
  CHECK(t.conversations.size() < 500);
}

}  // namespace trace_finding_test
