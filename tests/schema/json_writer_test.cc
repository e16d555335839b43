#include "schema/json_writer.h"

#include <doctest/doctest.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "schema/json_reader.h"
#include "schema/template.h"
#include "schema/wire_format.h"
#include "support/random_message.h"

namespace schema_json_writer_test {

namespace {

namespace pb = google::protobuf;
using namespace compactor::schema;
using Json = nlohmann::ordered_json;

Sources test_protos() {
  return {.import_dirs = {TEST_DATA "/protos"},
          .protos = {TEST_DATA "/protos/acme/kinds.proto", TEST_DATA "/protos/acme/three.proto"},
          .protosets = {},
          .mailboxes = {}};
}

/// protobuf's own JSON, the oracle.
class Oracle {
 public:
  explicit Oracle(const pb::DescriptorPool* pool)
      : resolver_(pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", pool)) {}

  std::string json(const pb::Descriptor& type, const std::string& bytes, bool defaults = false) {
    pb::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = defaults;
    std::string text;
    const auto status =
        pb::util::BinaryToJsonString(resolver_.get(), url(type), bytes, &text, options);
    INFO(status.ToString());
    REQUIRE(status.ok());
    return text;
  }
  std::string bytes(const pb::Descriptor& type, const std::string& json) {
    std::string bytes;
    const auto status = pb::util::JsonToBinaryString(resolver_.get(), url(type), json, &bytes);
    INFO(status.ToString());
    REQUIRE(status.ok());
    return bytes;
  }

 private:
  static std::string url(const pb::Descriptor& type) {
    return "type.googleapis.com/" + type.full_name();
  }

  std::unique_ptr<pb::util::TypeResolver> resolver_;
};

struct Fixture {
  explicit Fixture(const Sources& sources = {}) : catalog(sources) {}

  DecodedBody decode(const std::string& type, std::string_view bytes) {
    DecodedBody body;
    writer.decode(catalog.get(type), bytes, body);
    return body;
  }
  /// The bytes of the JSON and the unknown fields of a body.
  std::string again(const std::string& type, const DecodedBody& body) {
    return reader.encode_text(catalog.get(type), body.json) + body.unknown;
  }
  std::unique_ptr<pb::Message> random(const std::string& type,
                                      schema_test::RandomMessages& random) {
    auto message = catalog.make(catalog.get(type));
    random.fill(*message);
    return message;
  }

