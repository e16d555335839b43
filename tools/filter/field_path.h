// A path to fields of a decoded body, as in status.state or tasks.0.name: the one walk for what
// --match compares and for what is said when it matches nothing.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// framework_id and frameworkId are the same field: what the names of both are compared by.
std::string folded_name(std::string_view name);

/// May begin at any depth of a body: the status of a StatusUpdateMessage is in its update. A step
/// is a field's name (as in the .proto or as in JSON), or an index into a list; without an index
/// any element of a list will do.
class FieldPath {
 public:
  /// Gets a value that the path leads to: an object, or what is no list either. True: no more.
  using Visit = std::function<bool(const nlohmann::json& value)>;

  /// Nothing when a step is empty.
  static std::optional<FieldPath> parse(std::string_view text);

  /// Whether `visit` said yes to one of them.
  bool any(const nlohmann::json& body, const Visit& visit) const;

  /// As they were typed.
  const std::vector<std::string>& steps() const { return typed_; }
  friend bool operator==(const FieldPath& a, const FieldPath& b) { return a.steps_ == b.steps_; }

 private:
  bool any_from(const nlohmann::json& value, std::size_t step, const Visit& visit) const;

  std::vector<std::string> typed_;
  std::vector<std::string> steps_;  // folded
};

}  // namespace tool
