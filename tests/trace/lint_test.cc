// What makes its receiver abort, and what only looks like it.
#include "trace/lint.h"

#include <doctest/doctest.h>

#include <string>

#include "schema/json_reader.h"

namespace trace_lint_test {

using compactor::schema::Catalog;
using compactor::schema::JsonReader;
using compactor::trace::Lint;

namespace {

class Checked {
 public:
  /// Whether a process with that PID aborts on a message of JSON.
  bool aborts(const std::string& to, const std::string& name, const std::string& json) {
    return !lint_.fatal(to, name, reader_.encode_text(*catalog_.for_mailbox(name), json)).empty();
  }

 private:
  Catalog catalog_;
  JsonReader reader_{catalog_, {.allow_missing = true}};
  Lint lint_{catalog_};
};

const std::string master = "master@10.0.0.1:5050";
const std::string agent = "slave(1)@10.0.0.5:5051";
const std::string executor = "executor(1)@10.0.0.5:40000";
const std::string replica = "log-replica(1)@10.0.0.1:5050";
const std::string uuid = "\"AAAAAAAAQACAAAAAAAAAAA==\"";  // version 4
const std::string no_uuid = "\"AAAAAAAAAACAAAAAAAAAAA==\"";

}  // namespace

TEST_CASE("a status update needs a pid, and its uuid twice") {
  Checked check;
  const std::string name = "mesos.internal.StatusUpdateMessage";
  const auto update = [&](const std::string& outer, const std::string& inner,
                          const std::string& pid) {
    return "{\"update\":{\"status\":{\"task_id\":{\"value\":\"t\"}" + inner + "}" + outer + "}" +
           pid + "}";
  };
  const std::string pid = ",\"pid\":\"slave(1)@10.0.0.5:5051\"";
  const std::string id = ",\"uuid\":" + uuid;
  CHECK(check.aborts(master, name, update("", "", "")));
  CHECK(check.aborts(master, name, update("", "", ",\"pid\":\"@0.0.0.0:0\"")));
  CHECK_FALSE(check.aborts(master, name, update("", "", pid)));
  CHECK(check.aborts(master, name, update(id, "", pid)));
  CHECK_FALSE(check.aborts(master, name, update(id, id, pid)));
  // Others than a master do not mind.
  CHECK_FALSE(check.aborts("scheduler-1@10.0.0.9:1", name, update("", "", "")));
  CHECK_FALSE(check.aborts("own@10.0.0.9:1", name, update("", "", "")));
}

TEST_CASE("the status of an operation says of which agent, and of which operation") {
  Checked check;
  const std::string name = "mesos.internal.UpdateOperationStatusMessage";
  const std::string agent_id = "\"slave_id\":{\"value\":\"S0\"}";
  CHECK(check.aborts(master, name, "{\"operation_uuid\":{\"value\":" + uuid + "}}"));
  CHECK(check.aborts(master, name, "{" + agent_id + "}"));
  CHECK_FALSE(check.aborts(master, name, "{" + agent_id + ",\"framework_id\":{\"value\":\"F\"}}"));
}

TEST_CASE("a task has a command or an executor") {
  Checked check;
  const std::string name = "mesos.internal.RunTaskMessage";
  const std::string command = "\"command\":{\"value\":\"true\"}";
  const std::string own = "\"executor\":{\"executor_id\":{\"value\":\"e\"}}";
  CHECK(check.aborts(agent, name, "{\"task\":{}}"));
  CHECK(check.aborts(agent, name, "{\"task\":{" + command + "," + own + "}}"));
  CHECK_FALSE(check.aborts(agent, name, "{\"task\":{" + command + "}}"));
  CHECK_FALSE(check.aborts(agent, name, "{\"task\":{" + own + "}}"));
  CHECK_FALSE(check.aborts(executor, name, "{\"task\":{}}"));
}

TEST_CASE("an acknowledgement has a UUID") {
  Checked check;
  const std::string name = "mesos.internal.StatusUpdateAcknowledgementMessage";
  for (const auto& to : {agent, executor}) {
    CHECK(check.aborts(to, name, "{\"uuid\":" + no_uuid + "}"));
    CHECK(check.aborts(to, name, "{\"uuid\":\"AAAA\"}"));
    CHECK_FALSE(check.aborts(to, name, "{\"uuid\":" + uuid + "}"));
  }
  CHECK_FALSE(check.aborts(master, name, "{\"uuid\":\"AAAA\"}"));
}

TEST_CASE("an entry of the log is learned, and has what its type says") {
  Checked check;
  const std::string name = "mesos.internal.log.LearnedMessage";
  CHECK(check.aborts(replica, name, R"({"action":{"type":"NOP","nop":{}}})"));
  CHECK(check.aborts(replica, name, R"({"action":{"learned":true,"type":"APPEND","nop":{}}})"));
  CHECK_FALSE(check.aborts(replica, name, R"({"action":{"learned":true,"type":"NOP","nop":{}}})"));
  const std::string write = "mesos.internal.log.WriteRequest";
  CHECK(check.aborts(replica, write, R"({"type":"TRUNCATE"})"));
  CHECK_FALSE(check.aborts(replica, write, R"({"type":"TRUNCATE","truncate":{"to":1}})"));
}

}  // namespace trace_lint_test
