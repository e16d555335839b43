// Legal but unusual encodings -> the usual one, by way of a protobuf Message.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <string_view>

#include "schema/catalog.h"

namespace compactor::schema {

/// The message as protobuf reads it: the last of a singular field counts, messages are merged, the
/// last entry of a map key counts and has its key and its value. `unknown` gets the top level's
/// unknown fields; deeper down they are dropped. Null when protobuf refuses the bytes.
std::unique_ptr<google::protobuf::Message> normalized(const Catalog& catalog,
                                                      const google::protobuf::Descriptor& type,
                                                      std::string_view bytes, std::string& unknown);

}  // namespace compactor::schema
