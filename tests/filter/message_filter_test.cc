// What filters accept, and bodies of the v1 API that they look into, apart from any capture.
#include "filter/message_filter.h"

#include <doctest/doctest.h>

#include "body/body_document.h"
#include "body/type_codec.h"
#include "body/v1_body.h"
#include "cli/failure.h"
#include "filter/type_hint.h"

namespace filter_message_filter_test {

using namespace tool;
using namespace std::string_literals;

TEST_CASE("a body nested without end is looked into as far as anyone writes") {
  for (const std::string open : {"[", "{\"b\":"}) {
    const std::string close = open == "[" ? "]" : "}";
    std::string deep = "{\"a\":1,\"b\":";
    for (int i = 0; i < 60000; ++i) deep += open;
    deep += "1";
    for (int i = 0; i < 60000; ++i) deep += close;
    const auto document = parse_document(deep + "}");
    REQUIRE(document);
    CHECK(FieldMatch::parse("a=1").matches(*document));
    CHECK_FALSE(FieldMatch::parse("a=2").matches(*document));
  }
  CHECK_FALSE(parse_document("{\"a\":"));
  CHECK_FALSE(parse_document(std::string(1000, '[')));
}

TEST_CASE("what bytes hold stands in their place, at every depth") {
  SchemaCodec types;
  const auto encoded = types.encode("mesos.internal.StatusUpdateMessage",
                                    R"({"update":{"framework_id":{"value":"f"},"timestamp":1,
      "status":{"task_id":{"value":"t"},"state":"TASK_LOST","uuid":"AAECAwQFBgcICQoLDA0ODw=="},
      "uuid":"AAECAwQFBgcICQoLDA0ODw=="}})",
                                    {});
  REQUIRE(encoded);
  const auto document = document_of(&types, "mesos.internal.StatusUpdateMessage", *encoded);
  REQUIRE(document);
  const std::string uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
  CHECK(document->inner["update"]["uuid"] == uuid);
  CHECK(document->inner["update"]["status"]["uuid"] == uuid);
  CHECK(document->body["update"]["uuid"] == "AAECAwQFBgcICQoLDA0ODw==");
  CHECK_FALSE(document_of(&types, "no.such.Type", "x"));
  CHECK_FALSE(document_of(&types, "mesos.TaskID", "\xff"));
  CHECK_FALSE(document_of(nullptr, "mesos.TaskID", ""));
}

namespace {

struct CountingCodec : SchemaCodec {
  int decoded = 0;
  bool append_json(std::string& out, std::string_view name, std::string_view bytes,
                   std::string_view key) override {
    ++decoded;
    return SchemaCodec::append_json(out, name, bytes, key);
  }
};

}  // namespace

