#include "filter/field_match.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/failure.h"
#include "cli/signals.h"
#include "text/glob.h"

namespace tool {

namespace {

using compactor::text::RegexBudget;
using nlohmann::json;
using Kind = FieldMatch::Kind;

struct Operator {
  std::string_view text;
  Kind kind;
};

/// What begins like another stands before it.
constexpr Operator operators[] = {
    {"!=", Kind::unequal}, {"<=", Kind::at_most}, {">=", Kind::at_least}, {"=", Kind::equal},
    {"~", Kind::regex},    {"<", Kind::less},     {">", Kind::greater}};

constexpr const char* forms =
    "PATH=VALUE, as in status.state=TASK_LOST, or !=, or ~REGEX; < <= > >= for numbers";

Failure unreadable(const std::string& text, const std::string& why, const std::string& hint) {
  return {Exit::usage, "usage", "--match \"" + text + "\"" + why, hint};
}

const Operator& operator_of(const std::string& text, std::size_t at) {
  const auto rest = std::string_view(text).substr(at);
  const auto* found =
      std::find_if(std::begin(operators), std::end(operators),
                   [&](const Operator& each) { return rest.starts_with(each.text); });
  if (found == std::end(operators)) throw unreadable(text, " does not read", forms);
  return *found;
}

/// == and ~= are habits from elsewhere, and would be taken for = and a value that begins with =.
void refuse_habits(const std::string& text, std::size_t at, const Operator& found) {
  const auto rest = std::string_view(text).substr(at);
  if (!rest.starts_with("==") && !rest.starts_with("~=")) return;
  throw unreadable(text, " does not read",
                   text.substr(0, at) + std::string(found.text) +
                       text.substr(at + found.text.size() + 1) + " is how it is written");
}

std::optional<long double> number_in(std::string_view text) {
  long double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

}  // namespace

std::string match_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

FieldMatch FieldMatch::parse(const std::string& text) {
  FieldMatch match;
  match.text_ = text;
  match.operator_at_ = text.find_first_of("=!~<>");
  if (match.operator_at_ == std::string::npos || match.operator_at_ == 0)
    throw unreadable(text, " does not read", forms);
  const auto& found = operator_of(text, match.operator_at_);
  refuse_habits(text, match.operator_at_, found);
  match.kind_ = found.kind;
  match.value_ = text.substr(match.operator_at_ + found.text.size());
  match.path_ = FieldPath::parse(match.path_text());
  if (!match.path_) throw unreadable(text, ": an empty step in the path", forms);
  match.set_value();
  return match;
}

std::string FieldMatch::operator_text() const {
  return text_.substr(operator_at_, text_.size() - value_.size() - operator_at_);
}

void FieldMatch::set_value() {
  if (kind_ == Kind::equal || kind_ == Kind::unequal) return;
  if (kind_ == Kind::regex) {
    try {
      regex_.emplace(value_);
    } catch (const compactor::text::RegexError& error) {
      throw unreadable(text_, ": the regular expression has " + std::string(error.what()),
                       "what it may consist of is in compactor-sniff(1), FILTERS; \\ takes a "
                       "character as it is");
    }
    return;
  }
  const auto number = number_in(value_);
  if (!number) throw unreadable(text_, ": \"" + value_ + "\" is not a number", forms);
  number_ = *number;
}

/// Whether one of the values there fits; of `unequal`, is VALUE.
bool FieldMatch::any_fits(const json& body, bool& is_there, RegexBudget& budget) const {
  return path_->any(body, [&](const json& value) {
    if (value.is_object()) return false;
    is_there = true;
    return fits(value, budget);
  });
}

FieldMatch::Verdict FieldMatch::judge(const BodyDocument& body) const {
  bool is_there = false;
  RegexBudget budget{.is_over = signal_is_pending};
  const bool any = any_fits(body.body, is_there, budget) ||
                   (!body.inner.is_null() && any_fits(body.inner, is_there, budget));
  if (!any && budget.spent()) return Verdict::too_long;
  const bool matches = kind_ == Kind::unequal ? is_there && !any : any;
  return matches ? Verdict::match : Verdict::no_match;
}

/// long double holds every 64-bit integer as it is.
bool FieldMatch::fits_number(const json& value) const {
  if (!value.is_number() && !value.is_string()) return false;
  const auto number = number_in(match_text(value));  // JSON has 64-bit integers as strings
  if (!number) return false;
  switch (kind_) {
    case Kind::less:
      return *number < number_;
    case Kind::at_most:
      return *number <= number_;
    case Kind::greater:
      return *number > number_;
    default:
      return *number >= number_;
  }
}

bool FieldMatch::fits(const json& value, RegexBudget& budget) const {
  switch (kind_) {
    case Kind::equal:
    case Kind::unequal:
      return compactor::text::glob_matches(value_, match_text(value));
    case Kind::regex:
      return regex_->is_found_in(match_text(value), budget);
    default:
      return fits_number(value);
  }
}

}  // namespace tool
