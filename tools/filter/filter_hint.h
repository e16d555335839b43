// Why a filter has matched nothing, and what would have: told at the end of a run that showed
// nothing.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
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
  /// The filter has to live as long.
  explicit FilterHints(const MessageFilter& filter);

  /// A message, before any filter. Where the kind is not known yet, saw_kind() follows.
  void saw(std::string_view from, std::string_view to, std::string_view name);
  void saw_kind(std::string_view name, std::string_view kind);
  /// Plain HTTP.
  void saw(const HttpSubject& subject);

  // Of what passed --from, --to and --name.
  void saw_answer(std::optional<int> status, std::optional<std::chrono::nanoseconds> latency);
  /// It has no answer.
  void saw_event() { saw_event_ = true; }
  /// And what is said of its fields.
  void saw_body(const BodyDocument& body, const MessageFilter::Fields& found);
  /// It cannot be looked into. `name`: of the message, empty for plain HTTP.
  void saw_closed_body(std::string_view name, bool has_type);

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
    bool too_long = false;              // whether it would have matched is not known
    std::string variant{};              // would have matched
    std::string holder{};               // the path leads to an object, and a field of it is meant
    std::vector<std::string> values{};  // what the path leads to
    std::vector<std::string> names{};   // of fields, when the path leads nowhere
  };

  static void watch(Globs& globs, std::string_view text, std::string_view kind);
  void watch_option(std::string_view option, std::string_view text, std::string_view kind);
  static void watch(Field& field, const BodyDocument& body);
  static void watch_value(Field& field, const nlohmann::json& value);
  static std::string hint(const Globs& globs);
  static std::string hint(const Field& field);
  void add_body_hint(std::vector<std::string>& all) const;
  void add_answer_hints(std::vector<std::string>& all) const;

  std::vector<Globs> globs_;
  std::vector<Field> fields_;
  const MessageFilter& filter_;
  std::vector<std::string> statuses_;  // examples of those that do not match
  bool status_matched_ = false;
  bool slower_matched_ = false;
  std::optional<std::chrono::nanoseconds> slowest_;
  bool saw_answer_ = false;
  bool saw_event_ = false;
  bool saw_something_ = false;
  bool opened_ = false;  // a body
  bool closed_ = false;
  std::string typeless_;  // the first message that --type would help with
  std::string misfit_;    // the first one whose body does not fit its type
};

}  // namespace tool
