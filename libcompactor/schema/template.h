// A JSON body to start from, for a user who wants to send a message of a type.
#pragma once

#include <google/protobuf/descriptor.h>

#include <nlohmann/json_fwd.hpp>

namespace compactor::schema {

/// An object with every field of the type, of each oneof the first, one element in each list and
/// map. Messages more than three levels down have only their required fields. JsonReader accepts it
/// as it is.
nlohmann::ordered_json json_template(const google::protobuf::Descriptor& type);

}  // namespace compactor::schema
