// A condition on a decoded body: --match.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "body/body_document.h"
#include "filter/field_path.h"
#include "text/regex.h"

namespace tool {

/// PATH=VALUE, PATH!=VALUE, PATH~REGEX, PATH<N, PATH<=N, PATH>N, PATH>=N. VALUE is a glob on the
/// field's JSON value, without quotes.
class FieldMatch {
 public:
  enum class Kind { equal, unequal, regex, less, at_most, greater, at_least };

  /// Throws Failure (exit 2).
  static FieldMatch parse(const std::string& text);

  enum class Verdict {
    no_match,
    match,
    too_long,  // what the regular expression was to be found in, so that nobody knows
  };
  /// With `unequal`: the field is there, and none of its values is VALUE. Else: one of them fits.
  Verdict judge(const BodyDocument& body) const;
  bool matches(const BodyDocument& body) const { return judge(body) == Verdict::match; }

  /// Whether it names one of several values that will do: of those on the same path one has to
  /// match. Each of the others has to.
  bool is_alternative() const { return kind_ == Kind::equal || kind_ == Kind::regex; }
  bool has_path_of(const FieldMatch& other) const { return *path_ == *other.path_; }

  Kind kind() const { return kind_; }
  /// As it was typed: all, and in parts.
  const std::string& text() const { return text_; }
  const std::string& value() const { return value_; }
  std::string path_text() const { return text_.substr(0, operator_at_); }
  /// The part between the path and the value.
  std::string operator_text() const;
  const FieldPath& path() const { return *path_; }

 private:
  void set_value();
  bool any_fits(const nlohmann::json& body, bool& is_there,
                compactor::text::RegexBudget& budget) const;
  bool fits(const nlohmann::json& value, compactor::text::RegexBudget& budget) const;
  bool fits_number(const nlohmann::json& value) const;

  std::string text_;
  std::size_t operator_at_ = 0;
  Kind kind_ = Kind::equal;
  std::optional<FieldPath> path_;
  std::string value_;
  std::optional<compactor::text::Regex> regex_;
  long double number_ = 0;
};

/// A field's value as VALUE is compared with it.
std::string match_text(const nlohmann::json& value);

}  // namespace tool
