#include "schema/json_reader.h"

#include <doctest/doctest.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "schema/json_writer.h"
#include "schema/template.h"

namespace schema_json_reader_test {

namespace {

namespace pb = google::protobuf;
using namespace compactor::schema;

struct Fixture {
  Catalog catalog{
      {.import_dirs = {TEST_DATA "/protos"},
       .protos = {TEST_DATA "/protos/acme/kinds.proto", TEST_DATA "/protos/acme/three.proto"},
       .protosets = {},
       .mailboxes = {}}};
  JsonReader reader{catalog};

  std::string encode(const std::string& type, const std::string& json) {
    return reader.encode_text(catalog.get(type), json);
  }
  /// What protobuf's own parser makes of it.
  std::string oracle(const std::string& type, const std::string& json) {
    const auto message = catalog.make(catalog.get(type));
    const auto status = pb::util::JsonStringToMessage(json, message.get());
    INFO(status.ToString());
    REQUIRE(status.ok());
    return bytes_of(*message);
  }
  SchemaError error(const std::string& type, const std::string& json) {
    try {
      encode(type, json);
    } catch (const SchemaError& thrown) {
      return thrown;
    }
    FAIL("accepted: " << json);
    return SchemaError("");
  }
};

TEST_CASE("JSON in all the spellings that protobuf takes, to the same bytes") {
  Fixture f;
  for (
      const std::string json : {
          R"({})",
          R"({"a_bool":true,"an_int32":-5,"an_int64":"-5","a_uint32":"7","a_uint64":18446744073709551615})",
          R"({"aBool":false,"anInt32":"12","an_int64":12,"aSint32":-1,"a_sint64":"9223372036854775807"})",
          R"({"an_int32":1e3,"an_int64":1.0,"a_uint32":4294967295,"a_sint64":"-9223372036854775808"})",
          R"({"a_double":1,"doubles":["NaN","Infinity","-Infinity",0.1,"1.5",-0.0]})",
          R"({"a_string":"ü\u0000\ud83d\ude00","some_bytes":"-_8=","words":[]})",
          R"({"colour":"BLUE","colours":["RED",2],"packed_colours":[1,"GREEN"]})",
          R"({"owner":null,"a_bool":null,"plain":null,"counts":null})",
          R"({"counts":{"a":"1"},"by_number":{"-3":{"name":"x"}},"by_truth":{"true":"t"},"by_id":{"7":"BIG"}})",
          R"({"chosen_number":0})",
          R"({"a_fixed32":1,"a_fixed64":"2","a_sfixed32":-3,"a_sfixed64":"-4"})",
          R"({"packed":["1",-1],"plain":[1,2,3],"owners":[{"name":"a"},{"name":""}]})",
      }) {
    CAPTURE(json);
    CHECK(f.encode("acme.Kinds", json) == f.oracle("acme.Kinds", json));
  }
  for (const std::string json :
       {R"({"number":0,"maybe":0,"text":"","mood":"CALM","numbers":[0,1],"nested":{}})",
        R"({"number":1,"moods":["ANGRY",7],"moods_by_name":{"x":0},"data":"AA==","real":-0.0})"}) {
    CAPTURE(json);
    CHECK(f.encode("acme.Three", json) == f.oracle("acme.Three", json));
  }
}

TEST_CASE("base64 in both alphabets, padded or not") {
  Fixture f;
  const std::string bytes = f.encode("acme.Kinds", R"({"some_bytes":"+/8="})");
  for (const std::string text : {"-_8=", "+/8", "-_8"}) {
    CHECK(f.encode("acme.Kinds", R"({"some_bytes":")" + text + "\"}") == bytes);
  }
  for (const std::string text : {"+", "+/8==", "====", "a b=", "AAA=A"}) {
    CHECK(std::string(f.error("acme.Kinds", R"({"some_bytes":")" + text + "\"}").what())
              .starts_with("some_bytes: not base64"));
  }
}

