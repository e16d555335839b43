// Legal but unusual encodings -> the one that a serializer of protobuf writes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/plan.h"

namespace compactor::schema {

struct Normalized {
  std::string bytes;    // fields by number, without the unknown ones
  std::string unknown;  // those of the top level, as they came; deeper down they are dropped
  std::vector<std::string>
      missing;  // paths of the required fields that are not there; a thousand, then "…"
};

/// As protobuf reads them: the last of a singular field counts, messages are merged, of a oneof and
/// of a key of a map the last one stays. Enum values without a name stay too, as in proto3: a peer
/// may be newer than the schema. The bytes are of that type, without a fault.
Normalized normalize(const TypePlan& plan, std::string_view bytes);

}  // namespace compactor::schema
