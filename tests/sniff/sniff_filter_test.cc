// Filters on documents, apart from any capture.
#include "sniff/sniff_filter.h"

#include <doctest/doctest.h>

#include "body/body_document.h"
#include "body/type_codec.h"
#include "body/v1_body.h"
#include "cli/failure.h"

namespace sniff_sniff_filter_test {

using namespace tool;

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
  bool append_json(std::string& out, std::string_view name, std::string_view bytes) override {
    ++decoded;
    return SchemaCodec::append_json(out, name, bytes);
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

}  // namespace sniff_sniff_filter_test
