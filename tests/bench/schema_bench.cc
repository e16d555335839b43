// Decoding to one NDJSON line, ours against protobuf's json_util, and what the first decode costs.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "schema/json_reader.h"
#include "schema/json_writer.h"

namespace {

namespace pb = google::protobuf;
using namespace compactor::schema;
using Clock = std::chrono::steady_clock;

constexpr const char* type_name = "mesos.internal.StatusUpdateMessage";
// 240 bytes as protobuf writes it.
constexpr const char* status_update = R"({
  "update": {
    "framework_id": {"value": "701f2d81-e016-44c5-a63b-e95a47c13886-0000"},
    "executor_id": {"value": "default"},
    "slave_id": {"value": "701f2d81-e016-44c5-a63b-e95a47c13886-S0"},
    "status": {
      "task_id": {"value": "1"},
      "state": "TASK_RUNNING",
      "data": "ZGF0YQ==",
      "slave_id": {"value": "701f2d81-e016-44c5-a63b-e95a47c13886-S0"},
      "timestamp": 1700000000.25,
      "source": "SOURCE_EXECUTOR",
      "uuid": "AAECAwQFBgcICQoLDA0ODw=="
    },
    "timestamp": 1700000000.25,
    "uuid": "AAECAwQFBgcICQoLDA0ODw=="
  },
  "pid": "slave(1)@10.0.0.1:5051"
})";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Calls per second over about a fifth of a second.
double rate(const std::function<void()>& f) {
  constexpr double span = 0.2;
  std::size_t count = 0;
  const auto start = Clock::now();
  double taken = 0;
  do {
    for (int i = 0; i < 500; ++i) f();
    count += 500;
    taken = seconds_since(start);
  } while (taken < span);
  return static_cast<double>(count) / taken;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  const auto start = Clock::now();
  const Catalog catalog;
  const pb::Descriptor& type = catalog.get(type_name);
  JsonWriter writer(catalog);
  DecodedBody body;
  writer.decode(type, "", body);
  const double first_load = seconds_since(start);

  JsonReader reader(catalog);
  const std::string bytes = reader.encode_text(type, status_update);
  std::string line;
  const auto ours = [&] {
    writer.decode(type, bytes, body);
    line = "{\"body\":";
    line += body.json;
    line += ",\"body_inner\":";
    line += body.inner;
    line += "}\n";
  };

  const std::unique_ptr<pb::util::TypeResolver> resolver(
      pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", type.file()->pool()));
  const std::string url = std::string("type.googleapis.com/") + type_name;
  const auto message = catalog.make(type);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  // As MessageToJsonString does it for compiled-in types: parse, and print with a resolver made
  // once.
  const auto theirs = [&] {
    message->ParseFromString(bytes);
    std::string text;
    (void)pb::util::BinaryToJsonString(resolver.get(), url, message->SerializeAsString(), &text,
                                       options);
    line = "{\"body\":" + text + "}\n";
  };
  const auto encode = [&] { (void)reader.encode_text(type, body.json); };

  std::vector<double> our_rates;
  std::vector<double> their_rates;
  std::vector<double> ratios;
  std::vector<double> encode_rates;
  for (int round = 0; round < 5; ++round) {
    our_rates.push_back(rate(ours));
    their_rates.push_back(rate(theirs));
    ratios.push_back(our_rates.back() / their_rates.back());
    encode_rates.push_back(rate(encode));
  }
  std::printf("%s, %zu bytes, medians of 5 alternating runs\n", type_name, bytes.size());
  std::printf("decode to NDJSON, ours       %10.0f messages/s\n", median(our_rates));
  std::printf("decode to NDJSON, json_util  %10.0f messages/s\n", median(their_rates));
  std::printf("ratio                        %10.1f\n", median(ratios));
  std::printf("encode from JSON, ours       %10.0f messages/s\n", median(encode_rates));
  std::printf("catalog and first decode     %10.2f ms\n", first_load * 1e3);
}
