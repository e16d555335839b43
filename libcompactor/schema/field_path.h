// Where in a message something stands.
#pragma once

#include <string>
#include <string_view>

namespace compactor::schema {

/// A step of a path such as "framework.roles[2]", with the steps above it. It lives on the stack of
/// who walks down a message, so that a path costs nothing until somebody wants its text.
struct FieldPath {
  const FieldPath* up = nullptr;  // null: the message itself, which has no name
  std::string_view name;          // empty for an element of what is above
  int index = -1;                 // in a list; -1 outside one

  /// Names that are longer than any field's, as a key of a map may be, are cut.
  std::string text() const;
};

}  // namespace compactor::schema
