// A condition on a decoded body: --match.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "body/body_document.h"
#include "text/regex.h"

namespace tool {

/// PATH=VALUE, PATH!=VALUE, PATH~REGEX, PATH<N, PATH<=N, PATH>N, PATH>=N.
/// PATH may begin at any depth of the body. A step of it is a field's name (as in the .proto or as
/// in JSON), or an index into a list; without an index any element of a list will do. VALUE is a
/// glob on the field's JSON value, without quotes.
class FieldMatch {
 public:
  enum class Kind { equal, unequal, regex, less, at_most, greater, at_least };

  /// Throws Failure (exit 2).
  static FieldMatch parse(const std::string& text);

  /// With `unequal`: the field is there, and none of its values is VALUE. Else: one of them fits.
  bool matches(const nlohmann::json& body) const;
  bool matches(const BodyDocument& body) const;

  /// Whether it names one of several values that will do: of those on the same path one has to
  /// match. Each of the others has to.
  bool is_alternative() const { return kind_ == Kind::equal || kind_ == Kind::regex; }
  bool has_path_of(const FieldMatch& other) const { return path_ == other.path_; }

  Kind kind() const { return kind_; }
  /// As it was typed: all, and in parts.
  const std::string& text() const { return text_; }
  const std::string& value() const { return value_; }
  std::string path_text() const { return text_.substr(0, operator_at_); }
  /// The part between the path and the value.
  std::string operator_text() const;
  const std::vector<std::string>& path() const { return typed_path_; }

 private:
  void set_path(const std::string& path);
  void set_value();
  bool fits(const nlohmann::json& value) const;
  bool fits_number(const nlohmann::json& value) const;

  std::string text_;
  std::size_t operator_at_ = 0;
  Kind kind_ = Kind::equal;
  std::vector<std::string> typed_path_;
  std::vector<std::string> path_;  // folded
  std::string value_;
  std::optional<compactor::text::Regex> regex_;
  long double number_ = 0;
};

/// framework_id and frameworkId are the same field: what the names of both are compared by.
std::string folded_name(std::string_view name);
/// A field's value as VALUE is compared with it.
std::string match_text(const nlohmann::json& value);

}  // namespace tool
