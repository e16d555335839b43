// Any bytes as bodies of several types: no crash, valid JSON, and `exact` is never claimed wrongly.
// With clang: libFuzzer (-fsanitize=fuzzer,address); everywhere: driver.cc, with the captures as
// seeds.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "schema/json_writer.h"
#include "schema/raw_decoder.h"

namespace {

using namespace compactor::schema;

void expect(bool holds, const char* what, const char* type) {
  if (holds) return;
  std::cerr << what << " (" << type << ")\n";
  std::abort();
}

struct Room {
  Catalog catalog;
  JsonWriter writer{catalog};
  JsonReader reader{catalog};
  DecodedBody body;
};

void fuzz_type(Room& room, const char* name, std::string_view bytes) {
  const auto& type = room.catalog.get(name);
  if (!room.writer.decode(type, bytes, room.body)) {
    expect(!room.body.fault.empty() && room.body.fault_offset <= bytes.size(), "no fault", name);
    expect(room.body.fault != "an encoding that cannot be shown", "not shown", name);
    return;
  }
  expect(nlohmann::json::accept(room.body.json), "no JSON", name);
  expect(room.body.inner.empty() || nlohmann::json::accept(room.body.inner), "no inner JSON", name);
  if (!room.body.exact()) return;
  expect(room.reader.encode_text(type, room.body.json) + room.body.unknown == bytes, "not exact",
         name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Room room;
  // The seeds are whole streams: the bytes behind the first head are a body, or the start of one.
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto head = bytes.find("\r\n\r\n");
  if (head != std::string_view::npos) bytes.remove_prefix(head + 4);
  const auto chunk = bytes.find("\r\n");
  if (chunk < 10) bytes.remove_prefix(chunk + 2);
  bytes = bytes.substr(0, 2000);
  for (const char* name :
       {"mesos.internal.StatusUpdateMessage", "mesos.internal.RegisterSlaveMessage",
        "mesos.scheduler.Call", "mesos.internal.log.WriteRequest", "mesos.TaskInfo",
        "google.protobuf.Struct", "google.protobuf.Any", "google.protobuf.Duration"}) {
    fuzz_type(room, name, bytes);
  }
  std::string json;
  if (append_raw_fields(bytes, json)) expect(nlohmann::json::accept(json), "no JSON", "raw");
  // The text of a user.
  for (const char* name : {"mesos.TaskInfo", "google.protobuf.Value"}) {
    try {
      const auto& type = room.catalog.get(name);
      const std::string encoded = room.reader.encode_text(type, bytes);
      expect(room.writer.decode(type, encoded, room.body), "not decoded again", name);
    } catch (const SchemaError&) {
    }
  }
  return 0;
}
