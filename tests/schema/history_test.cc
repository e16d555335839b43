// What the types of Mesos were in earlier releases: the table, its schemas, and bodies by them.
#include "schema/history.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "body/type_codec.h"
#include "schema/body_decoder.h"
#include "schema/old_schema.h"
#include "schema/wire_format.h"

namespace schema_history_test {

namespace {

namespace pb = google::protobuf;
using namespace compactor::schema;
using Json = nlohmann::json;

/// One value for the field; messages are filled in with what they require.
void set_sample(pb::Message& message, const pb::FieldDescriptor& field);

void fill_required(pb::Message& message) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const auto& field = *message.GetDescriptor()->field(i);
    if (field.is_required() && !message.GetReflection()->HasField(message, &field))
      set_sample(message, field);
  }
}

void set_scalar(pb::Message& message, const pb::FieldDescriptor& field) {
  std::string encoded;
  const Wire wire = wire_of(field.type());
  append_tag(encoded, static_cast<std::uint32_t>(field.number()), wire);
  if (wire == Wire::i64) append_fixed(encoded, 1.5);
  if (wire == Wire::i32) append_fixed(encoded, 1.5F);
  if (wire == Wire::varint) {
    append_varint(encoded, field.enum_type() == nullptr
                               ? 1
                               : static_cast<std::uint64_t>(field.enum_type()->value(0)->number()));
  }
  if (wire == Wire::len) encoded += "\x05web.1";
  pb::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(encoded.data()),
                              static_cast<int>(encoded.size()));
  REQUIRE(message.MergePartialFromCodedStream(&in));
}

void set_sample(pb::Message& message, const pb::FieldDescriptor& field) {
  if (field.message_type() == nullptr) return set_scalar(message, field);
  const auto& reflection = *message.GetReflection();
  fill_required(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                    : *reflection.MutableMessage(&message, &field));
}

bool has_key(const Json& body, const std::string& key) {
  return body.contains(key);
}

/// What a form says, without its times.
std::string form_of(const FormerField& field) {
  return std::string(field.label) + ' ' + std::string(field.type) + ' ' + std::string(field.name) +
         '=' + std::to_string(field.number);
}

struct Fixture {
  Catalog catalog;
  OldSchemas& old = catalog.old_schemas();
  const History& history = old.history();
  BodyDecoder decoder{catalog};
  DecodedBody body;

  /// The bytes of a message as of that release that has the field of that name.
  std::string bytes_with(const pb::Descriptor& type, const std::string& field) {
    const auto message = old.make(type);
    const auto* set = type.FindFieldByName(field);
    REQUIRE(set != nullptr);
    set_sample(*message, *set);
    fill_required(*message);
    return bytes_of(*message);
  }
};

std::string lines(const std::set<std::string>& rows) {
  std::string text;
  for (const std::string& row : rows) text += row + '\n';
  return text;
}

/// A type as rows: number, label, type, name. A type that the history does not have is bytes there.
std::string rows_of(const History& history, const pb::Descriptor& type) {
  std::set<std::string> rows;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    std::string of = field.enum_type() != nullptr      ? field.enum_type()->full_name()
                     : field.message_type() != nullptr ? field.message_type()->full_name()
                                                       : field.type_name();
    if (field.message_type() != nullptr && !field.is_map() && history.find(of) == nullptr)
      of = "bytes";
    rows.insert(std::to_string(field.number()) + ' ' + std::to_string(field.label()) + ' ' + of +
                ' ' + field.name() + (field.is_map() ? " map" : ""));
  }
  return lines(rows);
}

std::string rows_of(const pb::EnumDescriptor& type) {
  std::set<std::string> rows;
  for (int i = 0; i < type.value_count(); ++i)
    rows.insert(std::to_string(type.value(i)->number()) + ' ' + type.value(i)->name());
  return lines(rows);
}

TEST_CASE("the newest schema of the history is the built-in one") {
  Fixture f;
  int same = 0;
  for (const FormerType& type : f.history.types()) {
    CAPTURE(type.name);
    const auto* now = f.catalog.find(type.name);
    if (type.is_enum || now == nullptr || !f.catalog.is_builtin(*now)) continue;
    const auto* newest = f.old.find(type.name, f.history.newest());
    REQUIRE(newest != nullptr);
    CHECK(rows_of(f.history, *newest) == rows_of(f.history, *now));
    for (int i = 0; i < now->enum_type_count(); ++i)
      CHECK(rows_of(*newest->FindEnumTypeByName(now->enum_type(i)->name())) ==
            rows_of(*now->enum_type(i)));
    ++same;
  }
  CHECK(same > 500);
}

