// What comes with the library as bytes of its own: the types of Mesos, and their history.
#pragma once

#include <string_view>

namespace compactor::schema {

/// The FileDescriptorSet that protoc made of protos/. As the history, it lives as long as the
/// program.
std::string_view builtin_protoset();

/// The text of protos/history.tsv.
std::string_view builtin_history();

}  // namespace compactor::schema
