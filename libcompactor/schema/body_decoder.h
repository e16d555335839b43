// Message bytes -> JSON by the schema that they fit: the built-in one, or that of an earlier
// release of Mesos. Field numbers were used again with another meaning (scheduler.Call of 0.22 and
// 0.23), so that a body may read as something that it never said.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string_view>

#include "schema/catalog.h"
#include "schema/json_writer.h"

namespace compactor::schema {

/// The catalog must outlive it. Not for two threads at once.
class BodyDecoder {
 public:
  explicit BodyDecoder(const Catalog& catalog) : BodyDecoder(catalog, JsonWriter::Options{}) {}
  BodyDecoder(const Catalog& catalog, JsonWriter::Options options)
      : catalog_(catalog), writer_(catalog, options) {}

  /// As JsonWriter::decode(). Only where that leaves something unknown, missing or faulty in a type
  /// of Mesos, earlier schemas are tried, the newest first, and the first that explains the body
  /// best is taken if that is better than the built-in one: then `body.schema` names the release,
  /// and the body is never exact, because JSON is encoded by the built-in schema. Of a type that
  /// Mesos no longer has, `body.schema` is the last release that had it.
  bool decode(const google::protobuf::Descriptor& type, std::string_view bytes, DecodedBody& body);

 private:
  bool try_older(const google::protobuf::Descriptor& type, std::string_view bytes,
                 DecodedBody& body);

  const Catalog& catalog_;
  JsonWriter writer_;
  DecodedBody older_;
};

}  // namespace compactor::schema