TEST_CASE("a body that says nothing of its kind is not decoded for each of its fields") {
  CountingCodec types;
  const std::string call = call_type("/master/api/v1");
  CHECK(kind_of(&types, call, std::string(60'000, 'x')).empty());  // 30,000 times field 15
  CHECK(types.decoded == 1);
  std::string many;
  for (char number = 2; number < 16; ++number)
    for (int again = 0; again < 100; ++again) many += {static_cast<char>(number << 3), '\x7f'};
  CHECK(kind_of(&types, call, many).empty());
  CHECK(types.decoded == 15);
}

TEST_CASE("which call or event a body of the v1 API is") {
  SchemaCodec types;
  const std::string event = event_type("/api/v1/scheduler");
  CHECK(event == "mesos.v1.scheduler.Event");
  CHECK(call_type("/slave(1)/api/v1/executor?x") == "mesos.v1.executor.Call");
  CHECK(call_type("/slave(1)/api/v1") == "mesos.v1.agent.Call");
  CHECK(event_type("/master/api/v1") == "mesos.v1.master.Event");
  CHECK(call_type("/master/state").empty());
  CHECK(kind_of(&types, event, R"({"type":"OFFERS","offers":{}})") == "OFFERS");
  CHECK(kind_of(&types, event, "\x08\x02") == "OFFERS");
  CHECK(kind_of(&types, call_type("/api/v1/scheduler"), "\x0a\x03\x0a\x01x\x10\x01") ==
        "SUBSCRIBE");
  // The v0 schema reads field 2 of Subscribe otherwise than v1: which call it is stands before
  // that.
  CHECK(kind_of(&types, call_type("/api/v1/scheduler"), "\x10\x01\x1a\x03\x12\x01r") ==
        "SUBSCRIBE");
  for (const char* none :
       {"", "x", "\x08", "\x08\xff", "{\"type\":5}", "{\"type\":\"<b>\"}", "{\"type\":", "[]"}) {
    CAPTURE(none);
    CHECK(kind_of(&types, event, none).empty());
  }
  CHECK(types.misfits() == 0);
}

namespace {

bool matches(const char* match, const char* body) {
  return FieldMatch::parse(match).matches(nlohmann::json::parse(body));
}

MessageFilter with_fields(const std::vector<std::string>& matches) {
  MessageFilter filter;
  for (const auto& match : matches) filter.fields.push_back(FieldMatch::parse(match));
  return filter;
}

bool accepts(const std::vector<std::string>& matches, const char* body) {
  return with_fields(matches).accepts_body(BodyDocument{nlohmann::json::parse(body), {}});
}

}  // namespace

TEST_CASE("a glob for a PID is for the id, the address, or the whole") {
  const std::string pid = "slave(1)@10.0.0.5:5051";
  for (const char* glob : {"slave(1)", "slave(*)", "*", "10.0.0.5:5051", "*:5051", "10.*:505?",
                           "slave(1)@*", "*@10.0.0.5:5051", "slave(1)@10.0.0.5:5051"})
    CHECK(pid_matches(glob, pid));
  for (const char* glob : {"slave", "5051", "*5051", "10.0.0.5", "*:5050", "slave@*", "Slave(1)"})
    CHECK_FALSE(pid_matches(glob, pid));
  CHECK(pid_matches("*", ""));
  CHECK(pid_matches("nobody", "nobody"));
  CHECK_FALSE(pid_matches("*:1", "nobody"));
}

TEST_CASE("a name of Mesos may be shortened, and is told apart by its kind") {
  const std::string update = "mesos.internal.StatusUpdateMessage";
  for (const char* glob :
       {"StatusUpdate", "StatusUpdateMessage", "internal.StatusUpdate", "*Update",
        "mesos.internal.StatusUpdate", "mesos.internal.StatusUpdateMessage"})
    CHECK(name_matches(glob, update));
  for (const char* glob : {"Update", "UpdateMessage", "statusupdate", "StatusUpdate/*", ""})
    CHECK_FALSE(name_matches(glob, update));
  const std::string call = "mesos.v1.scheduler.Call";
  for (const char* glob : {"Call", "Call/ACCEPT", "scheduler.Call/ACCEPT", "v1.*/ACCEPT", "ACCEPT",
                           "mesos.v1.scheduler.Call/ACCEPT", "Call/*", "mesos.v1.scheduler.Call"})
    CHECK(name_matches(glob, call, "ACCEPT"));
  for (const char* glob : {"Call/DECLINE", "DECLINE", "executor.Call/ACCEPT"})
    CHECK_FALSE(name_matches(glob, call, "ACCEPT"));
  CHECK_FALSE(name_matches("Update", "acme.Update"));  // others' names are only what they are
  CHECK_FALSE(name_matches("ping", "pingMessage"));
  CHECK(name_matches("Message", "mesos.Message"));
}

TEST_CASE("comparisons of --match") {
  CHECK(matches("a=x*", R"({"a":"xy"})"));
  CHECK(matches("a!=x", R"({"a":"y"})"));
  CHECK_FALSE(matches("a!=x", R"({"a":"x"})"));
  CHECK_FALSE(matches("a!=x", R"({"b":"y"})"));        // the field is to be there
  CHECK_FALSE(matches("a!=x", R"({"a":["x","y"]})"));  // none of the values
  CHECK_FALSE(matches("a!=x", R"({"a":"y","b":{"a":"x"}})"));
  CHECK_FALSE(matches("a!=x", R"({"a":{"b":"y"}})"));  // that is no value
  CHECK(matches("a~^x.z$", R"({"b":[{"a":"xyz"}]})"));
  CHECK_FALSE(matches("a~^x.z$", R"({"a":"xyzz"})"));
  CHECK(matches("a<3", R"({"a":2.5})"));
  CHECK_FALSE(matches("a<3", R"({"a":3})"));
  CHECK(matches("a<=3", R"({"a":3})"));
  CHECK(matches("a>-1", R"({"a":0})"));
  CHECK(matches("a>=1e3", R"({"a":1000})"));
  CHECK_FALSE(matches("a>2", R"({"a":"x3"})"));
  CHECK_FALSE(matches("a>0", R"({"a":true})"));
  // 64-bit integers are strings in JSON, and as doubles these two are the same.
  CHECK(matches("a>9007199254740992", R"({"a":"9007199254740993"})"));
  CHECK_FALSE(matches("a>9007199254740993", R"({"a":"9007199254740993"})"));
  CHECK(matches("a=b!=c", R"({"a":"b!=c"})"));
}

TEST_CASE("of several values of a path one will do, everything else has to hold") {
  const char* body = R"({"state":"LOST","n":5})";
  CHECK(accepts({"state=LOST", "state=FAILED"}, body));
  CHECK(accepts({"state~^F", "state=L*"}, body));
  CHECK(accepts({"state=LOST", "sta_te=FAILED"}, body));  // the same path
  CHECK_FALSE(accepts({"state=KILLED", "state=FAILED"}, body));
  CHECK_FALSE(accepts({"state=LOST", "n=6"}, body));
  CHECK(accepts({"n>3", "n<6"}, body));
  CHECK_FALSE(accepts({"n>3", "n<5"}, body));
  CHECK_FALSE(accepts({"state!=LOST", "state!=FAILED"}, body));
  CHECK_FALSE(accepts({"state=LOST", "n!=5"}, body));
  CHECK_FALSE(with_fields({"a=b"}).accepts_body(std::nullopt));
}

TEST_CASE("statuses, and what is slow") {
  CHECK(StatusMatch::parse("202").matches(202));
  CHECK_FALSE(StatusMatch::parse("202").matches(200));
  CHECK(StatusMatch::parse("4xx").matches(404));
  CHECK(StatusMatch::parse("4XX").matches(499));
  CHECK_FALSE(StatusMatch::parse("4xx").matches(500));
  CHECK(StatusMatch::parse("none").matches(std::nullopt));
  CHECK_FALSE(StatusMatch::parse("none").matches(202));
  CHECK_FALSE(StatusMatch::parse("2xx").matches(std::nullopt));
  for (const char* bad : {"", "2", "2x", "x02", "0xx", "2022", "4x4", "NONE", "-02"})
    CHECK_THROWS_AS(StatusMatch::parse(bad), Failure);
  MessageFilter filter;
  filter.slower = std::chrono::milliseconds(5);
  CHECK(filter.accepts_answer(202, std::chrono::milliseconds(6)));
  CHECK_FALSE(filter.accepts_answer(202, std::chrono::milliseconds(5)));
  CHECK_FALSE(filter.accepts_answer(std::nullopt, std::nullopt));
}

TEST_CASE("what no known type has is told, with what is near") {
  SchemaCodec types;
  const auto hints = [&](const MessageFilter& filter) {
    return type_hints(filter, types.catalog());
  };
  const auto contains = [](const std::vector<std::string>& lines, const std::string& part) {
    return lines.size() == 1 && lines[0].find(part) != std::string::npos;
  };
  CHECK(contains(hints({.name = {"StatusUpdat"}}), "did you mean mesos.internal.StatusUpdate"));
  CHECK(contains(hints({.name = {"mesos.internal.Foo"}}), "no known type is called"));
  CHECK(contains(hints(with_fields({"status.sate=x"})), "no known type has a field sate; did you"));
  CHECK(contains(hints(with_fields({"state=TASK_LOSTT"})),
                 "never TASK_LOSTT; did you mean TASK_LOST?"));
  for (const char* name :
       {"StatusUpdate", "Call/ACCEPT", "greet", "*Updat", "mesos.v1.scheduler.Event"})
    CHECK(hints({.name = {name}}).empty());
  CHECK(hints(with_fields({"state=TASK_*", "tasks.0.name=x", "frameworkId.value!=y", "name~x"}))
            .empty());
}

TEST_CASE("JSON bodies of the API are compacted as they are, or left alone") {
  CHECK(compact_json(" {\"a\" : [1, 2.50],\n \"b c\": \"x \\\" y\\\\\" } ") ==
        "{\"a\":[1,2.50],\"b c\":\"x \\\" y\\\\\"}");
  for (const char* none : {"", "[]", "1", "{", "{}x", "{\"a\":\"\xff\"}"})
    CHECK_FALSE(compact_json(none));
  for (const std::string nul : {"{\"a\":1}\0{\"b\":2}"s, "{\"a\":1}\0"s, "{\0}"s}) {
    CAPTURE(nul);
    CHECK_FALSE(compact_json(nul));
    CHECK_FALSE(parse_document(nul));
  }
  std::string deep(1000, '[');
  CHECK_FALSE(compact_json("{\"a\":" + deep + std::string(1000, ']') + "}"));
  CHECK(first_record("5\nhello6\nworld!") == "hello");
  CHECK(first_record("5x") == "5x");
  CHECK(first_record("99\nabc") == "abc");
  CHECK(first_record("\x08\x02") == "\x08\x02");
}

TEST_CASE("what a body of the API says of who is talking") {
  SchemaCodec types;
  const auto call =
      read_api_body(&types, call_type("/api/v1/scheduler"),
                    R"({"type":"ACKNOWLEDGE","framework_id":{"value":"F"},"acknowledge":
      {"agent_id":{"value":"A"},"task_id":{"value":"T"},"uuid":"AAECAwQFBgcICQoLDA0ODw=="}})");
  CHECK(call.kind == "ACKNOWLEDGE");
  CHECK(call.framework_id == "F");
  REQUIRE(call.document);
  const std::string uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
  CHECK(FieldMatch::parse("uuid=" + uuid).matches(*call.document));
  CHECK(FieldMatch::parse("uuid=AAEC*").matches(*call.document));
  CHECK_FALSE(FieldMatch::parse("uuid!=" + uuid).matches(*call.document));
  CHECK(read_api_body(&types, call_type("/slave(1)/api/v1/executor"),
                      R"({"type":"SUBSCRIBE","executor_id":{"value":"E"},"subscribe":{}})")
            .executor_id == "E");
  CHECK(server_id("/master/api/v1/scheduler") == "master");
  CHECK(server_id("/api/v1/scheduler?x") == "master");
  CHECK(server_id("/api/v1").empty());
}

}  // namespace filter_message_filter_test
