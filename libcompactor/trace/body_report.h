// Whether a body is what its type says, all the way down: what is missing in it, what nobody knows,
// what should not be used any more.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/body_decoder.h"
#include "schema/catalog.h"
#include "schema/wire_format.h"

namespace compactor::trace {

/// What is worth telling of a body. Paths are names with dots between them.
struct BodyReport {
  std::string fault{};                 // where its bytes cannot be read, or are not of the type
  std::string release{};               // of Mesos, an older one, whose type it fits
  std::vector<std::string> missing{};  // required fields
  std::vector<std::string> unknown{};  // "slave.99 (varint)"
  std::vector<std::string> deprecated{};
};

/// Looks at the body of each message in passing, and closely only where that shows something. Not
/// for two threads at once.
class BodyReporter {
 public:
  /// The catalog outlives it.
  explicit BodyReporter(const schema::Catalog& catalog) : decoder_(catalog) {}

  /// What look() would find: nothing when it is 0. The same for the same kinds of things.
  unsigned glance(const google::protobuf::Descriptor& type, std::string_view body);
  BodyReport look(const google::protobuf::Descriptor& type, std::string_view body);

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  struct Field {
    const google::protobuf::FieldDescriptor* field = nullptr;  // null: no field of that number
    schema::Wire wire = schema::Wire::varint;
    bool packable = false;
    bool deprecated = false;
    std::uint64_t required = 0;  // its bit
    std::size_t inside = kNone;  // a node; of a message
  };
  struct Node {
    const google::protobuf::Descriptor* type = nullptr;
    std::vector<Field> low{};  // by number
    std::unordered_map<std::uint32_t, Field> high{};
    std::uint64_t required = 0;  // all bits
  };

  /// The fields that the place at hand is in; none at the top.
  struct Trail {
    const Trail* up = nullptr;
    const google::protobuf::FieldDescriptor* field = nullptr;
  };

  std::size_t node_of(const google::protobuf::Descriptor& type);
  const Field* find(const Node& node, std::uint32_t number) const;
  static std::string path_of(const Trail& trail, std::string_view last);
  static unsigned note_unfit(const Trail& trail, const Field* field, std::uint32_t number,
                             schema::Wire wire, BodyReport* report);
  unsigned walk(std::size_t node, std::string_view body, int depth, const Trail& trail,
                BodyReport* report) const;

  schema::BodyDecoder decoder_;
  schema::DecodedBody decoded_;
  std::deque<Node> nodes_;
  std::unordered_map<const google::protobuf::Descriptor*, std::size_t> by_type_;
};

}  // namespace compactor::trace
