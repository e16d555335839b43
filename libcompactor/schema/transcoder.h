// One pass over the bytes of a message that writes them as JSON: what JsonWriter does with all
// bodies that are as a serializer writes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "schema/json_writer.h"
#include "schema/plan.h"

namespace compactor::schema {

struct TranscodeSettings {
  const Catalog& catalog;
  Plans& plans;
  JsonWriter::Options options;
  bool missing_allowed;  // a missing required field is known of and no reason to stop
  std::string path;      // of this message in the body, for DecodedBody::inner
};

/// How the pass ended. When it is not whole, the bytes are broken, for which there is a fault, or
/// irregular: legal, but not what a serializer writes, so that a single pass cannot show them (a
/// field that must be merged with an earlier one, for instance).
struct Transcoded {
  bool whole;
  const char* fault;  // a constant text, or null
  std::size_t fault_offset;
};

/// Appends to `json`, `unknown`, `inner` (entries that each begin with a comma) and `inexact` of
/// `body`; what is there after a pass that is not whole is of no use.
Transcoded transcode(const TranscodeSettings& settings, const TypePlan& plan,
                     std::string_view bytes, DecodedBody& body);

}  // namespace compactor::schema
