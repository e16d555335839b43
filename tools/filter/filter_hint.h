// Why a filter has matched nothing, and what would have: told at the end of a run that showed
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filter/message_filter.h"

namespace tool {

/// Watches what is filtered, as long as nothing has passed. Holds a few examples, however much
/// there is.
class FilterHints {
 public:
  explicit FilterHints(const MessageFilter& filter);

  /// A message, or plain HTTP, before any filter. Where the kind is not known yet, saw_kind()
  /// follows.
  void saw(std::string_view from, std::string_view to, std::string_view name,
           std::string_view kind = {});
  void saw_kind(std::string_view name, std::string_view kind);
  /// What became of one that passed --from, --to and --name.
  void saw_answer(bool accepted, std::optional<int> status);
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
    using Matches = bool (*)(const std::string& glob, std::string_view text, std::string_view kind);
    std::string option;
    std::string what;  // of a message
    std::vector<std::string> typed;
    Matches matches;
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

  static void watch(Globs& globs, std::string_view text, std::string_view kind);
  static void watch(Field& field, const BodyDocument& body);
  static std::string hint(const Globs& globs);
  static std::string hint(const Field& field);

  std::vector<Globs> globs_;
  std::vector<Field> fields_;
  std::string answer_;  // --status and --slower, as an option
  bool answer_matched_ = false;
  std::vector<std::string> answers_;  // examples
  bool saw_something_ = false;
  bool saw_body_ = false;
  bool decoded_ = false;
};

}  // namespace tool
