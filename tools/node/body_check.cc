#include "node/body_check.h"

#include <cctype>

namespace tool {

namespace {

constexpr std::size_t most_warnings = 20;
// A long name is near to a type's by intent; of a short one ("ask", "Task") that may be chance.
constexpr std::size_t long_name = 10;

bool looks_like_type(std::string_view name) {
  return name.size() >= long_name ||
         (!name.empty() && std::isupper(static_cast<unsigned char>(name.front())) != 0);
}

}  // namespace

std::string BodyCheck::trouble_of(std::string_view name, std::string_view body,
                                  BodyForm form) const {
  if (types_ == nullptr) return {};
  const auto type = types_->type_of(name);
  if (type.empty()) {
    if (form != BodyForm::json || !looks_like_type(name)) return {};
    const auto suggestion = types_->suggestion(name);
    return suggestion.empty() ? ""
                              : "it is not a known type, so the JSON goes as text; " + suggestion;
  }
  if (form == BodyForm::text && !body.empty())
    return "the body is text, not a " + type + ": a receiver drops it";
  const auto misfit = types_->misfit(name, body);
  if (misfit.empty()) return {};
  return (body.empty() ? "the body is empty: " : "the body is not a " + type + ": ") + misfit +
         "; a receiver drops it";
}

void BodyCheck::check(std::string_view name, std::string_view body, BodyForm form) {
  if (told_.size() > most_warnings) return;
  const auto trouble = trouble_of(name, body, form);
  if (trouble.empty() || !told_.insert(std::string(name) + ": " + trouble).second) return;
  console_.warning(told_.size() > most_warnings ? "more such bodies are not told of"
                                                : std::string(name) + ": " + trouble);
}

}  // namespace tool
