#include "sniff_filter.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "failure.h"
#include "values.h"

namespace tool {

namespace {

bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
  auto matches = [&](const std::string& glob) { return glob_matches(glob, text); };
  return globs.empty() || std::any_of(globs.begin(), globs.end(), matches);
}

/// framework_id and frameworkId are the same field.
std::string folded(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c != '_') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

FieldMatch FieldMatch::parse(const std::string& text) {
  auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Failure(Exit::usage, "usage", "--match \"" + text + "\" does not read",
                  "PATH=VALUE, as in status.state=TASK_LOST");
  }
  FieldMatch match;
  match.value_ = text.substr(equals + 1);
  std::size_t at = 0;
  while (at <= equals) {
    auto end = std::min(text.find('.', at), equals);
    if (end == at) {
      throw Failure(Exit::usage, "usage", "--match \"" + text + "\": an empty step in the path",
                    "PATH=VALUE, as in status.state=TASK_LOST");
    }
    match.path_.push_back(folded(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return match;
}

bool FieldMatch::matches(const nlohmann::json& body) const {
  if (matches(body, 0)) return true;
  // Most of what is looked for lies inside: the status of a StatusUpdateMessage is in its update.
  return body.is_structured() &&
         std::any_of(body.begin(), body.end(),
                     [this](const nlohmann::json& part) { return matches(part); });
}

bool FieldMatch::matches(const nlohmann::json& value, std::size_t step) const {
  if (value.is_array()) {
    std::size_t wanted = 0;
    bool indexed = false;
    if (step < path_.size()) {
      const auto& text = path_[step];
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted);
      indexed = error == std::errc() && end == text.data() + text.size();
    }
    if (indexed) return wanted < value.size() && matches(value[wanted], step + 1);
    return std::any_of(value.begin(), value.end(),
                       [&](const nlohmann::json& element) { return matches(element, step); });
  }
  if (step == path_.size()) return !value.is_object() && glob_matches(value_, text_of(value));
  if (!value.is_object()) return false;
  return std::any_of(value.items().begin(), value.items().end(), [&](const auto& field) {
    return folded(field.key()) == path_[step] && matches(field.value(), step + 1);
  });
}

bool MessageFilter::accepts_head(std::string_view sender, std::string_view receiver,
                                 std::string_view message) const {
  return any_matches(from, sender) && any_matches(to, receiver) && any_matches(name, message);
}

bool MessageFilter::accepts_body(TypeCodec* types, std::string_view message,
                                 std::string_view body) const {
  std::string text = "{\"type\":0";  // so that what the codec appends has a key before its comma
  if (types == nullptr || !types->append_json(text, message, body)) return false;
  auto decoded = nlohmann::json::parse(text + '}', nullptr, false);
  if (!decoded.is_object() || !decoded.contains("body")) return false;
  return std::all_of(fields.begin(), fields.end(),
                     [&](const FieldMatch& field) { return field.matches(decoded["body"]); });
}

}  // namespace tool