TEST_CASE(
    "every release has a schema that protobuf takes, with every type that the table gives it") {
  Fixture f;
  for (Release release = 0; release <= f.history.newest(); ++release) {
    CAPTURE(release);
    for (const FormerType& type : f.history.types()) {
      CAPTURE(type.name);
      const bool there = !type.is_enum && type.span.covers(release);
      CHECK((f.old.find(type.name, release) != nullptr) == there);
    }
  }
}

TEST_CASE("a field that was removed or changed is decoded as it was, unless it reads as well now") {
  Fixture f;
  int by_old_schema = 0;
  std::set<std::string> as_now;
  for (const FormerType& type : f.history.types()) {
    if (type.is_enum) continue;
    for (const FormerField& field : type.fields) {
      if (field.span.until == f.history.newest()) continue;
      const std::string name(field.name);
      const Release release = std::min(field.span.until, type.span.until);
      CAPTURE(type.name);
      CAPTURE(form_of(field));
      const auto* old = f.old.find(type.name, release);
      REQUIRE(old != nullptr);
      REQUIRE(old->FindFieldByName(name) != nullptr);
      CHECK(old->FindFieldByName(name)->number() == field.number);
      const std::string bytes = f.bytes_with(*old, name);
      REQUIRE(f.decoder.decode(*f.catalog.find(type.name), bytes, f.body));
      CHECK(f.body.fits());
      const Json shown = Json::parse(f.body.json);
      if (has_key(shown, name)) {
        ++by_old_schema;
      } else {
        as_now.insert(std::string(type.name) + '.' + name);
        CHECK(f.body.schema.empty());
      }
    }
  }
  CHECK(by_old_schema > 150);
  // Another name for the same number and shape: nothing in the bytes tells them apart.
  CHECK(as_now ==
        std::set<std::string>{
            "mesos.ACL.CreateVolume.volume_types", "mesos.ACL.ReserveResources.resources",
            "mesos.ACLs.receive_offers", "mesos.ACLs.run_tasks", "mesos.HealthCheck.failures",
            "mesos.executor.Call.Subscribe.tasks", "mesos.executor.Event.susbcribed",
            "mesos.fetcher.FetcherInfo.command_info", "mesos.fetcher.FetcherInfo.frameworks_home",
            "mesos.fetcher.FetcherInfo.work_directory", "mesos.internal.ReviveOffersMessage.role",
            "mesos.internal.log.Promise.id", "mesos.internal.log.PromiseRequest.id",
            "mesos.internal.log.PromiseResponse.id", "mesos.internal.log.WriteRequest.id",
            "mesos.internal.log.WriteResponse.id", "mesos.scheduler.Call.Revive.role",
            "mesos.scheduler.Call.Suppress.role"});
}

TEST_CASE("an enum value that was removed or had another number has its old name") {
  Fixture f;
  int checked = 0;
  for (const FormerType& type : f.history.types()) {
    for (const FormerField& field : type.fields) {
      for (const FormerType& enumeration : f.history.types()) {
        if (!enumeration.is_enum || enumeration.name != field.type) continue;
        for (const FormerField& value : enumeration.fields) {
          const Release release = value.span.until;
          if (release == f.history.newest() || !field.span.covers(release)) continue;
          CAPTURE(enumeration.name);
          CAPTURE(value.name);
          const auto* old = f.old.find(type.name, release);
          if (old == nullptr) continue;
          const auto* of = old->FindFieldByName(std::string(field.name))->enum_type();
          REQUIRE(of != nullptr);
          const auto* named = of->FindValueByName(std::string(value.name));
          REQUIRE(named != nullptr);
          CHECK(named->number() == value.number);
          const auto message = f.old.make(*old);
          const auto* set = old->FindFieldByName(std::string(field.name));
          if (set->is_repeated())
            message->GetReflection()->AddEnum(message.get(), set, named);
          else
            message->GetReflection()->SetEnum(message.get(), set, named);
          fill_required(*message);
          JsonWriter writer(f.catalog);
          REQUIRE(writer.decode(*old, bytes_of(*message), f.body));
          CHECK(f.body.json.find('"' + std::string(value.name) + '"') != std::string::npos);
          ++checked;
        }
      }
    }
  }
  CHECK(checked > 40);
}

