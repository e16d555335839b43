// Google's types that have a JSON form of their own (Timestamp "2026-01-01T00:00:00Z", Any with
// "@type" …). All but Struct and its parts, which reader and writer handle themselves, go through
// protobuf's own JSON functions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "schema/catalog.h"

namespace compactor::schema {

/// One of those, with the fields that Google gave it.
bool is_well_known(const google::protobuf::Descriptor& type);

/// Appends the JSON form of the bytes. False, and nothing is appended, when there is none from
/// which the same bytes come again: a Timestamp out of its range, an Any of a type not known …
bool append_well_known(const Catalog& catalog, const google::protobuf::Descriptor& type,
                       std::string_view bytes, std::string& json);

/// Bytes from the JSON form. False, with protobuf's reason, when it is none of that type.
bool read_well_known(const Catalog& catalog, const google::protobuf::Descriptor& type,
                     const std::string& json, std::string& bytes, std::string& why);

}  // namespace compactor::schema
