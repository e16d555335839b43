#include "trace/body_report.h"

#include <doctest/doctest.h>

#include "schema/json_reader.h"

namespace trace_body_report_test {

using namespace compactor::trace;
using compactor::schema::Catalog;
using compactor::schema::JsonReader;

namespace {

struct Fixture {
  Catalog catalog;
  JsonReader reader{catalog};
  BodyReporter check{catalog};
  const google::protobuf::Descriptor& type = catalog.get("mesos.internal.RegisterSlaveMessage");
  const std::string good = reader.encode_text(
      type,
      R"({"slave":{"hostname":"h","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"*"}]},"version":"1.11.0"})");
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a body that is as its type says is nothing to look at") {
  Fixture f;
  CHECK(f.check.glance(f.type, f.good) == 0);
  const BodyReport report = f.check.look(f.type, f.good);
  CHECK(report.fault.empty());
  CHECK(report.missing.empty());
  CHECK(report.unknown.empty());
  CHECK(report.deprecated.empty());
}

TEST_CASE("what is required is looked for at every depth") {
  Fixture f;
  CHECK(f.check.glance(f.type, "") != 0);
  CHECK(f.check.look(f.type, "").missing == Names{"slave"});
  // A slave with a resource that has a name only, and no host.
  const std::string bytes =
      "\x0a\x08\x1a\x06\x0a\x04"
      "cpus";
  CHECK(f.check.glance(f.type, bytes) != 0);
  const auto missing = f.check.look(f.type, bytes).missing;
  CHECK(std::find(missing.begin(), missing.end(), "slave.hostname") != missing.end());
}

TEST_CASE("a number that the type does not have, at any depth") {
  Fixture f;
  const std::string bytes = f.good + std::string("\x98\x06\x01", 3);
  CHECK(f.check.glance(f.type, bytes) != 0);
  CHECK(f.check.look(f.type, bytes).unknown == Names{"99 (varint)"});
  const auto& task = f.catalog.get("mesos.TaskStatus");
  const auto status =
      f.reader.encode_text(task, R"({"task_id":{"value":"t"},"state":"TASK_RUNNING"})");
  // task_id with a field 5 beside its value.
  const std::string odd = std::string("\x0a\x05\x0a\x01t\x28\x01", 7) + status.substr(5);
  CHECK(f.check.look(task, odd).unknown == Names{"task_id.5 (varint)"});
}

TEST_CASE("what is written as another type, or cannot be read, at any depth") {
  Fixture f;
  CHECK(f.check.look(f.type, f.good + std::string("\x10\x01", 2)).fault ==
        "version is written as varint, not as len");
  const std::string cut = std::string("\x0a\x03\x12\x05h", 5);
  CHECK(f.check.glance(f.type, cut) != 0);
  CHECK_FALSE(f.check.look(f.type, cut).fault.empty());
}

TEST_CASE("what is deprecated, but not what Mesos itself still sends") {
  Fixture f;
  const auto& run = f.catalog.get("mesos.internal.RunTaskMessage");
  const auto bytes = f.reader.encode_text(
      run,
      R"({"framework_id":{"value":"F"},"framework":{"user":"u","name":"n","role":"r"},"task":{"name":"T","task_id":{"value":"t"},"slave_id":{"value":"S"}}})");
  CHECK(f.check.look(run, bytes).deprecated == Names{"framework_id"});
}

TEST_CASE("a body of an older release is told as that") {
  Fixture f;
  const auto& type = f.catalog.get("mesos.internal.ReregisterSlaveMessage");
  // Until 0.21: slave_id = 1, which later releases do not have.
  const std::string bytes = std::string("\x0a\x03\x0a\x01S", 5) + "\x12\x03\x0a\x01h";
  const BodyReport report = f.check.look(type, bytes);
  CHECK_FALSE(report.release.empty());
  CHECK(report.missing.empty());
  CHECK(report.unknown.empty());
}

}  // namespace trace_body_report_test
