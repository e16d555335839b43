#include "sniff/sniff_filter.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/failure.h"
#include "cli/values.h"
#include "text/ascii.h"
#include "text/glob.h"

namespace tool {

namespace {

bool any_matches(const std::vector<std::string>& globs, std::string_view text) {
  auto matches = [&](const std::string& glob) { return compactor::text::glob_matches(glob, text); };
  return globs.empty() || std::any_of(globs.begin(), globs.end(), matches);
}

Failure unreadable(const std::string& text, const std::string& hint) {
  return Failure(Exit::usage, "usage", "--match \"" + text + "\" does not read", hint);
}

/// PATH=VALUE is all there is; other comparisons would be taken for a part of the path or the
/// value, and match nothing.
void refuse_other_comparisons(const std::string& text, std::size_t equals) {
  const char before = text[equals - 1];
  const bool twice = equals + 1 < text.size() && text[equals + 1] == '=';
  if (before != '!' && before != '<' && before != '>' && before != '~' && !twice) return;
  const auto path = text.substr(0, text.find_last_not_of("!<>~=", equals) + 1);
  throw unreadable(text, "only PATH=VALUE is known, VALUE a glob; " + path +
                             "='*' shows those that have it, --json | jq takes any condition");
}

}  // namespace

std::string folded_name(std::string_view name) {
  std::string result;
  for (char c : name) {
    if (c != '_') result += compactor::text::to_lower(c);
  }
  return result;
}

std::string match_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

FieldMatch FieldMatch::parse(const std::string& text) {
  auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw unreadable(text, "PATH=VALUE, as in status.state=TASK_LOST");
  refuse_other_comparisons(text, equals);
  FieldMatch match;
  match.text_ = text;
  match.value_ = text.substr(equals + 1);
  std::size_t at = 0;
  while (at <= equals) {
    auto end = std::min(text.find('.', at), equals);
    if (end == at) {
      throw Failure(Exit::usage, "usage", "--match \"" + text + "\": an empty step in the path",
                    "PATH=VALUE, as in status.state=TASK_LOST");
    }
    match.typed_path_.push_back(text.substr(at, end - at));
    match.path_.push_back(folded_name(match.typed_path_.back()));
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

bool FieldMatch::matches(const BodyDocument& body) const {
  return matches(body.body) || (!body.inner.is_null() && matches(body.inner));
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
  if (step == path_.size())
    return !value.is_object() && compactor::text::glob_matches(value_, match_text(value));
  if (!value.is_object()) return false;
  return std::any_of(value.items().begin(), value.items().end(), [&](const auto& field) {
    return folded_name(field.key()) == path_[step] && matches(field.value(), step + 1);
  });
}

bool MessageFilter::accepts_head(std::string_view sender, std::string_view receiver,
                                 std::string_view message) const {
  return any_matches(from, sender) && any_matches(to, receiver) && any_matches(name, message);
}

bool MessageFilter::accepts_http(const HttpSubject& subject) const {
  const auto path = subject.url.substr(0, subject.url.find_first_of("?#"));
  const auto id = path.substr(std::min<std::size_t>(1, path.size()));
  const auto server = std::string(id.substr(0, id.find('/'))) + '@' +
                      std::string(subject.event ? subject.from : subject.to);
  const auto any = [](const std::vector<std::string>& globs,
                      std::initializer_list<std::string_view> texts) {
    return std::any_of(texts.begin(), texts.end(), [&](std::string_view text) {
      return !text.empty() && any_matches(globs, text);
    });
  };
  if (!any(from, {subject.from, subject.event ? server : std::string_view()})) return false;
  if (!any(to, {subject.to, subject.event ? std::string_view() : server})) return false;
  const auto full = subject.kind.empty() ? std::string() : subject.type + '/' + subject.kind;
  return any(name, {path, subject.type, full, subject.kind});
}

bool MessageFilter::accepts_body(const std::optional<BodyDocument>& body) const {
  return body && std::all_of(fields.begin(), fields.end(),
                             [&](const FieldMatch& field) { return field.matches(*body); });
}

bool MessageFilter::accepts_body(const std::optional<nlohmann::json>& body) const {
  return body && std::all_of(fields.begin(), fields.end(),
                             [&](const FieldMatch& field) { return field.matches(*body); });
}

}  // namespace tool
