// Message bytes -> JSON, without a message in between: the wire is read once, front to back, along
// a plan of the type. Bodies as protobuf's own serializers write them take that way; what is legal
// but unusual (fields out of order, a singular field twice …) is first put in order (normalize.h).
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"

namespace compactor::schema {

/// What became of a body.
struct DecodedBody {
  // proto3 JSON on one line: field names as declared, in the order of their numbers, 64-bit
  // integers as strings, bytes as base64, enums by name (by number where there is no name). Empty
  // when there is a fault.
  std::string json;
  // The top level's unknown fields and extensions, as they came; to be put behind what the JSON
  // encodes to.
  std::string unknown;
  // A JSON object, path -> what a bytes field holds: "a UUID" or the message within (see inner.h).
  // Empty: nothing.
  std::string inner;
  // Paths of required fields that are not there ("framework.id.value").
  std::vector<std::string> missing;
  std::size_t unknown_below = 0;  // bytes of unknown fields below the top level
  unsigned unnamed = 0;           // enum values that are numbers without a name
  // Unless empty: the bytes fit the type better as this release of Mesos had it, and all of the
  // above is by that schema (see body_decoder.h).
  std::string schema;
  // Why encoding `json` and appending `unknown` would not give the same bytes again. Empty: it
  // does.
  std::string inexact;
  // Why the bytes are no message of this type, and where in them. Empty: they are.
  std::string fault;
  std::size_t fault_offset = 0;

  bool ok() const { return fault.empty(); }
  bool exact() const { return ok() && inexact.empty(); }
  /// Everything in the bytes is known to the type, and nothing that it requires is missing.
  bool fits() const {
    return ok() && missing.empty() && unknown.empty() && unknown_below == 0 && unnamed == 0;
  }
};

class Plans;

/// Decodes bodies. Keeps what it learnt of the types; the catalog must outlive it. Not for two
/// threads at once.
class JsonWriter {
 public:
  struct Options {
    bool emit_defaults =
        false;  // also fields that are not there: scalars with their default, empty lists and maps
    bool inner = true;  // look into the bytes fields that are known to hold something
  };

  explicit JsonWriter(const Catalog& catalog);
  JsonWriter(const Catalog& catalog, Options options);
  ~JsonWriter();
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  /// Decodes into `body`, whose buffers are used again. False when there is a fault.
  bool decode(const google::protobuf::Descriptor& type, std::string_view bytes, DecodedBody& body);

 private:
  const Catalog& catalog_;
  Options options_;
  std::unique_ptr<Plans> plans_;
};

}  // namespace compactor::schema
