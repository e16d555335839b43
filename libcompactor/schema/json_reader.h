// JSON -> message bytes, as protobuf's serializer would write them: fields in the order of their
// numbers.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "schema/catalog.h"

namespace compactor::schema {

class Plans;

/// Encodes bodies. Takes proto3 JSON: field names as declared or in camelCase, 64-bit integers as
/// strings or numbers, enums by name or number, null for "not there". The catalog must outlive it.
/// Not for two threads at once.
class JsonReader {
 public:
  struct Options {
    bool allow_missing = false;  // encode what lacks required fields: no receiver takes it
  };

  explicit JsonReader(const Catalog& catalog);
  JsonReader(const Catalog& catalog, Options options);
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Throws SchemaError when the JSON does not fit: what() begins with the path of the field
  /// ("framework.id.value: expected string, not 5"); required fields that are missing are all named
  /// at once, unless the options allow them. The entries of maps are written in the order in which
  /// they stand. `json` as text::parse_json gives it: a number that is whole is an integer.
  std::string encode(const google::protobuf::Descriptor& type, const nlohmann::ordered_json& json);
  /// The same from text; SchemaError with line and column when it is not JSON.
  std::string encode_text(const google::protobuf::Descriptor& type, std::string_view json);

 private:
  const Catalog& catalog_;
  Options options_;
  std::unique_ptr<Plans> plans_;
};

}  // namespace compactor::schema
