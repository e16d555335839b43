#include "filter/field_match.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "cli/failure.h"
#include "text/ascii.h"
#include "text/glob.h"

namespace tool {

namespace {

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

std::optional<std::size_t> index_in(std::string_view step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

using Path = std::vector<std::string>;
using Visitor = std::function<bool(const json&)>;

/// Whether the visitor says yes to a value that the path leads to from here.
bool any_at(const json& value, const Path& path, std::size_t step, const Visitor& visit) {
  if (value.is_array()) {
    const auto index = step < path.size() ? index_in(path[step]) : std::nullopt;
    if (index) return *index < value.size() && any_at(value[*index], path, step + 1, visit);
    return std::any_of(value.begin(), value.end(),
                       [&](const json& element) { return any_at(element, path, step, visit); });
  }
  if (step == path.size()) return !value.is_object() && visit(value);
  if (!value.is_object()) return false;
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&](const auto& field) {
    return folded_name(field.key()) == path[step] && any_at(field.value(), path, step + 1, visit);
  });
}

/// … or from any depth: the status of a StatusUpdateMessage is in its update.
bool any_below(const json& body, const Path& path, const Visitor& visit) {
  if (any_at(body, path, 0, visit)) return true;
  return body.is_structured() && std::any_of(body.begin(), body.end(), [&](const json& part) {
           return any_below(part, path, visit);
         });
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c != '_') result += compactor::text::to_lower(c);
  }
  return result;
}

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
  match.set_path(match.path_text());
  match.set_value();
  return match;
}

std::string FieldMatch::operator_text() const {
  return text_.substr(operator_at_, text_.size() - value_.size() - operator_at_);
}

void FieldMatch::set_path(const std::string& path) {
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('.', at), path.size());
    if (end == at) throw unreadable(text_, ": an empty step in the path", forms);
    typed_path_.push_back(path.substr(at, end - at));
    path_.push_back(folded_name(typed_path_.back()));
    at = end + 1;
  }
}

void FieldMatch::set_value() {
  if (kind_ == Kind::equal || kind_ == Kind::unequal) return;
  if (kind_ == Kind::regex) {
    try {
      regex_.emplace(value_);
    } catch (const compactor::text::RegexError& error) {
      throw unreadable(text_, ": the regular expression has " + std::string(error.what()),
                       "as in JavaScript, without references back and looking around");
    }
    return;
  }
  const auto number = number_in(value_);
  if (!number) throw unreadable(text_, ": \"" + value_ + "\" is not a number", forms);
  number_ = *number;
}

bool FieldMatch::matches(const json& body) const {
  if (kind_ != Kind::unequal)
    return any_below(body, path_, [this](const json& value) { return fits(value); });
  bool is_there = false;
  const bool equal = any_below(body, path_, [&](const json& value) {
    is_there = true;
    return !fits(value);
  });
  return is_there && !equal;
}

bool FieldMatch::matches(const BodyDocument& body) const {
  if (body.inner.is_null()) return matches(body.body);
  if (kind_ == Kind::unequal) return matches(body.body) && matches(body.inner);
  return matches(body.body) || matches(body.inner);
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

bool FieldMatch::fits(const json& value) const {
  switch (kind_) {
    case Kind::equal:
      return compactor::text::glob_matches(value_, match_text(value));
    case Kind::unequal:
      return !compactor::text::glob_matches(value_, match_text(value));
    case Kind::regex:
      return regex_->is_found_in(match_text(value));
    default:
      return fits_number(value);
  }
}

}  // namespace tool
