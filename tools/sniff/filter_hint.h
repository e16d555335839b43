// Why a filter of sniff has matched nothing, and what would have: told at the end of a run that
// showed nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sniff/sniff_filter.h"

namespace tool {

/// Watches what is filtered, as long as nothing has passed. Holds a few examples, however much
/// there is.
class FilterHints {
 public:
  explicit FilterHints(const MessageFilter& filter);

  /// A message, or plain HTTP, before any filter.
  void saw(std::string_view from, std::string_view to, std::string_view name);
  /// The body of one that passed --from, --to and --name; null: it is of no known type.
  void saw_body(const BodyDocument* body);

  /// One line for each option that nothing has matched. Empty when there was nothing to match, or
  /// no filter.
  std::vector<std::string> hints() const;

 private:
  /// Something else that could have been typed, and the first text it would have matched.
  struct Variant {
    std::string typed;
    bool fold_case = false;
    std::string matched{};
  };
  /// --from, --to or --name.
  struct Globs {
    std::string option;
    std::string what;  // of a message
    std::vector<std::string> typed;
    std::vector<Variant> variants{};
    std::vector<std::string> examples{};
    bool matched = false;
  };
  /// A --match.
  struct Field {
    const FieldMatch* match;
    bool matched = false;
    std::string variant{};              // would have matched
    std::string holder{};               // the path leads to an object, and a field of it is meant
    std::vector<std::string> values{};  // what the path leads to
    std::vector<std::string> names{};   // of fields, when the path leads nowhere
  };

  static void watch(Globs& globs, std::string_view text);
  static void watch(Field& field, const BodyDocument& body);
  static std::string hint(const Globs& globs);
  static std::string hint(const Field& field);

  std::vector<Globs> globs_;
  std::vector<Field> fields_;
  bool saw_something_ = false;
  bool saw_body_ = false;
  bool decoded_ = false;
};

}  // namespace tool
