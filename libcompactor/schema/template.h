// A JSON body to start from, for a user who wants to send a message of a type.
#pragma once

#include <google/protobuf/descriptor.h>

#include <nlohmann/json_fwd.hpp>

namespace compactor::schema {

/// An object with every field of the type, of each oneof the first, one element in each list and
/// map. A field for which the type states a default has that. Messages more than three levels down
/// have only their required fields. JsonReader accepts it as it is.
nlohmann::ordered_json json_template(const google::protobuf::Descriptor& type);

/// The value that an absent field has, as JSON: the one that the type states, else that of its
/// kind. Null for a message.
nlohmann::ordered_json json_default(const google::protobuf::FieldDescriptor& field);

}  // namespace compactor::schema