TEST_CASE("what does not fit names the path and what was expected") {
  Fixture f;
  const auto what = [&](const std::string& type, const std::string& json) {
    return std::string(f.error(type, json).what());
  };
  CHECK(what("mesos.internal.RegisterFrameworkMessage",
             R"({"framework":{"user":"u","name":"n","id":{"value":5}}})") ==
        "framework.id.value: expected string, not 5");
  CHECK(what("acme.Kinds", R"({"a_bool":"true"})") ==
        "a_bool: expected true or false, not \"true\"");
  CHECK(what("acme.Kinds", R"({"an_int32":2147483648})") ==
        "an_int32: expected an integer of 32 bits, not 2147483648");
  CHECK(what("acme.Kinds", R"({"an_int32":1.5})") ==
        "an_int32: expected an integer of 32 bits, not 1.5");
  CHECK(what("acme.Kinds", R"({"a_uint64":-1})") ==
        "a_uint64: expected an unsigned integer of 64 bits, not -1");
  CHECK(what("acme.Kinds", R"({"a_uint64":18446744073709551616})")
            .starts_with("a_uint64: expected an unsigned integer of 64 bits, not 1.844674"));
  CHECK(what("acme.Kinds", R"({"an_int64":9223372036854775808})")
            .starts_with("an_int64: expected an integer of 64 bits"));
  CHECK(what("acme.Kinds", R"({"a_double":"much"})") ==
        "a_double: expected a number, not \"much\"");
  CHECK(what("acme.Odd", R"({"a_float":1e39})") ==
        "a_float: expected a number that fits a float, not 1e+39");
  CHECK(what("acme.Kinds", R"({"plain":5})") == "plain: expected a list, not 5");
  CHECK(what("acme.Kinds", R"({"plain":[1,"x"]})") ==
        "plain[1]: expected an integer of 32 bits, not \"x\"");
  CHECK(what("acme.Kinds", R"({"plain":[null]})") ==
        "plain[0]: expected an integer of 32 bits, not null");
  CHECK(what("acme.Kinds", R"({"owner":"me"})") ==
        "owner: expected an object (acme.base.Owner), not \"me\"");
  CHECK(what("acme.Kinds", R"({"owners":[{"name":"a"},{"name":[]}]})") ==
        "owners[1].name: expected string, not a list");
  CHECK(what("acme.Kinds", R"({"counts":[]})") == "counts: expected an object (a map), not a list");
  CHECK(what("acme.Kinds", R"({"by_number":{"x":{"name":""}}})") ==
        "by_number.x: expected an integer of 32 bits, not \"x\"");
  CHECK(what("acme.Kinds", R"({"by_truth":{"yes":""}})") ==
        "by_truth.yes: expected true or false, not \"yes\"");
  CHECK(what("acme.Kinds", R"([])") == "expected an object (acme.Kinds), not a list");
  CHECK(what("acme.Kinds", R"({"chosen_text":"a","chosen_number":1})") ==
        "chosen_number: only one of choice may be set, and chosen_text is too");
  CHECK(what("acme.Kinds", R"({"a_bool":true,"aBool":true})") == "a_bool: given twice");
  CHECK(what("acme.WellKnown", R"({"timestamp":"soon"})").starts_with("timestamp: "));
}

TEST_CASE("unknown fields and enum values get a suggestion") {
  Fixture f;
  const SchemaError field = f.error("mesos.internal.PingSlaveMessage", R"({"conected":true})");
  CHECK(std::string(field.what()) == "conected: mesos.internal.PingSlaveMessage has no such field");
  CHECK(field.hint() == "did you mean connected?");
  const SchemaError nested =
      f.error("mesos.internal.KillTaskMessage", R"({"task_id":{"zzzzzz":1}})");
  CHECK(std::string(nested.what()) == "task_id.zzzzzz: mesos.TaskID has no such field");
  CHECK(nested.hint() == "compactor describe mesos.TaskID lists its fields");
  const SchemaError value = f.error("acme.base.Owner", R"({"name":"","state":"TASK_RUNING"})");
  CHECK(std::string(value.what()) ==
        "state: expected a value of mesos.TaskState, not \"TASK_RUNING\"");
  CHECK(value.hint() == "did you mean TASK_RUNNING?");
  CHECK(f.error("acme.Kinds", R"({"colour":"mauve"})").hint() == "one of: RED, GREEN, BLUE");
}

