// The values at some paths of a message, straight from its bytes, in one pass: no object is made of
// the message, and what stands at no path is passed over.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/wire_format.h"

namespace compactor::trace {

/// One value. It points into the body.
struct Picked {
  std::size_t path = 0;      // which, of those asked for
  std::string_view bytes{};  // of a string, bytes or a message
  std::uint64_t number = 0;  // of anything else, as it is encoded
};

/// Thread-safe once it is made. Refers to the descriptors of the type.
class FieldPicker {
 public:
  FieldPicker() = default;

  /// From now on that path is picked: field names with dots between them, as in
  /// `update.status.task_id.value`; of a list every element. Returns its number, the same each
  /// time. A path that the type does not have is never found.
  std::size_t add(const google::protobuf::Descriptor& type, std::string_view path);

  /// Appends the values in the order of the bytes. False when the bytes cannot be read to the end;
  /// what was picked before that stands. A field that is not written as its type is, is passed
  /// over, as protobuf does.
  bool pick(std::string_view body, std::vector<Picked>& out) const;

  /// The field at the end of that path; null for one that the type does not have.
  const google::protobuf::FieldDescriptor* field(std::size_t path) const { return ends_[path]; }
  /// The number of a path; size() when it was never added.
  std::size_t find(std::string_view path) const;
  std::size_t size() const { return paths_.size(); }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// A field on the way: what is picked there, and what is further inside it.
  struct Step {
    std::uint32_t number = 0;
    schema::Wire wire = schema::Wire::varint;
    bool packable = false;  // its elements may come in one field
    std::uint32_t path = kNone;
    std::uint32_t inside = kNone;  // a node
  };
  using Node = std::vector<Step>;

  Step& step(std::uint32_t node, const google::protobuf::FieldDescriptor& field);
  static bool pick_packed(const Step& step, std::string_view bytes, std::vector<Picked>& out);
  bool pick(std::uint32_t node, std::string_view body, int depth, std::vector<Picked>& out) const;

  std::vector<Node> nodes_;
  std::vector<std::string> paths_;
  std::vector<const google::protobuf::FieldDescriptor*> ends_;
};

}  // namespace compactor::trace
