#include "schema/inner.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "schema/json_writer.h"
#include "text/base64.h"

namespace schema_inner_test {

namespace {

using namespace compactor::schema;
using Json = nlohmann::json;

struct Fixture {
  Catalog catalog;
  JsonReader reader{catalog};

  std::string bytes(const std::string& type, const Json& json) {
    return reader.encode_text(catalog.get(type), json.dump());
  }
  std::string base64(const std::string& type, const Json& json) {
    return base64_of(bytes(type, json));
  }
  static std::string base64_of(const std::string& bytes) {
    std::string text;
    compactor::text::append_base64(text, bytes);
    return text;
  }
  DecodedBody decode(const std::string& type, const Json& json, bool inner = true) {
    JsonWriter writer(catalog, {.emit_defaults = false, .inner = inner});
    DecodedBody body;
    CHECK(writer.decode(catalog.get(type), bytes(type, json), body));
    return body;
  }
};

const char* const id_base64 = "ABEiM0RVZneImaq7zN3u/w==";
const char* const id_text = "00112233-4455-6677-8899-aabbccddeeff";

TEST_CASE("16 bytes are a UUID, other lengths are not") {
  std::string out = "x";
  CHECK(append_uuid(
      out, std::string("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16)));
  CHECK(out == std::string("x") + id_text);
  CHECK_FALSE(append_uuid(out, "short"));
  CHECK(out.size() == 37);
}

TEST_CASE("every rule is for a bytes field that exists, and names types that exist") {
  const Catalog catalog;
  int rules = 0;
  for (const std::string& name : catalog.list()) {
    const auto& type = catalog.get(name);
    for (int i = 0; i < type.field_count(); ++i) {
      const InnerRule* rule = inner_rule(name, type.field(i)->name());
      if (rule == nullptr) continue;
      ++rules;
      CHECK(type.field(i)->type() == google::protobuf::FieldDescriptor::TYPE_BYTES);
      if (!rule->holds.empty()) CHECK(catalog.find(rule->holds) != nullptr);
      if (!rule->where.empty()) CHECK(type.FindFieldByName(std::string(rule->where)) != nullptr);
    }
  }
  CHECK(rules == 18);
}

TEST_CASE("UUIDs are shown with their paths, lists with indexes") {
  Fixture f;
  const Json status = {
      {"task_id", {{"value", "t"}}}, {"state", "TASK_RUNNING"}, {"uuid", id_base64}};
  const DecodedBody body = f.decode("mesos.Task", {{"name", "n"},
                                                   {"task_id", {{"value", "t"}}},
                                                   {"framework_id", {{"value", "f"}}},
                                                   {"slave_id", {{"value", "s"}}},
                                                   {"state", "TASK_RUNNING"},
                                                   {"statuses", {status, status}},
                                                   {"status_update_uuid", id_base64}});
  CHECK(Json::parse(body.inner) == Json{{"statuses[0].uuid", id_text},
                                        {"statuses[1].uuid", id_text},
                                        {"status_update_uuid", id_text}});
  CHECK(Json::parse(body.json)["status_update_uuid"] == id_base64);  // never in place of the bytes
}

TEST_CASE("a bytes field of another length, or that just holds data, has no inner value") {
  Fixture f;
  CHECK(f.decode("mesos.UUID", {{"value", "AAAA"}}).inner.empty());
  CHECK(f.decode("mesos.Secret.Value", {{"data", id_base64}}).inner.empty());
  CHECK(f.decode("mesos.UUID", {{"value", id_base64}}, false).inner.empty());
}

/// An entry of the replicated log that holds this variable.
Json write_request(Fixture& f, const std::string& name, const std::string& value_base64) {
  const Json entry = {{"name", name}, {"uuid", id_base64}, {"value", value_base64}};
  const Json operation = {{"type", "SNAPSHOT"}, {"snapshot", {{"entry", entry}}}};
  return {{"proposal", "1"},
          {"position", "2"},
          {"type", "APPEND"},
          {"append", {{"bytes", f.base64("mesos.internal.state.Operation", operation)}}}};
}

TEST_CASE("the replicated log: the operation, and the registry inside") {
  Fixture f;
  const Json master = {{"id", "m"}, {"ip", 1}, {"port", 5050}};
  const Json registry = {{"master", {{"info", master}}}};
  const DecodedBody body =
      f.decode("mesos.internal.log.WriteRequest",
               write_request(f, "registry", f.base64("mesos.internal.Registry", registry)));
  const Json inner = Json::parse(body.inner);
  CHECK(inner.size() == 3);
  CHECK(inner["append.bytes"]["snapshot"]["entry"]["name"] == "registry");
  CHECK(inner["append.bytes.snapshot.entry.uuid"] == id_text);
  CHECK(inner["append.bytes.snapshot.entry.value"] == registry);
}

TEST_CASE("another variable, or one that is no registry, stays bytes") {
  Fixture f;
  const std::string registry = f.base64("mesos.internal.Registry", Json::object());
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"other", registry}, {"registry", Fixture::base64_of("\xff\xff no message")}}) {
    const Json inner = Json::parse(
        f.decode("mesos.internal.log.WriteRequest", write_request(f, name, value)).inner);
    CHECK(inner.size() == 2);
    CHECK_FALSE(inner.contains("append.bytes.snapshot.entry.value"));
  }
}

TEST_CASE("log bytes that are no operation stay bytes") {
  Fixture f;
  CHECK(f.decode("mesos.internal.log.Action.Append", {{"bytes", "/////w=="}}).inner.empty());
}

}  // namespace

}  // namespace schema_inner_test
