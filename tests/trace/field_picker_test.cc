#include "trace/field_picker.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>

#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "trace/says.h"

namespace trace_field_picker_test {

using namespace compactor::trace;
using compactor::schema::Catalog;
using compactor::schema::JsonReader;

namespace {

struct Fixture {
  Catalog catalog;
  JsonReader reader{catalog};
  const google::protobuf::Descriptor& type = catalog.get("mesos.internal.LaunchTasksMessage");
  FieldPicker picker;

  std::string body(const std::string& json) { return reader.encode_text(type, json); }
  std::vector<std::string> values(std::size_t path, const std::string& bytes) {
    std::vector<Picked> picked;
    picker.pick(bytes, picked);
    std::vector<std::string> texts;
    for (const Picked& value : picked)
      if (value.path == path) append_value(texts.emplace_back(), *picker.field(path), value);
    return texts;
  }
};

const std::string kTwo =
    R"({"framework_id":{"value":"F"},"offer_ids":[{"value":"O1"},{"value":"O2"}],"filters":{"refuse_seconds":2.5},)"
    R"("tasks":[{"name":"a","task_id":{"value":"t1"},"slave_id":{"value":"S"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]},)"
    R"({"name":"b","task_id":{"value":"t2"},"slave_id":{"value":"S"}}]})";

}  // namespace

TEST_CASE("each element of each list on the way") {
  Fixture f;
  const auto task = f.picker.add(f.type, "tasks.task_id.value");
  const auto offer = f.picker.add(f.type, "offer_ids.value");
  const auto framework = f.picker.add(f.type, "framework_id.value");
  const auto resource = f.picker.add(f.type, "tasks.resources.type");
  const auto refuse = f.picker.add(f.type, "filters.refuse_seconds");
  const auto bytes = f.body(kTwo);
  CHECK(f.values(task, bytes) == std::vector<std::string>{"t1", "t2"});
  CHECK(f.values(offer, bytes) == std::vector<std::string>{"O1", "O2"});
  CHECK(f.values(framework, bytes) == std::vector<std::string>{"F"});
  CHECK(f.values(resource, bytes) == std::vector<std::string>{"SCALAR"});
  CHECK(f.values(refuse, bytes) == std::vector<std::string>{"2.5"});
}

TEST_CASE("a path has one number; one that the type does not have is never found") {
  Fixture f;
  const auto task = f.picker.add(f.type, "tasks.task_id.value");
  CHECK(f.picker.add(f.type, "tasks.task_id.value") == task);
  const auto nothing = f.picker.add(f.type, "tasks.colour.value");
  CHECK(nothing != task);
  CHECK(f.picker.field(nothing) == nullptr);
  CHECK(f.picker.find("never.added") == f.picker.size());
  CHECK(f.values(task, f.body(kTwo)).size() == 2);
}

TEST_CASE("bytes that end anywhere give what stands before, and are told") {
  Fixture f;
  f.picker.add(f.type, "tasks.task_id.value");
  const auto bytes = f.body(kTwo);
  std::size_t told = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::vector<Picked> picked;
    if (!f.picker.pick(bytes.substr(0, size), picked)) ++told;
    CHECK(picked.size() <= 2);
  }
  CHECK(told > bytes.size() / 2);
}

TEST_CASE("a field that is written as another type than its own is not that field") {
  Fixture f;
  const auto framework = f.picker.add(f.type, "framework_id.value");
  const auto refuse = f.picker.add(f.type, "filters.refuse_seconds");
  const auto offer = f.picker.add(f.type, "offer_ids.value");
  // framework_id as a number; filters with refuse_seconds as a text; an offer id as a fixed32.
  const std::string bytes = std::string("\x08\x07", 2) + "\x2a\x03\x0a\x01x" + "\x35\1\2\3\4";
  std::vector<Picked> picked;
  CHECK(f.picker.pick(bytes, picked));
  CHECK(picked.empty());
  CHECK(f.values(framework, bytes + f.body(kTwo)) == std::vector<std::string>{"F"});
  CHECK(f.values(refuse, bytes + f.body(kTwo)) == std::vector<std::string>{"2.5"});
  CHECK(f.values(offer, bytes + f.body(kTwo)) == std::vector<std::string>{"O1", "O2"});
}

TEST_CASE("a list of numbers may come packed") {
  FieldPicker picker;
  const auto path = picker.add(*google::protobuf::SourceCodeInfo_Location::descriptor(), "path");
  for (const std::string& bytes :
       {std::string("\x0a\x03\x01\x02\x03", 5), std::string("\x08\x01\x08\x02\x08\x03", 6)}) {
    std::vector<Picked> picked;
    CHECK(picker.pick(bytes, picked));
    REQUIRE(picked.size() == 3);
    for (std::size_t i = 0; i < picked.size(); ++i) {
      CHECK(picked[i].path == path);
      CHECK(picked[i].number == i + 1);
    }
  }
}

TEST_CASE("a message in itself without end is left at some depth") {
  Fixture f;
  std::string nested;
  for (int i = 0; i < 10'000; ++i) {
    std::string outer = "\x1a";
    std::size_t size = nested.size();
    for (; size >= 128; size >>= 7) outer += static_cast<char>((size & 127) | 128);
    outer += static_cast<char>(size);
    nested = outer + nested;
    if (nested.size() > 60'000) break;
  }
  f.picker.add(f.type, "tasks.task_id.value");
  std::vector<Picked> picked;
  f.picker.pick(nested, picked);
  CHECK(picked.size() <= 1);
}

}  // namespace trace_field_picker_test
