#include <doctest/doctest.h>

#include "support/story_kit.h"

namespace trace_conversations_test {

using namespace stories;

namespace {

const std::string kUuid = "AAAAAAAAQACAAAAAAAAAAA==";
const std::string kOther = "AQAAAAAAQACAAAAAAAAAAA==";
const std::string kInfo = R"({"slave":{"hostname":"h"},"version":"1.11.0"})";

}  // namespace

TEST_CASE("a pong answers the last ping before it, and a ping is never another's") {
  Teller t;
  for (int i = 0; i < 3; ++i)
    t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})", 15s);
  t.say(kAgent, kObserver, "PongSlaveMessage", "{}", 2ms);
  t.end();
  CHECK(t.told() ==
        "PingSlaveMessage=unanswered PingSlaveMessage=unanswered PingSlaveMessage=answered");
  CHECK(t.conversations.back().round_trip() == 2ms);
  CHECK(t.found() == "warning:pong_missing warning:pong_missing");
}

TEST_CASE("an answer between other ends is nobody's") {
  Teller t;
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})");
  t.say("slave(1)@10.0.0.9:5051", kObserver, "PongSlaveMessage");
  t.say(kAgent, "slave-observer(2)@10.0.0.1:5050", "PongSlaveMessage");
  t.end();
  CHECK(t.told() == "PingSlaveMessage=open");
}

TEST_CASE("what is sent again is one conversation") {
  Teller t;
  t.say(kAgent, kMaster, "RegisterSlaveMessage", kInfo);
  t.say(kAgent, kMaster, "RegisterSlaveMessage", kInfo, 2s);
  t.say(kMaster, kAgent, "SlaveRegisteredMessage", R"({"slave_id":{"value":"S"}})", 1s);
  t.end();
  CHECK(t.told() == "RegisterSlaveMessage=answered*2 SlaveRegisteredMessage=open");
  CHECK(t.conversations.front().round_trip() == 3s);
  CHECK(t.conversations.front().request.seq == 1);
}

TEST_CASE("sent again and never answered") {
  Teller t;
  for (int i = 0; i < 4; ++i) t.say(kAgent, kMaster, "RegisterSlaveMessage", kInfo, 30s);
  t.end(5min);
  CHECK(t.told() == "RegisterSlaveMessage=resent*4");
  CHECK(t.found() == "warning:no_answer warning:resent");
}

TEST_CASE("whether it is open or unanswered depends on when the capture ends") {
  for (const auto& [wait, told] : {std::pair(9s, "RegisterExecutorMessage=open"),
                                   std::pair(11s, "RegisterExecutorMessage=unanswered")}) {
    Teller t;
    t.say(kExecutor, kAgent, "RegisterExecutorMessage",
          R"({"framework_id":{"value":"F"},"executor_id":{"value":"E"}})");
    t.end(wait);
    CHECK(t.told() == told);
  }
}

TEST_CASE("refused, by an answer or by HTTP") {
  Teller t;
  t.say(kExecutor, kAgent, "RegisterExecutorMessage",
        R"({"framework_id":{"value":"F"},"executor_id":{"value":"E"}})");
  t.say(kAgent, kExecutor, "ShutdownExecutorMessage");
  t.say(kObserver, kAgent, "PingSlaveMessage", R"({"connected":true})", 1ms, 404);
  t.end();
  CHECK(t.told() == "RegisterExecutorMessage=refused PingSlaveMessage=refused");
}

TEST_CASE("each hop of an update is a conversation of its own; what is passed on is a leg") {
  Teller t;
  t.update(kExecutor, kAgent, "t", "TASK_RUNNING", kUuid);
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.acknowledge(kAgent, kExecutor, "t", kUuid);
  t.update(kMaster, kScheduler, "t", "TASK_RUNNING", kUuid);
  t.call(
      R"({"type":"ACKNOWLEDGE","framework_id":{"value":"F"},"acknowledge":{"slave_id":{"value":"S"},)"
      R"("task_id":{"value":"t"},"uuid":")" +
      kUuid + "\"}}");
  t.acknowledge(kMaster, kAgent, "t", kUuid);
  t.end();
  CHECK(t.told() ==
        "StatusUpdateMessage=answered StatusUpdateMessage=answered StatusUpdateMessage=answered "
        "Call/ACKNOWLEDGE=answered");
  // The agent's, to the master: what the master passed on to the scheduler.
  REQUIRE(t.conversations[2].legs.size() == 1);
  CHECK(t.conversations[2].legs[0].to == kScheduler);
  CHECK(t.conversations[2].keys.uuid == "00000000-0000-4000-8000-000000000000");
}