/// Number, then a number or bytes.
std::string field(std::uint32_t number, std::uint64_t value) {
  std::string bytes;
  append_tag(bytes, number, Wire::varint);
  append_varint(bytes, value);
  return bytes;
}
std::string field(std::uint32_t number, const std::string& value) {
  std::string bytes;
  append_tag(bytes, number, Wire::len);
  append_varint(bytes, value.size());
  return bytes + value;
}

TEST_CASE("a call of a 0.22 scheduler is not told as what its numbers mean now") {
  Fixture f;
  const auto& call = f.catalog.get("mesos.scheduler.Call");
  const std::string framework = field(1, field(1, "root") + field(2, "web"));
  const auto decoded = [&](const std::string& bytes) {
    REQUIRE(f.decoder.decode(call, bytes, f.body));
    return Json::parse(f.body.json);
  };
  const Json info = {{"user", "root"}, {"name", "web"}};
  CHECK(decoded(framework + field(2, 2)) == Json{{"framework_info", info}, {"type", "REREGISTER"}});
  CHECK(f.body.schema == "0.22.2");
  CHECK_FALSE(f.body.exact());
  CHECK(
      decoded(framework + field(2, 8) + field(6, field(1, field(1, "t")))) ==
      Json{{"framework_info", info}, {"type", "KILL"}, {"kill", {{"task_id", {{"value", "t"}}}}}});
  CHECK(decoded(framework + field(2, 12) + field(10, ""))["type"] == "ACCEPT");
  // A large one is not read once for each release.
  const std::string large = field(1, field(1, "root") + field(2, std::string(300'000, 'w')));
  CHECK(decoded(large + field(2, 2))["type"] == "TEARDOWN");
  CHECK(f.body.schema.empty());
  // The same of today's.
  const std::string now = field(1, field(1, "fw")) + field(2, 2);
  CHECK(decoded(now) == Json{{"framework_id", {{"value", "fw"}}}, {"type", "TEARDOWN"}});
  CHECK(f.body.schema.empty());
  CHECK(f.body.exact());
}

TEST_CASE("what no schema knows stays unknown, and is counted at every depth") {
  Fixture f;
  const auto& type = f.catalog.get("mesos.internal.StatusUpdateAcknowledgementMessage");
  const std::string bytes = field(1, field(1, "s")) + field(2, field(1, "f") + field(99, "xyz")) +
                            field(3, field(1, "t")) + field(4, "uuid") + field(98, 1);
  REQUIRE(f.decoder.decode(type, bytes, f.body));
  CHECK(f.body.schema.empty());
  CHECK(f.body.unknown_below == 6);
  CHECK(f.body.unknown == field(98, 1));
  std::string line;
  tool::SchemaCodec types;
  CHECK(types.append_text(line, type.full_name(), bytes));
  CHECK(line.ends_with("  +9 B unknown"));
  // Out of order, so that protobuf itself reads it first.
  REQUIRE(f.decoder.decode(type, field(4, "uuid") + bytes, f.body));
  CHECK(f.body.unknown_below == 6);
}

TEST_CASE("a type that Mesos no longer has is known, and as of when") {
  Fixture f;
  const auto* type = f.catalog.for_mailbox("mesos.internal.FrameworkExpiredMessage");
  REQUIRE(type != nullptr);
  REQUIRE(f.decoder.decode(*type, field(1, field(1, "fw")), f.body));
  CHECK(Json::parse(f.body.json) == Json{{"framework_id", {{"value", "fw"}}}});
  CHECK(f.body.schema == "0.20.1");
  CHECK(f.body.exact());
  CHECK(f.catalog.list("mesos.internal.FrameworkExpiredMessage").empty());
}

TEST_CASE("a user's type of a name that Mesos has keeps to itself") {
  const Catalog catalog({.import_dirs = {},
                         .protos = {TEST_DATA "/protos/old/call.proto"},
                         .protosets = {},
                         .mailboxes = {}});
  BodyDecoder decoder(catalog);
  DecodedBody body;
  REQUIRE(decoder.decode(catalog.get("mesos.scheduler.Call"),
                         field(1, field(1, "root") + field(2, "web")), body));
  CHECK(body.schema.empty());
  CHECK(body.unknown_below == 5);
}

}  // namespace

}  // namespace schema_history_test
