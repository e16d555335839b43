// Every protobuf body that the captures of a real cluster hold.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "schema/catalog.h"
#include "schema/json_reader.h"
#include "schema/json_writer.h"
#include "support/pcap_streams.h"
#include "support/wire_streams.h"
#include "wire/message.h"

namespace schema_captured_bodies_test {

namespace {

using namespace compactor;

struct Body {
  std::string name;
  std::string bytes;
};

/// The bodies of all libprocess messages that are named after a protobuf type.
std::vector<Body> captured() {
  struct Bodies : wire::Sink {
    bool on_message(const wire::HttpMessage& message) override {
      const auto head = wire::message_head(message);
      if (head && head->name.find('.') != std::string_view::npos) {
        found.push_back({std::string(head->name), std::string(message.body)});
      }
      return true;
    }
    std::vector<Body> found;
  } sink;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/captures/mesos")) {
    if (entry.path().extension() != ".pcap") continue;
    for (const auto& stream : pcap_streams::read(entry.path())) {
      wire::Parser parser(wire::Kind::request);
      parser.feed(stream.requests, sink);
    }
  }
  return sink.found;
}

TEST_CASE("captured bodies decode, complete and known, and encode to the same bytes") {
  const schema::Catalog catalog;
  schema::JsonWriter writer(catalog);
  schema::JsonReader reader(catalog);
  std::map<std::string, int> seen;
  for (const Body& body : captured()) {
    CAPTURE(body.name);
    ++seen[body.name];
    const auto* type = catalog.for_mailbox(body.name);
    REQUIRE(type != nullptr);
    schema::DecodedBody decoded;
    CHECK(writer.decode(*type, body.bytes, decoded));
    CHECK(decoded.inexact == "");
    CHECK(decoded.unknown.empty());
    CHECK(decoded.missing.empty());
    CHECK(reader.encode_text(*type, decoded.json) == body.bytes);
    if (!decoded.inner.empty()) CHECK(nlohmann::json::accept(decoded.inner));
  }
  CHECK(seen.size() >= 16);
  CHECK(seen["mesos.internal.StatusUpdateMessage"] > 10);
  CHECK(seen["mesos.scheduler.Call"] > 10);
}

TEST_CASE(
    "the UUIDs of captured status updates are shown, and their acknowledgements repeat them") {
  const schema::Catalog catalog;
  schema::JsonWriter writer(catalog);
  std::map<std::string, int> updates;
  int acknowledged = 0;
  for (const Body& body : captured()) {
    schema::DecodedBody decoded;
    writer.decode(catalog.get(body.name), body.bytes, decoded);
    const auto inner = nlohmann::json::parse(decoded.inner.empty() ? "{}" : decoded.inner);
    if (body.name == "mesos.internal.StatusUpdateMessage" && inner.contains("update.uuid")) {
      ++updates[inner["update.uuid"].get<std::string>()];
    }
    if (body.name == "mesos.internal.StatusUpdateAcknowledgementMessage") {
      acknowledged += static_cast<int>(updates.count(inner.at("uuid").get<std::string>()));
    }
  }
  CHECK(updates.size() > 5);
  CHECK(acknowledged > 5);
}

}  // namespace

}  // namespace schema_captured_bodies_test
