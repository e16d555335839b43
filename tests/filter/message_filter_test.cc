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
    CHECK(FieldMatch::parse("a=1").matches({*document, {}}));
    CHECK_FALSE(FieldMatch::parse("a=2").matches({*document, {}}));
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
  // Also of the beginning of a body.
  CHECK(kind_of(&types, event, R"({"a":{"type":"NO"},"type":"OFFERS","offers":{"o)") == "OFFERS");
  for (const char* none :
       {"", "x", "\x08", "\x08\xff", "{\"type\":5}", R"({"a":[{"type":"NO"}],"b":)",
        R"([{"type":"NO"}])", R"({"type":{"type":"NO"}})", R"({"type":[], "x":"NO"})",
        "{\"type\":\"<b>\"}", "{\"type\":", "[]"}) {
    CAPTURE(none);
    CHECK(kind_of(&types, event, none).empty());
  }
  CHECK(types.misfits() == 0);
}

namespace {

bool matches(const char* match, const char* body) {
  return FieldMatch::parse(match).matches({nlohmann::json::parse(body), {}});
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

TEST_CASE("!= sees what only bytes hold") {
  const BodyDocument body{{{"a", "x"}, {"data", "AAEC"}}, {{"a", "x"}, {"data", {{"b", "y"}}}}};
  CHECK(FieldMatch::parse("b!=z").matches(body));
  CHECK_FALSE(FieldMatch::parse("b!=y").matches(body));
  CHECK(FieldMatch::parse("data!=z").matches(body));
  CHECK_FALSE(FieldMatch::parse("data!=AAEC").matches(body));
  CHECK_FALSE(FieldMatch::parse("c!=z").matches(body));
}

TEST_CASE("an index stands for one element, a name for the same of any") {
  const char* body = R"([{"a":[{"b":1},{"b":2}]},{"a":[[{"b":3}],{"b":4}]}])";
  CHECK(matches("a.0.b=1", body));
  CHECK_FALSE(matches("a.0.b=2", body));
  CHECK(matches("a.0.b=3", body));
  CHECK(matches("1.a.1.b=4", body));
  CHECK_FALSE(matches("1.a.1.b=2", body));
  CHECK(matches("b=4", body));
  CHECK_FALSE(matches("a.9.b=1", body));
}

TEST_CASE("a regular expression that takes too long does not match, and that is known") {
  const BodyDocument body{{{"a", std::string(300'000, 'x')}}, {}};
  const auto long_one = FieldMatch::parse("a~(x?){400}(x?){400}y");
  CHECK(long_one.judge(body) == FieldMatch::Verdict::too_long);
  CHECK(FieldMatch::parse("a~x$").judge(body) == FieldMatch::Verdict::match);
  MessageFilter filter = with_fields({"a~(x?){400}(x?){400}y", "a~x$"});
  auto found = filter.judge_body(body);
  CHECK(found.accepted);  // the other will do
  CHECK(found.too_long);
  filter.fields.pop_back();
  CHECK_FALSE(filter.judge_body(body).accepted);
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
                 "ever TASK_LOSTT; did you mean TASK_LOST?"));
  CHECK(contains(hints({.name = {"OFFERZ"}}), "did you mean OFFERS"));
  CHECK(
      contains(hints(with_fields({"state=TASK_LOS"})), "of no known type state is ever TASK_LOS"));
  CHECK(hints(with_fields({"state=99"})).empty());  // how JSON has what the enum does not know
  for (const char* name : {"OFFERS", "SUBSCRIBED", "LAUNCH_NESTED_CONTAINER", "GET_STATE",
                           "TASK_ADDED", "ATTACH_CONTAINER_INPUT", "UPDATE_OPERATION_STATUS"})
    CHECK(hints({.name = {name}}).empty());
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
  for (const std::string& nul : {"{\"a\":1}\0{\"b\":2}"s, "{\"a\":1}\0"s, "{\0}"s}) {
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

TEST_CASE("what the API answers is of its types only where it says JSON or protobuf") {
  for (const char* type :
       {"application/json", "Application/JSON", "application/x-protobuf", "application/json; a=b"})
    CHECK(is_api_type(type));
  for (const char* type : {"", "text/plain", "text/html; x=application/json", "application/jsonx"})
    CHECK_FALSE(is_api_type(type));
}

TEST_CASE("a body that fits no type counts once, however often it is tried") {
  SchemaCodec types;
  std::string out;
  const std::string bad = "\xff";
  const std::string other = "\xff";
  types.next_message();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(types.append_json(out, "mesos.TaskID", bad));
    CHECK_FALSE(types.append_text(out, "mesos.TaskID", bad));
    CHECK_FALSE(document_of(&types, "mesos.TaskID", other));
  }
  CHECK(types.misfits() == 2);  // the bodies of a request and of its answer
  types.next_message();
  CHECK_FALSE(types.append_json(out, "mesos.TaskID", bad));
  CHECK(types.misfits() == 3);
}

TEST_CASE("the JSON of the API is encoded and decoded only for who looks into it") {
  CountingCodec types;
  const std::string text =
      R"({"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"A"},"task_id":{"value":"T"},)"
      R"("uuid":"AAECAwQFBgcICQoLDA0ODw=="}})";
  const auto call = read_api_body(&types, call_type("/api/v1/scheduler"), text);
  CHECK(call.kind == "ACKNOWLEDGE");
  CHECK(types.decoded == 0);
  CHECK(api_document(&types, call.type, text)->inner["acknowledge"]["uuid"] ==
        "00010203-0405-0607-0809-0a0b0c0d0e0f");
  CHECK(types.decoded == 1);
}

TEST_CASE("of a body that is cut nothing is decoded but its kind") {
  SchemaCodec types;
  const auto type = call_type("/api/v1/scheduler");
  const auto json = read_api_body(&types, type, R"({"type":"ACCEPT","accept":{"offer_i)", true);
  CHECK(json.kind == "ACCEPT");
  CHECK_FALSE(json.document);
  const auto protobuf = read_api_body(&types, type, "\x0a\x03\x0a\x01x\x10\x01\x1a\x7f", true);
  CHECK(protobuf.kind == "SUBSCRIBE");
  CHECK_FALSE(protobuf.document);
  CHECK(types.misfits() == 0);
}

TEST_CASE("what a body of the API says of who is talking") {
  SchemaCodec types;
  const auto call =
      read_api_body(&types, call_type("/api/v1/scheduler"),
                    R"({"type":"ACKNOWLEDGE","framework_id":{"value":"F"},"acknowledge":
      {"agent_id":{"value":"A"},"task_id":{"value":"T"},"uuid":"AAECAwQFBgcICQoLDA0ODw=="}})");
  CHECK(call.kind == "ACKNOWLEDGE");
  CHECK(call.framework_id == "F");
  const auto document = api_document(&types, call.type, call.document->body.dump());
  REQUIRE(document);
  const std::string uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
  CHECK(FieldMatch::parse("uuid=" + uuid).matches(*document));
  CHECK(FieldMatch::parse("uuid=AAEC*").matches(*document));
  CHECK_FALSE(FieldMatch::parse("uuid!=" + uuid).matches(*document));
  CHECK(read_api_body(&types, call_type("/slave(1)/api/v1/executor"),
                      R"({"type":"SUBSCRIBE","executor_id":{"value":"E"},"subscribe":{}})")
            .executor_id == "E");
  CHECK(server_id("/master/api/v1/scheduler") == "master");
  CHECK(server_id("/api/v1/scheduler?x") == "master");
  CHECK(server_id("/api/v1").empty());
}

}  // namespace filter_message_filter_test
