#include "filter/field_path.h"

#include <algorithm>
#include <charconv>

#include "text/ascii.h"

namespace tool {

namespace {

using nlohmann::json;

std::optional<std::size_t> index_in(std::string_view step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c != '_') result += compactor::text::to_lower(c);
  }
  return result;
}

std::optional<FieldPath> FieldPath::parse(std::string_view text) {
  FieldPath path;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('.', at), text.size());
    if (end == at) return std::nullopt;
    path.typed_.emplace_back(text.substr(at, end - at));
    path.steps_.push_back(folded_name(path.typed_.back()));
    at = end + 1;
  }
  return path;
}

/// The rest of the path, from a value that the steps before it lead to.
bool FieldPath::any_from(const json& value, std::size_t step, const Visit& visit) const {
  if (value.is_array()) {
    const auto index = step < steps_.size() ? index_in(steps_[step]) : std::nullopt;
    if (index) return *index < value.size() && any_from(value[*index], step + 1, visit);
    return std::any_of(value.begin(), value.end(),
                       [&](const json& element) { return any_from(element, step, visit); });
  }
  if (step == steps_.size()) return visit(value);
  if (!value.is_object()) return false;
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&](const auto& field) {
    return folded_name(field.key()) == steps_[step] && any_from(field.value(), step + 1, visit);
  });
}

bool FieldPath::any(const json& body, const Visit& visit) const {
  // In a list only an index is a beginning: for a name its elements are.
  const bool begins = body.is_object() || (body.is_array() && index_in(steps_[0]));
  if (begins && any_from(body, 0, visit)) return true;
  return body.is_structured() &&
         std::any_of(body.begin(), body.end(), [&](const json& part) { return any(part, visit); });
}

}  // namespace tool
