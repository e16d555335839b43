// The types that come with the library, as the FileDescriptorSet that protoc made of protos/.
#pragma once

#include <string_view>

namespace compactor::schema {

/// The bytes of the set; they live as long as the program.
std::string_view builtin_protoset();

}  // namespace compactor::schema