TEST_CASE("missing required fields are named, all at once") {
  Fixture f;
  CHECK(std::string(f.error("mesos.internal.RegisterFrameworkMessage", R"({"framework":{"id":{}}})")
                        .what()) ==
        "framework.user, framework.name, framework.id.value: required fields are missing");
  CHECK(std::string(f.error("mesos.TaskID", "{}").what()) == "value: required field is missing");
  CHECK(f.error("mesos.TaskID", "{}").hint() ==
        "compactor describe mesos.TaskID shows a template to fill; send --force sends it as it is");
}

TEST_CASE("missing required fields are left out where that is allowed, and nothing else is") {
  Fixture f;
  JsonReader lenient(f.catalog, {.allow_missing = true});
  const auto& type = f.catalog.get("mesos.internal.RegisterFrameworkMessage");
  CHECK(lenient.encode_text(type, R"({"framework":{"id":{}}})") ==
        std::string("\x0a\x02\x1a\x00", 4));
  CHECK_THROWS_AS(lenient.encode_text(type, R"({"frame":{}})"), SchemaError);
}

TEST_CASE("text that is not JSON") {
  Fixture f;
  for (const std::string text :
       {"", "{", "{\"a_bool\":}", "{a_bool:true}", "{'a_bool':true}", "{} x", "\xff"}) {
    CAPTURE(text);
    CHECK(std::string(f.error("acme.Kinds", text).what())
              .starts_with("not JSON, at line 1, column "));
  }
}

