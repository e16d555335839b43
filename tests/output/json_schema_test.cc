#include "support/json_schema.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace output_json_schema_test {

namespace {

using Json = nlohmann::json;

const JsonSchemas& schemas() {
  static const JsonSchemas all(SOURCE_ROOT "/tools/json");
  return all;
}

Json exited() {
  return {{"type", "exited"},
          {"time", "2026-01-31T12:00:00.123456789Z"},
          {"time_s", 1769860800.123456789},
          {"pid", "a@1.2.3.4:5"},
          {"reason", "gone"}};
}

}  // namespace

TEST_CASE("a line that fits passes, each way not to fit is found") {
  CHECK(schemas().fault_of(exited()) == "");
  Json line = exited();
  line["colour"] = "red";
  CHECK(schemas().fault_of(line).find("unknown field colour") != std::string::npos);
  line = exited();
  line.erase("pid");
  CHECK(schemas().fault_of(line).find("required") != std::string::npos);
  line = exited();
  line["reason"] = "bored";
  CHECK(schemas().fault_of(line).find("enum") != std::string::npos);
  line = exited();
  line["pid"] = 5;
  CHECK(schemas().fault_of(line).find("type") != std::string::npos);
  CHECK(schemas().fault_of({{"type", "unheard"}}).find("no schema") != std::string::npos);
  CHECK(schemas().fault_of({{"pid", "x"}}).find("no object with a type") != std::string::npos);
  CHECK(
      schemas()
          .fault_of({{"type", "error"}, {"kind", "x"}, {"message", ""}, {"hint", ""}, {"exit", 1}})
          .find("minimum") != std::string::npos);
  Json metric = {{"type", "metric"},
                 {"time", "2026-01-31 12:00:00"},
                 {"time_s", 1769860800},
                 {"name", "a"},
                 {"value", 1}};
  CHECK(schemas().fault_of(metric).find("pattern") != std::string::npos);
  metric["time"] = "2026-01-31T12:00:00.123456789Z";
  CHECK(schemas().fault_of(metric) == "");
}

TEST_CASE("every line that sniff printed of the captures fits") {
  std::size_t unanswered = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_GOLDEN "/sniff")) {
    CAPTURE(entry.path().string());
    std::ifstream file(entry.path());
    for (std::string text; std::getline(file, text);) {
      const auto line = Json::parse(text);
      CHECK(schemas().fault_of(line) == "");
      if (line["type"] == "message" && line["latency_us"].is_null()) ++unanswered;
    }
  }
  CHECK(unanswered > 0);
}

TEST_CASE("of the summaries one must fit") {
  Json summary = {
      {"type", "summary"}, {"linked", 1}, {"exited", 1}, {"gone", 0}, {"reconnects", 0}};
  CHECK(schemas().fault_of(summary) == "");
  summary["rounds"] = 1;
  CHECK(schemas().fault_of(summary) != "");
}

TEST_CASE("a schema that says what nobody checks is refused") {
  CHECK_THROWS(schemas().check({{"maxLength", 5}}, "text", ""));
  CHECK_THROWS(schemas().check({{"type", "text"}}, "text", ""));
}

TEST_CASE("every schema is closed, describes each field, and is listed in the one for any line") {
  std::set<std::string> listed;
  for (const auto& item : schemas().all().at("compactor.schema.json")["oneOf"]) {
    listed.insert(item["$ref"].get<std::string>());
  }
  for (const auto& entry : schemas().all()) {
    const auto& name = entry.first;  // clang 14 cannot capture a structured binding
    const auto& schema = entry.second;
    if (name == "compactor.schema.json") continue;
    CAPTURE(name);
    CHECK(listed.erase(name) == 1);
    CHECK(schema["$id"] == name);
    CHECK(schema["additionalProperties"] == false);
    for (const auto& field : schema["properties"].items()) {
      CAPTURE(field.key());
      CHECK(field.value().contains("description"));
    }
  }
  CHECK(listed.empty());
}

}  // namespace output_json_schema_test