  Catalog catalog;
  JsonWriter writer{catalog};
  JsonReader reader{catalog};
};

void survives(Fixture& f, Oracle& oracle, const std::string& type, const pb::Message& message) {
  const std::string bytes = bytes_of(message);
  const DecodedBody body = f.decode(type, bytes);
  CAPTURE(type);
  CAPTURE(body.json);
  CHECK(body.fault == "");
  CHECK(body.inexact == "");
  CHECK(body.unknown.empty());
  CHECK(f.again(type, body) == bytes);
  const auto& descriptor = f.catalog.get(type);
  const auto ours = nlohmann::json::parse(body.json);
  const auto theirs = oracle.json(descriptor, bytes);
  CHECK(nlohmann::json::diff(ours, nlohmann::json::parse(theirs)).dump() == "[]");
  // Each takes what the other has written.
  CHECK(f.reader.encode_text(descriptor, theirs) == bytes);
  const auto read = f.catalog.make(descriptor);
  REQUIRE(read->ParseFromString(oracle.bytes(descriptor, body.json)));
  CHECK(bytes_of(*read) == bytes);
}

/// Two of each type, or as many as the environment asks for.
int random_rounds() {
  const char* wanted = std::getenv("COMPACTOR_RANDOM_MESSAGES");
  return wanted == nullptr ? 2 : std::stoi(wanted);
}

std::string varint_field(std::uint32_t number, std::uint64_t value) {
  std::string bytes;
  append_tag(bytes, number, Wire::varint);
  append_varint(bytes, value);
  return bytes;
}

std::string len_field(std::uint32_t number, std::string_view value) {
  std::string bytes;
  append_tag(bytes, number, Wire::len);
  append_varint(bytes, value.size());
  return bytes.append(value);
}

TEST_CASE("random messages of every built-in type survive, and look as protobuf shows them") {
  Fixture f;
  const pb::DescriptorPool* pool = f.catalog.get("mesos.Task").file()->pool();
  Oracle oracle(pool);
  schema_test::RandomMessages random(1);
  for (const std::string& type : f.catalog.list()) {
    for (int round = 0; round < random_rounds(); ++round)
      survives(f, oracle, type, *f.random(type, random));
  }
}

TEST_CASE("random messages with every kind of field survive") {
  Fixture f(test_protos());
  Oracle oracle(f.catalog.get("acme.Kinds").file()->pool());
  schema_test::RandomMessages random(2);
  for (int round = 0; round < 300; ++round) {
    for (const std::string type : {"acme.Kinds", "acme.Three", "acme.base.Owner"}) {
      survives(f, oracle, type, *f.random(type, random));
    }
  }
}

TEST_CASE("random messages with groups and floats survive") {
  Fixture f(test_protos());
  schema_test::RandomMessages random(8);
  for (int round = 0; round < 300; ++round) {
    const std::string bytes = bytes_of(*f.random("acme.Odd", random));
    const DecodedBody body = f.decode("acme.Odd", bytes);
    CHECK(body.inexact == "");
    CHECK(f.again("acme.Odd", body) == bytes);
  }
  std::string group;
  append_tag(group, 3, Wire::group);
  group += varint_field(1, 7);
  CHECK(f.decode("acme.Odd", group).fault == "cut off inside a group");
  append_tag(group, 3, Wire::end_group);
  CHECK(f.decode("acme.Odd", group).json == R"({"pair":{"left":7}})");
}

TEST_CASE("fields stand in the order of their numbers, as protobuf prints them") {
  Fixture f;
  Oracle oracle(f.catalog.get("mesos.Task").file()->pool());
  schema_test::RandomMessages random(3);
  for (const std::string type :
       {"mesos.Resource", "mesos.TaskInfo", "mesos.internal.RegisterSlaveMessage"}) {
    const std::string bytes = bytes_of(*f.random(type, random));
    const Json ours = Json::parse(f.decode(type, bytes).json);
    const Json theirs = Json::parse(oracle.json(f.catalog.get(type), bytes));
    CHECK(ours.dump() == theirs.dump());
  }
}

TEST_CASE("an empty body is an empty object") {
  Fixture f;
  const DecodedBody body = f.decode("mesos.internal.PongSlaveMessage", "");
  CHECK(body.json == "{}");
  CHECK(body.exact());
}

TEST_CASE("defaults are shown when asked for, as protobuf shows them") {
  Fixture f(test_protos());
  JsonWriter writer(f.catalog, {.emit_defaults = true, .inner = false});
  Oracle oracle(f.catalog.get("acme.Kinds").file()->pool());
  schema_test::RandomMessages random(4);
  for (const std::string type : {"acme.Kinds", "acme.Three", "acme.base.Owner"}) {
    for (int round = 0; round < 50; ++round) {
      const std::string bytes = bytes_of(*f.random(type, random));
      DecodedBody body;
      REQUIRE(writer.decode(f.catalog.get(type), bytes, body));
      const auto ours = nlohmann::json::parse(body.json);
      const auto theirs = nlohmann::json::parse(oracle.json(f.catalog.get(type), bytes, true));
      CHECK(nlohmann::json::diff(ours, theirs).dump() == "[]");
      CHECK(body.exact() == (f.again(type, body) == bytes));
    }
  }
  DecodedBody body;
  REQUIRE(writer.decode(f.catalog.get("acme.base.Owner"), len_field(1, "x"), body));
  CHECK(body.json == R"({"name":"x","state":"TASK_STAGING"})");
  CHECK_FALSE(body.exact());  // the state would be sent
}

TEST_CASE("unknown fields are handed out as they came") {
  Fixture f;
  const std::string known = len_field(1, "me");
  const std::string unknown = varint_field(77, 5) + len_field(78, "x");
  const DecodedBody body = f.decode("mesos.TaskID", known + unknown);
  CHECK(body.json == R"({"value":"me"})");
  CHECK(body.unknown == unknown);
  CHECK(body.exact());
  CHECK(f.again("mesos.TaskID", body) == known + unknown);
}

TEST_CASE("unknown fields in front or below cannot be put back by appending them, and it says so") {
  Fixture f;
  const DecodedBody front = f.decode("mesos.TaskID", varint_field(77, 5) + len_field(1, "me"));
  CHECK(front.json == R"({"value":"me"})");
  CHECK(front.inexact == "unknown fields in front of known ones");
  const std::string nested =
      len_field(1, "child") + len_field(2, len_field(1, "top") + varint_field(9, 1));
  const DecodedBody below = f.decode("mesos.ContainerID", nested);
  CHECK(below.json == R"({"value":"child","parent":{"value":"top"}})");
  CHECK(below.inexact == "unknown fields below the top level");
  CHECK(below.unknown.empty());
}

TEST_CASE("extensions are unknown fields, whether or not the catalog knows them") {
  Fixture f(test_protos());
  const std::string at_end = varint_field(2, 3) + len_field(100, "nick");
  CHECK(f.decode("acme.Kinds", at_end).unknown == len_field(100, "nick"));
  CHECK(f.decode("acme.Kinds", at_end).exact());
  const DecodedBody between = f.decode("acme.Kinds", at_end + len_field(200, "behind"));
  CHECK(between.json == R"({"an_int32":3,"behind_extensions":"behind"})");
  CHECK_FALSE(between.exact());
  // The same when protobuf has to put it in order first.
  const DecodedBody ordered =
      f.decode("acme.Kinds", len_field(100, "nick") + varint_field(2, 4) + varint_field(2, 3));
  CHECK(ordered.json == R"({"an_int32":3})");
  CHECK(ordered.unknown == len_field(100, "nick"));
  CHECK_FALSE(ordered.exact());
}

TEST_CASE("what protobuf merges is merged: the last of a singular field counts") {
  Fixture f(test_protos());
  const DecodedBody twice =
      f.decode("mesos.TaskID", len_field(1, "first") + len_field(1, "second"));
  CHECK(twice.json == R"({"value":"second"})");
  CHECK(twice.inexact == "an encoding that no serializer of protobuf writes");
  const DecodedBody merged =
      f.decode("acme.Kinds", len_field(17, len_field(1, "me")) + varint_field(2, 1) +
                                 len_field(17, varint_field(2, 1)));
  CHECK(merged.json == R"({"an_int32":1,"owner":{"name":"me","state":"TASK_RUNNING"}})");
  const DecodedBody oneof = f.decode("acme.Kinds", len_field(31, "text") + varint_field(32, 5));
  CHECK(oneof.json == R"({"chosen_number":5})");
  CHECK_FALSE(oneof.exact());
  const DecodedBody back =
      f.decode("acme.Kinds", len_field(31, "a") + varint_field(32, 5) + len_field(31, "b"));
  CHECK(back.json == R"({"chosen_text":"b"})");
  const DecodedBody split =
      f.decode("acme.Kinds", varint_field(18, 1) + varint_field(2, 9) + varint_field(18, 2));
  CHECK(split.json == R"({"an_int32":9,"plain":[1,2]})");
  CHECK_FALSE(split.exact());
}

namespace {

/// The same fields in the reverse order of their numbers, those of one number as they came.
std::string reversed(std::string_view bytes) {
  std::map<std::uint32_t, std::string, std::greater<>> fields;
  WireCursor in(bytes);
  while (!in.done()) {
    const char* at = in.at;
    std::uint32_t number = 0;
    Wire wire{};
    REQUIRE((in.tag(number, wire) && in.skip(number, wire)));
    fields[number].append(at, in.at);
  }
  std::string result;
  for (const auto& [number, field] : fields) result += field;
  return result;
}

}  // namespace

TEST_CASE(
    "fields in another order, and messages after each other, are read as protobuf reads them") {
  Fixture f(test_protos());
  schema_test::RandomMessages random(9);
  auto types = f.catalog.list("mesos.*");
  types.insert(types.end(), 50, "acme.Kinds");
  types.insert(types.end(), 50, "acme.Three");
  types.insert(types.end(), 50, "acme.Odd");
  for (const std::string& type : types) {
    CAPTURE(type);
    const std::string one = bytes_of(*f.random(type, random));
    CHECK(f.decode(type, reversed(one)).json == f.decode(type, one).json);
    const std::string two = one + bytes_of(*f.random(type, random));
    CAPTURE(two.size());
    const auto merged = f.catalog.make(f.catalog.get(type));
    REQUIRE(merged->ParseFromString(two));
    const DecodedBody body = f.decode(type, two);
    CHECK(body.fault == "");
    // bytes_of() sorts maps.
    using nlohmann::json;
    CHECK(json::parse(body.json) == json::parse(f.decode(type, bytes_of(*merged)).json));
    CHECK(body.missing.empty());
  }
}

TEST_CASE("an enum value without a name is shown in any order of the fields, and is there") {
  Fixture f;
  const std::string id = len_field(1, len_field(1, "t"));
  const DecodedBody odd = f.decode("mesos.TaskStatus", varint_field(2, 99) + id);
  CHECK(odd.json == R"({"task_id":{"value":"t"},"state":99})");
  CHECK(odd.missing.empty());
  CHECK(odd.unnamed == 1);
  const DecodedBody below =
      f.decode("mesos.internal.StatusUpdate", len_field(4, id + varint_field(2, 99)));
  CHECK(below.json == R"({"status":{"task_id":{"value":"t"},"state":99}})");
  CHECK(below.missing == std::vector<std::string>{"framework_id", "timestamp"});
}

TEST_CASE("packed where unpacked is declared, and the other way round") {
  Fixture f(test_protos());
  const DecodedBody packed = f.decode("acme.Kinds", len_field(18, std::string("\x01\x02", 2)));
  CHECK(packed.json == R"({"plain":[1,2]})");
  CHECK_FALSE(packed.exact());
  const DecodedBody unpacked = f.decode("acme.Kinds", varint_field(19, 1) + varint_field(19, 2));
  CHECK(unpacked.json == R"({"packed":["-1","1"]})");
  CHECK_FALSE(unpacked.exact());
  const DecodedBody in_two = f.decode("acme.Kinds", len_field(19, "\x01") + len_field(19, "\x02"));
  CHECK(in_two.json == R"({"packed":["-1","1"]})");
  CHECK_FALSE(in_two.exact());
  CHECK(f.decode("acme.Kinds", len_field(19, "")).json == "{}");
}

TEST_CASE("numbers that a serializer would have written shorter, or that do not fit") {
  Fixture f(test_protos());
  for (const auto& row : std::vector<std::pair<std::string, std::string>>{
           {std::string("\x10\x85\x00", 3), R"({"an_int32":5})"},  // 5 in two bytes
           {std::string("\x90\x00\x05", 3), R"({"an_int32":5})"},  // its tag in two bytes
           {varint_field(2, 0xffffffff), R"({"an_int32":-1})"},    // -1 in five bytes
           {varint_field(1, 2), R"({"a_bool":true})"},
           {varint_field(4, std::uint64_t{1} << 32), R"({"a_uint32":0})"},
           {std::string("\x8a\x01\x83\x00\x0a\x01x", 7), R"({"owner":{"name":"x"}})"}}) {
    CAPTURE(row.second);
    const DecodedBody body = f.decode("acme.Kinds", row.first);
    CHECK(body.json == row.second);
    CHECK_FALSE(body.exact());
  }
}

TEST_CASE("a proto3 zero is the same as nothing") {
  Fixture f(test_protos());
  const DecodedBody zero = f.decode("acme.Three", varint_field(1, 0) + varint_field(2, 0));
  CHECK(zero.json == R"({"maybe":0})");
  CHECK_FALSE(zero.exact());
}

TEST_CASE("enum numbers without a name are numbers, and go back to the same bytes") {
  Fixture f(test_protos());
  const std::string bytes = varint_field(16, 99) + varint_field(20, 1) + varint_field(20, 99);
  const DecodedBody body = f.decode("acme.Kinds", bytes);
  CHECK(body.json == R"({"colour":99,"colours":["RED",99]})");
  CHECK(body.exact());
  CHECK(f.again("acme.Kinds", body) == bytes);
  const DecodedBody wide = f.decode("acme.Kinds", varint_field(16, (std::uint64_t{1} << 32) + 1));
  CHECK(wide.json == R"({"colour":"RED"})");
  CHECK_FALSE(wide.exact());
}

TEST_CASE("a NaN with unusual bits is shown, and said not to come back") {
  Fixture f(test_protos());
  std::string bytes;
  append_tag(bytes, 13, Wire::i64);
  append_fixed(bytes, std::uint64_t{0x7ff8000000000001});
  const DecodedBody body = f.decode("acme.Kinds", bytes);
  CHECK(body.json == R"({"a_double":"NaN"})");
  CHECK(body.inexact == "an unusual NaN");
}

TEST_CASE("a string that is not UTF-8 stays valid JSON") {
  Fixture f(test_protos());
  const DecodedBody body = f.decode("mesos.TaskID", len_field(1, "a\xff\xc3z"));
  CHECK(body.json == "{\"value\":\"a\xef\xbf\xbd\xef\xbf\xbdz\"}");
  CHECK(body.inexact == "a string that is not UTF-8");
}

TEST_CASE("maps: any order of the entries comes back, odd entries are put in order") {
  Fixture f(test_protos());
  const auto entry = [](const std::string& key, std::uint64_t value) {
    return len_field(27, len_field(1, key) + varint_field(2, value));
  };
  const std::string unsorted = entry("b", 1) + entry("a", 2) + entry("c", 0);
  const DecodedBody body = f.decode("acme.Kinds", unsorted);
  CHECK(body.json == R"({"counts":{"b":"1","a":"2","c":"0"}})");
  CHECK(body.exact());
  CHECK(f.again("acme.Kinds", body) == unsorted);
  const DecodedBody twice = f.decode("acme.Kinds", entry("a", 1) + entry("a", 2));
  CHECK(twice.json == R"({"counts":{"a":"2"}})");
  CHECK_FALSE(twice.exact());
  const DecodedBody bare = f.decode("acme.Kinds", len_field(27, ""));
  CHECK(bare.json == R"({"counts":{"":"0"}})");
  CHECK_FALSE(bare.exact());
  // With messages as values: two entries of one key, one without a value, one without a key.
  const std::string me = len_field(2, len_field(1, "me"));
  const std::string you = len_field(2, len_field(1, "you"));
  const DecodedBody odd =
      f.decode("acme.Kinds", len_field(28, varint_field(1, 5) + me) +
                                 len_field(28, varint_field(1, 5) + you) +
                                 len_field(28, varint_field(1, 6)) + len_field(28, you));
  CHECK(odd.fault == "");
  CHECK(odd.json == R"({"by_number":{"5":{"name":"you"},"6":{},"0":{"name":"you"}}})");
  CHECK_FALSE(odd.exact());
  CHECK(odd.missing.size() == 1);
}

TEST_CASE("missing required fields are named, and the rest is shown") {
  Fixture f;
  const DecodedBody body =
      f.decode("mesos.internal.StatusUpdateMessage", len_field(2, "slave(1)@1.2.3.4:5051"));
  CHECK(body.ok());
  CHECK(body.json == R"({"pid":"slave(1)@1.2.3.4:5051"})");
  CHECK(body.missing == std::vector<std::string>{"update"});
  CHECK(body.inexact == "required fields are missing");
  const DecodedBody nested = f.decode("mesos.ContainerID", len_field(1, "a") + len_field(2, ""));
  CHECK(nested.missing == std::vector<std::string>{"parent.value"});
}

TEST_CASE("of a list of empty messages a thousand missing fields are named") {
  Fixture f;
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += len_field(3, "");
  const DecodedBody body = f.decode("mesos.internal.ReregisterSlaveMessage", bytes);
  REQUIRE(body.missing.size() == 1001);
  CHECK(body.missing.back() == "…");
}

TEST_CASE("a type that has the name of one of Google's, and other fields, is any type") {
  pb::FileDescriptorSet set;
  auto& file = *set.add_file();
  file.set_name("google/protobuf/struct.proto");
  file.set_package("google.protobuf");
  for (const char* name : {"Struct", "ListValue", "Value", "Int32Value", "Any"})
    file.add_message_type()->set_name(name);
  const std::string path = BUILD_ROOT "/json_writer_test.protoset";
  std::ofstream(path, std::ios::binary) << set.SerializeAsString();
  Sources sources;
  sources.protosets = {path};
  Fixture f(sources);
  for (const auto& message : file.message_type()) {
    const std::string type = "google.protobuf." + message.name();
    CAPTURE(type);
    CHECK(f.decode(type, "").json == "{}");
    CHECK(f.reader.encode_text(f.catalog.get(type), "{}").empty());
    CHECK(json_template(f.catalog.get(type)).dump() == "{}");
  }
  std::filesystem::remove(path);
}

TEST_CASE("a body that is no message of its type: reason and offset") {
  Fixture f;
  struct Case {
    std::string bytes;
    std::string fault;
    std::size_t offset;
  };
  const std::string task = len_field(1, "id");
  for (const auto& [bytes, fault, offset] :
       std::vector<Case>{{task + "\x0a\x7f", "a length that runs past the end", 5},
                         {task + std::string("\x0a", 1), "cut off inside a varint", 5},
                         {task + std::string("\x00\x01", 2), "no valid field number", 4},
                         {task + "\x0f", "no valid wire type", 4},
                         {task + "\x14", "the end of a group that did not begin", 5},
                         {task + "\x1b\x08\x01", "cut off inside a group", 7},
                         {task + "\x29\x01", "cut off inside a number", 5},
                         {std::string(11, '\xff'), "a varint of more than 10 bytes", 0}}) {
    const DecodedBody body = f.decode("mesos.TaskID", bytes);
    CHECK(body.fault == fault);
    CHECK(body.fault_offset == offset);
    CHECK(body.json.empty());
  }
  // Inside a message that protobuf would have to put in order first.
  const DecodedBody late =
      f.decode("mesos.ContainerID", task + task + len_field(2, "\x0a\x05") + task);
  CHECK(late.fault == "a length that runs past the end");
  CHECK(late.fault_offset == 11);
}

TEST_CASE("every cut of a good body is a fault, or a message that says what is missing") {
  Fixture f;
  schema_test::RandomMessages random(5);
  for (const std::string type :
       {"mesos.internal.StatusUpdateMessage", "mesos.internal.ReregisterSlaveMessage"}) {
    const std::string bytes = bytes_of(*f.random(type, random));
    for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 2000); ++cut) {
      const DecodedBody body = f.decode(type, std::string_view(bytes).substr(0, cut));
      if (body.ok())
        CHECK((body.exact() ==
               (body.missing.empty() && f.again(type, body) == bytes.substr(0, cut))));
      else
        CHECK(body.fault_offset <= cut);
    }
  }
}

TEST_CASE("nesting as deep as protobuf allows is shown, deeper is refused") {
  Fixture f;
  const auto nested = [](int levels) {
    std::string bytes = len_field(1, "x");
    for (int i = 0; i < levels; ++i) bytes = len_field(1, "x") + len_field(2, bytes);
    return bytes;
  };
  const std::string deep = nested(100);
  CHECK(f.decode("mesos.ContainerID", deep).exact());
  CHECK(f.again("mesos.ContainerID", f.decode("mesos.ContainerID", deep)) == deep);
  CHECK(f.decode("mesos.ContainerID", nested(101)).fault == "nested too deep");
  CHECK(f.decode("mesos.ContainerID", nested(5000)).fault == "nested too deep");
}

TEST_CASE("well-known types have their own JSON") {
  Fixture f(test_protos());
  const std::string type = "acme.WellKnown";
  const auto same = [&](const std::string& json) {
    CAPTURE(json);
    const std::string bytes = f.reader.encode_text(f.catalog.get(type), json);
    const DecodedBody body = f.decode(type, bytes);
    CHECK(body.json == json);
    CHECK(body.exact());
    CHECK(f.again(type, body) == bytes);
  };
  same(R"({"timestamp":"2026-01-31T12:00:00.500Z","duration":"-1.500s"})");
  same(R"({"object":{"a":[1,"x",null,true,{"b":{}}]}})");
  same(R"({"value":null})");
  same(R"({"value":[1.5]})");
  same(R"({"list":["a",2]})");
  same(R"({"mask":"a.b,cD"})");
  same(R"({"wrapped":"-5","strings":["","x"],"nothing":null})");
  same(R"({"any":{"@type":"type.googleapis.com/acme.base.Owner","name":"me"}})");
  same(R"({"any":{"@type":"type.googleapis.com/mesos.TaskID","value":"t"}})");
}

TEST_CASE("well-known types without a JSON form are shown by their fields") {
  Fixture f(test_protos());
  const std::string unknown_any =
      len_field(7, len_field(1, "type.googleapis.com/who.Knows") + len_field(2, "\x08\x01"));
  const DecodedBody any = f.decode("acme.WellKnown", unknown_any);
  CHECK(any.json == R"({"any":{"type_url":"type.googleapis.com/who.Knows","value":"CAE="}})");
  CHECK(any.exact());
  CHECK(f.again("acme.WellKnown", any) == unknown_any);
  const std::string late = len_field(1, varint_field(1, std::uint64_t{1} << 60));
  const DecodedBody timestamp = f.decode("acme.WellKnown", late);
  CHECK(timestamp.json == R"({"timestamp":{"seconds":"1152921504606846976"}})");
  CHECK_FALSE(timestamp.exact());
}

TEST_CASE("what a well-known type's JSON cannot say is not said wrongly") {
  Fixture f(test_protos());
  const auto shown = [&](const std::string& bytes) {
    const DecodedBody body = f.decode("acme.WellKnown", bytes);
    CHECK(body.ok());
    CHECK_FALSE(body.exact());
    CHECK(nlohmann::json::accept(body.json));
    return body.json;
  };
  const auto seconds_and_nanos = [](std::int64_t seconds, std::int64_t nanos) {
    return varint_field(1, static_cast<std::uint64_t>(seconds)) +
           varint_field(2, static_cast<std::uint64_t>(nanos));
  };
  // protobuf prints these as "1.294967291s" and "0.294967295s", numbers that are in no byte.
  CHECK(shown(len_field(2, seconds_and_nanos(1, -5))) ==
        R"({"duration":{"seconds":"1","nanos":-5}})");
  CHECK(shown(len_field(2, seconds_and_nanos(-1, 5))) ==
        R"({"duration":{"seconds":"-1","nanos":5}})");
  CHECK(shown(len_field(1, seconds_and_nanos(1, -5))) ==
        R"({"timestamp":{"seconds":"1","nanos":-5}})");
  CHECK(shown(len_field(1, seconds_and_nanos(1, 1'000'000'000))) ==
        R"({"timestamp":{"seconds":"1","nanos":1000000000}})");
  // A Value without a kind: alone, in a list, and in a Struct.
  CHECK(shown(len_field(4, "")) == R"({"value":null})");
  CHECK(shown(len_field(5, len_field(1, ""))) == R"({"list":[null]})");
  CHECK(shown(len_field(3, len_field(1, len_field(1, "k") + len_field(2, "")))) ==
        R"({"object":{"k":null}})");
  CHECK(shown(len_field(4, varint_field(1, 7))) == R"({"value":null})");
  CHECK(shown(varint_field(10, 7)) == R"({"nothing":null})");
}

TEST_CASE("an Any of such a value is shown by its fields, which is exact") {
  Fixture f(test_protos());
  const auto any_of = [](const std::string& type, const std::string& value) {
    return len_field(7, len_field(1, "type.googleapis.com/" + type) + len_field(2, value));
  };
  for (const std::string& bytes :
       {any_of("google.protobuf.ListValue", len_field(1, "")),
        any_of("google.protobuf.Struct", len_field(1, len_field(1, "k") + len_field(2, ""))),
        any_of("google.protobuf.Duration",
               varint_field(1, 1) + varint_field(2, static_cast<std::uint64_t>(-5)))}) {
    const DecodedBody body = f.decode("acme.WellKnown", bytes);
    CAPTURE(body.json);
    CHECK(body.json.starts_with(R"({"any":{"type_url":"type.googleapis.com/google.protobuf.)"));
    CHECK(body.exact());
    CHECK(f.again("acme.WellKnown", body) == bytes);
  }
}

TEST_CASE("a Struct that a peer nests without end is refused at once") {
  Fixture f(test_protos());
  const auto nested = [](int levels) {
    std::string value = varint_field(4, 1);
    for (int i = 0; i < levels; ++i) value = len_field(6, len_field(1, value));
    return len_field(4, value);
  };
  const DecodedBody deepest = f.decode("acme.WellKnown", nested(49));
  CHECK(deepest.exact());
  CHECK(f.again("acme.WellKnown", deepest) == nested(49));
  CHECK(f.decode("acme.WellKnown", nested(51)).fault == "nested too deep");
  CHECK(f.decode("acme.WellKnown", nested(8000)).fault == "nested too deep");
}

TEST_CASE("an Any in an Any in an Any … costs no more than its bytes") {
  Fixture f(test_protos());
  std::string any =
      len_field(1, "type.googleapis.com/mesos.TaskID") + len_field(2, len_field(1, "t"));
  for (int i = 0; i < 12000; ++i)
    any = len_field(1, "type.googleapis.com/google.protobuf.Any") + len_field(2, any);
  const DecodedBody body = f.decode("acme.WellKnown", len_field(7, any));
  CHECK(body.exact());
  CHECK(f.again("acme.WellKnown", body) == len_field(7, any));
}

TEST_CASE("unknown fields in a Struct, and Structs that no serializer writes") {
  Fixture f(test_protos());
  const std::string string_kind = len_field(3, "x");
  const DecodedBody strange =
      f.decode("acme.WellKnown", len_field(4, varint_field(9, 1) + string_kind));
  CHECK(strange.json == R"({"value":"x"})");
  CHECK(strange.inexact == "unknown fields below the top level");
  // Of two kinds the last one counts.
  const DecodedBody two =
      f.decode("acme.WellKnown", len_field(4, varint_field(4, 1) + string_kind));
  CHECK(two.json == R"({"value":"x"})");
  CHECK_FALSE(two.exact());
  const DecodedBody top = f.decode("google.protobuf.Value", string_kind + varint_field(9, 1));
  CHECK(top.json == "\"x\"");
  CHECK(top.exact());
  CHECK(f.again("google.protobuf.Value", top) == string_kind + varint_field(9, 1));
}

TEST_CASE("random bytes are never a crash, and exact is never claimed wrongly") {
  Fixture f(test_protos());
  schema_test::RandomMessages random(6);
  const std::vector<std::string> types{"acme.Kinds",
                                       "acme.Three",
                                       "acme.WellKnown",
                                       "google.protobuf.Struct",
                                       "google.protobuf.Any",
                                       "mesos.TaskInfo",
                                       "mesos.internal.StatusUpdateMessage"};
  std::size_t shown = 0;
  for (int round = 0; round < 10000; ++round) {
    const std::string& type = types[random.below(static_cast<int>(types.size()))];
    const std::string bytes = random.bytes(40);
    const DecodedBody body = f.decode(type, bytes);
    CAPTURE(type);
    CHECK(body.fault != "an encoding that cannot be shown");
    if (!body.ok()) continue;
    ++shown;
    CHECK(nlohmann::json::accept(body.json));
    if (body.exact()) CHECK(f.again(type, body) == bytes);
  }
  CHECK(shown > 0);
}

TEST_CASE("messages with a few bytes changed: never a crash, and exact is never claimed wrongly") {
  Fixture f(test_protos());
  schema_test::RandomMessages random(7);
  const std::vector<std::string> types{"acme.Kinds", "acme.Three", "mesos.TaskInfo", "mesos.Offer",
                                       "mesos.internal.StatusUpdateMessage"};
  std::size_t exact = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string& type = types[random.below(static_cast<int>(types.size()))];
    std::string bytes = bytes_of(*f.random(type, random));
    if (bytes.empty() || bytes.size() > 2000) continue;
    for (auto n = random.below(3); n < 3; ++n) {
      bytes[random.below(static_cast<int>(bytes.size()))] = static_cast<char>(random.below(256));
    }
    const DecodedBody body = f.decode(type, bytes);
    CAPTURE(type);
    CHECK(body.fault != "an encoding that cannot be shown");
    if (!body.ok()) continue;
    CHECK(nlohmann::json::accept(body.json));
    if (!body.exact()) continue;
    ++exact;
    CHECK(f.again(type, body) == bytes);
  }
  CHECK(exact > 0);
}

}  // namespace

}  // namespace schema_json_writer_test