TEST_CASE("JSON nested without end is refused as soon as it is read") {
  Fixture f;
  const auto lists = [](std::size_t levels) {
    return R"({"value":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  // A list in a google.protobuf.Value is two messages, of which protobuf takes a hundred.
  CHECK(f.encode("acme.WellKnown", lists(49)) == f.oracle("acme.WellKnown", lists(49)));
  CHECK(std::string(f.error("acme.WellKnown", lists(51)).what()).ends_with("nested too deep"));
  CHECK(std::string(f.error("acme.WellKnown", lists(16000)).what())
            .starts_with("not JSON, nested too deep"));
  CHECK(std::string(f.error("acme.WellKnown", R"({"list":)" + std::string(100000, '[')).what())
            .starts_with("not JSON, nested too deep"));
  const auto parents = [](int levels) {
    std::string json = R"({"value":"x"})";
    for (int i = 0; i < levels; ++i) json = R"({"value":"x","parent":)" + json + "}";
    return json;
  };
  CHECK_NOTHROW(f.encode("mesos.ContainerID", parents(100)));
  CHECK(
      std::string(f.error("mesos.ContainerID", parents(101)).what()).ends_with("nested too deep"));
  CHECK(std::string(f.error("mesos.ContainerID", parents(5000)).what())
            .starts_with("not JSON, nested too deep"));
}

TEST_CASE("a whole number is taken exactly, however it is written, or refused") {
  Fixture f;
  const auto bytes = f.encode("acme.Kinds", R"({"an_int64":"9007199254740993"})");
  for (const std::string number :
       {"9007199254740993", "\"9007199254740993.0\"", "9007199254740993.0", "9.007199254740993e15",
        "\"900719925474099300E-2\"", "90071992547409930e-1"}) {
    CAPTURE(number);
    CHECK(f.encode("acme.Kinds", R"({"an_int64":)" + number + "}") == bytes);
  }
  CHECK(f.encode("acme.Kinds", R"({"a_uint64":1.8446744073709551615e19})") ==
        f.encode("acme.Kinds", R"({"a_uint64":"18446744073709551615"})"));
  CHECK(f.encode("acme.Kinds", R"({"an_int64":-9.223372036854775808e18})") ==
        f.encode("acme.Kinds", R"({"an_int64":"-9223372036854775808"})"));
  for (const std::string number :
       {"9007199254740993.5", "\"9007199254740993.5\"", "0.99999999999999999999",
        "\"0.99999999999999999999\"", "9.3e18", "\"9.3e18\"", "\"1e5669\"", "\"\"", "\"-\"",
        "\"1.\"", "\".5e1\"", "\" 1\"", "\"0x1\"", "\"1e\""}) {
    CAPTURE(number);
    CHECK(std::string(f.error("acme.Kinds", R"({"an_int64":)" + number + "}").what())
              .starts_with("an_int64: expected an integer of 64 bits"));
  }
  CHECK(f.encode("acme.Kinds", R"({"doubles":[-0.0,5.0,1e300]})") ==
        f.oracle("acme.Kinds", R"({"doubles":[-0.0,5.0,1e300]})"));
}

TEST_CASE("a number that no double holds is an error of the text") {
  Fixture f;
  for (const std::string type : {"acme.Kinds", "acme.WellKnown"}) {
    CHECK(std::string(f.error(type, R"({"x":1e5669})").what())
              .starts_with("not JSON, number overflow parsing '1e5669'"));
  }
}

TEST_CASE("of a key that is given twice none is taken") {
  Fixture f;
  CHECK(std::string(f.error("acme.Kinds", R"({"a_bool":true,"a_bool":false})").what()) ==
        "not JSON, the key \"a_bool\" is given twice");
  CHECK(std::string(f.error("acme.Kinds", R"({"counts":{"x":1,"y":2,"x":1}})").what()) ==
        "not JSON, the key \"x\" is given twice");
  CHECK(std::string(f.error("acme.WellKnown", R"({"object":{"x":[{"y":1,"y":1}]}})").what()) ==
        "not JSON, the key \"y\" is given twice");
}

TEST_CASE(
    "a Struct's members are written in their order, and each kind of value as protobuf does") {
  Fixture f;
  const std::string all =
      R"({"object":{"a":null,"b":-1.5,"c":"x","d":false,"e":{"f":[]},"g":[1,[null]]},)"
      R"("list":[{}],"value":{"":""}})";
  CHECK(f.encode("acme.WellKnown", all) == f.oracle("acme.WellKnown", all));
  CHECK(f.encode("acme.WellKnown", R"({"object":{"b":1,"a":2}})") !=
        f.encode("acme.WellKnown", R"({"object":{"a":2,"b":1}})"));
  CHECK(std::string(f.error("acme.WellKnown", R"({"object":5})").what()) ==
        "object: expected an object (a map), not 5");
  CHECK(std::string(f.error("acme.WellKnown", R"({"list":{}})").what()) ==
        "list: expected a list, not an object");
}

TEST_CASE("the template of every type is accepted, and shows every field") {
  const Catalog catalog;
  JsonReader reader(catalog);
  JsonWriter writer(catalog);
  std::size_t largest = 0;
  for (const std::string& name : catalog.list()) {
    CAPTURE(name);
    const auto& type = catalog.get(name);
    const auto json = json_template(type);
    std::string bytes;
    CHECK_NOTHROW(bytes = reader.encode(type, json));
    DecodedBody body;
    CHECK(writer.decode(type, bytes, body));
    CHECK(body.exact());
    CHECK(nlohmann::json::parse(body.json) == nlohmann::json::parse(json.dump()));
    largest = std::max(largest, json.dump(2).size());
    for (int i = 0; i < type.field_count(); ++i) {
      const auto& field = *type.field(i);
      const bool first =
          field.containing_oneof() == nullptr || field.containing_oneof()->field(0) == &field;
      const auto* held =
          field.is_map() ? field.message_type()->map_value()->message_type() : field.message_type();
      if (first && held != &type) CHECK_MESSAGE(json.contains(field.name()), field.full_name());
    }
  }
  MESSAGE("largest template: " << largest << " bytes");
}

TEST_CASE("templates of types with every kind of field are accepted") {
  Fixture f;
  for (const std::string name :
       {"acme.Kinds", "acme.Odd", "acme.WellKnown", "acme.Three", "acme.base.Owner"}) {
    CAPTURE(name);
    const auto& type = f.catalog.get(name);
    CHECK_NOTHROW(f.reader.encode(type, json_template(type)));
  }
}

}  // namespace

}  // namespace schema_json_reader_test