TEST_CASE("an acknowledgement of another update, or another task, is none of this one") {
  Teller t;
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.acknowledge(kMaster, kAgent, "t", kOther);
  t.acknowledge(kMaster, kAgent, "u", kUuid);
  t.end(30s);
  CHECK(t.told() == "StatusUpdateMessage=unanswered");
  CHECK(t.found() == "warning:update_not_acknowledged");
}

TEST_CASE("an update without a uuid asks for nothing") {
  Teller t;
  t.say(
      kMaster, kScheduler, "StatusUpdateMessage",
      R"({"update":{"framework_id":{"value":"F"},"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING"},"timestamp":1}})");
  t.end(1h);
  CHECK(t.told().empty());
}

TEST_CASE("a framework that is torn down acknowledges no more") {
  Teller t;
  t.update(kAgent, kMaster, "t", "TASK_RUNNING", kUuid);
  t.call(R"({"type":"TEARDOWN","framework_id":{"value":"F"}})");
  t.end(1h);
  CHECK(t.told().find("StatusUpdateMessage=ended") != std::string::npos);
  CHECK(t.found().empty());
}

TEST_CASE("an offer is answered by who uses it or declines it, and ended by who takes it back") {
  const std::string offers =
      R"({"offers":[{"id":{"value":"O1"},"framework_id":{"value":"F"},"slave_id":{"value":"S"},"hostname":"h"}],"pids":["x"]})";
  Teller t;
  t.say(kMaster, kScheduler, "ResourceOffersMessage", offers);
  t.call(
      R"({"type":"DECLINE","framework_id":{"value":"F"},"decline":{"offer_ids":[{"value":"O1"}]}})");
  t.end();
  CHECK(t.told() == "ResourceOffersMessage=answered");
  Teller u;
  u.say(kMaster, kScheduler, "ResourceOffersMessage", offers);
  u.say(kMaster, kScheduler, "RescindResourceOfferMessage", R"({"offer_id":{"value":"O1"}})");
  u.end();
  CHECK(u.told() == "ResourceOffersMessage=ended");
}

TEST_CASE("what only leads to something is answered by the first of it") {
  Teller t;
  t.call(R"({"type":"KILL","framework_id":{"value":"F"},"kill":{"task_id":{"value":"t"}}})");
  t.say(kMaster, kAgent, "KillTaskMessage",
        R"({"task_id":{"value":"t"},"framework_id":{"value":"F"}})");
  t.end();
  CHECK(t.told() == "Call/KILL=answered KillTaskMessage=open");
}

TEST_CASE("an answer to what was asked before the capture is no conversation") {
  Teller t;
  t.say(kMaster, kAgent, "SlaveReregisteredMessage", R"({"slave_id":{"value":"S"}})");
  t.acknowledge(kMaster, kAgent, "t", kUuid);
  t.say(kAgent, kObserver, "PongSlaveMessage");
  t.end();
  CHECK(t.told() == "SlaveReregisteredMessage=open");
}

TEST_CASE("what waits is bounded, and what is forgotten is counted") {
  Facts facts;
  compactor::schema::Catalog catalog;
  Reader reader(facts, catalog);
  std::size_t told = 0;
  Conversations conversations(reader, [&](const Conversation&) { ++told; },
                              {.open = 10, .legs = 2});
  std::vector<std::string> agents;
  for (int i = 0; i < 100; ++i) agents.push_back("slave(1)@10.0.1." + std::to_string(i) + ":5051");
  for (const auto& agent : agents) {
    Message message;
    message.from = kObserver;
    message.to = agent;
    message.name = "mesos.internal.PingSlaveMessage";
    conversations.add(reader.read(message));
  }
  CHECK(conversations.forgotten() == 90);
  conversations.finish(Time{} + 1h);
  CHECK(told == 10);
}

}  // namespace trace_conversations_test
