#include "filter/filter_hint.h"

#include <algorithm>

#include "cli/values.h"
#include "text/ascii.h"
#include "text/glob.h"
#include "text/nearest.h"

namespace tool {

namespace {

using compactor::text::lower_case;
using nlohmann::json;

constexpr std::size_t most_examples = 3;
constexpr std::size_t most_names_kept = 300;
constexpr std::size_t most_names_shown = 12;
constexpr std::size_t longest_example = 80;

/// Each [class] as the one character that it would stand for in a shell.
std::string without_classes(const std::string& glob) {
  std::string out;
  for (std::size_t at = 0; at < glob.size(); ++at) {
    const auto end = glob[at] == '[' ? glob.find(']', at + 1) : std::string::npos;
    out += end == std::string::npos ? glob[at] : '?';
    if (end != std::string::npos) at = end;
  }
  return out;
}

/// What a glob for a PID may have been meant to be: more of an id, or an address without its port.
std::vector<std::string> pid_variants(const std::string& glob) {
  if (glob.find('@') != std::string::npos) return {'*' + glob + '*'};
  return {glob + "(*)", glob + ":*", glob + '*', '*' + glob + '*'};
}

std::vector<std::string> name_variants(const std::string& glob) {
  return {"*." + glob, '*' + glob, glob + '*', '*' + glob + '*'};
}

bool matches_pid(const std::string& glob, std::string_view text, std::string_view /*kind*/) {
  return pid_matches(glob, text);
}

/// As it can be typed into a shell.
std::string quoted(const std::string& text) {
  const bool plain = text.find_first_of(" *?[](){}$&|;<>'\"\\`!#~") == std::string::npos;
  return plain ? text : '\'' + text + '\'';
}

std::string cut(std::string_view text) {
  std::string out(text.substr(0, longest_example));
  if (out.size() < text.size()) out += "…";
  return out;
}

void add_example(std::vector<std::string>& examples, std::string_view text, std::size_t most) {
  if (examples.size() > most) return;  // one more than is shown says that there are more
  auto example = cut(text);
  if (std::find(examples.begin(), examples.end(), example) == examples.end())
    examples.push_back(std::move(example));
}

std::string listed(const std::vector<std::string>& texts, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < texts.size() && i < most; ++i) out += (i == 0 ? "" : ", ") + texts[i];
  return texts.size() > most ? out + " …" : out;
}

/// Calls `found` for every value that the path leads to from any depth.
template <class Found>
void walk(const json& value, const std::vector<std::string>& path, std::size_t step,
          const Found& found) {
  if (value.is_array()) {
    for (const auto& element : value) walk(element, path, step, found);
    return;
  }
  if (step == path.size()) return found(value);
  if (!value.is_object()) return;
  for (const auto& [key, field] : value.items()) {
    if (folded_name(key) == folded_name(path[step])) walk(field, path, step + 1, found);
  }
}

template <class Found>
void walk_all(const json& value, const std::vector<std::string>& path, const Found& found) {
  if (value.is_object()) walk(value, path, 0, found);
  if (!value.is_structured()) return;
  for (const auto& part : value) walk_all(part, path, found);
}

void collect_names(const json& value, std::vector<std::string>& names) {
  if (value.is_array() && !value.empty()) return collect_names(value[0], names);
  if (!value.is_object()) return;
  for (const auto& [key, field] : value.items()) {
    add_example(names, key, most_names_kept);
    collect_names(field, names);
  }
}

}  // namespace

FilterHints::FilterHints(const MessageFilter& filter) {
  const auto add = [&](const char* option, const char* what, const std::vector<std::string>& typed,
                       Globs::Matches matches,
                       std::vector<std::string> (*variants)(const std::string&)) {
    if (typed.empty()) return;
    auto& globs = globs_.emplace_back(
        Globs{.option = option, .what = what, .typed = typed, .matches = matches});
    for (const auto& glob : typed) {
      const auto plain = without_classes(glob);
      if (plain != glob) globs.variants.push_back({plain});
      for (auto& variant : variants(plain)) globs.variants.push_back({std::move(variant)});
      globs.variants.push_back({plain, true});
      globs.variants.push_back({'*' + plain + '*', true});
    }
  };
  add("--from", "sender", filter.from, matches_pid, pid_variants);
  add("--to", "receiver", filter.to, matches_pid, pid_variants);
  add("--name", "name", filter.name, name_matches, name_variants);
  for (const auto& field : filter.fields) fields_.push_back({.match = &field});
  if (!filter.statuses.empty()) answer_ = "--status";
  if (filter.slower) answer_ = answer_.empty() ? "--slower" : "--status with --slower";
}

void FilterHints::saw(std::string_view from, std::string_view to, std::string_view name,
                      std::string_view kind) {
  saw_something_ = true;
  for (auto& globs : globs_)
    watch(globs, globs.option == "--from" ? from : globs.option == "--to" ? to : name, kind);
}

void FilterHints::saw_kind(std::string_view name, std::string_view kind) {
  for (auto& globs : globs_) {
    if (globs.option == "--name") watch(globs, name, kind);
  }
}

void FilterHints::saw_answer(bool accepted, std::optional<int> status) {
  answer_matched_ = answer_matched_ || accepted;
  if (!accepted) add_example(answers_, status ? std::to_string(*status) : "none", most_examples);
}

void FilterHints::watch(Globs& globs, std::string_view text, std::string_view kind) {
  const auto matches = [&](const std::string& glob) { return globs.matches(glob, text, kind); };
  globs.matched = globs.matched || std::any_of(globs.typed.begin(), globs.typed.end(), matches);
  if (globs.matched) return;
  const auto shown = kind.empty() ? std::string(text) : std::string(text).append("/").append(kind);
  add_example(globs.examples, shown, most_examples);
  for (auto& variant : globs.variants) {
    if (!variant.matched.empty()) continue;
    const bool fits = variant.fold_case ? globs.matches(lower_case(variant.typed), lower_case(text),
                                                        lower_case(kind))
                                        : matches(variant.typed);
    if (fits) variant.matched = cut(shown);
  }
}

void FilterHints::saw_body(const BodyDocument* body) {
  saw_body_ = true;
  if (body == nullptr) return;
  decoded_ = true;
  for (auto& field : fields_) watch(field, *body);
}

void FilterHints::watch(Field& field, const BodyDocument& body) {
  const auto& match = *field.match;
  field.matched = field.matched || match.matches(body);
  if (field.matched || !field.variant.empty()) return;
  const auto& document = body.inner.is_null() ? body.body : body.inner;
  const auto path = match.path_text();
  bool leads_somewhere = false;
  walk_all(document, match.path(), [&](const json& value) {
    leads_somewhere = true;
    if (!value.is_object()) return add_example(field.values, match_text(value), most_examples);
    for (const auto& [key, inner] : value.items()) {
      if (inner.is_structured()) continue;
      if (field.holder.empty()) field.holder = path + '.' + key;
      if (match.kind() == FieldMatch::Kind::equal &&
          compactor::text::glob_matches(match.value(), match_text(inner)))
        field.variant = path + '.' + key + '=' + match.value();
    }
  });
  if (!leads_somewhere) collect_names(document, field.names);
}

std::string FilterHints::hint(const Globs& globs) {
  std::string typed;
  for (const auto& glob : globs.typed)
    typed += (typed.empty() ? "" : " ") + globs.option + ' ' + quoted(glob);
  auto text = typed + " matches no " + globs.what + " here: a glob matches the whole of it";
  const bool classes = std::any_of(globs.typed.begin(), globs.typed.end(),
                                   [](const auto& glob) { return without_classes(glob) != glob; });
  if (classes) text += ", and knows * and ?, no [classes]";
  const auto found = std::find_if(globs.variants.begin(), globs.variants.end(),
                                  [](const Variant& variant) { return !variant.matched.empty(); });
  if (found == globs.variants.end())
    return text + "; there is " + listed(globs.examples, most_examples);
  if (found->fold_case) return text + ", letter by letter; there is " + found->matched;
  return text + "; " + globs.option + ' ' + quoted(found->typed) + " matches " + found->matched;
}

std::string FilterHints::hint(const Field& field) {
  const auto& match = *field.match;
  const auto path = match.path_text();
  const auto text = "--match " + quoted(match.text()) + " matches no body here: ";
  if (!field.variant.empty())
    return text + path + " holds fields of its own; --match " + quoted(field.variant) + " matches";
  const bool classes =
      match.kind() != FieldMatch::Kind::regex && without_classes(match.value()) != match.value();
  if (!field.values.empty()) {
    return text + path + " is " + listed(field.values, most_examples) +
           (classes ? " (a glob knows * and ?, no [classes])" : "");
  }
  if (!field.holder.empty())
    return text + path + " holds fields of its own, as in " + field.holder + match.operator_text() +
           "…";
  if (field.names.empty()) return text + "the bodies have no fields";
  if (const auto near = compactor::text::nearest(match.path().back(), field.names, 1);
      !near.empty())
    return text + "there is no field " + path + ", " + compactor::text::did_you_mean(near);
  return text + "there is no field " + path + "; there is " + listed(field.names, most_names_shown);
}

std::vector<std::string> FilterHints::hints() const {
  std::vector<std::string> all;
  if (!saw_something_) return all;
  for (const auto& globs : globs_) {
    if (!globs.matched) all.push_back(hint(globs));
  }
  if (!fields_.empty() && saw_body_ && !decoded_)
    all.emplace_back(
        "--match looks into bodies of known types, and there was none: --type "
        "NAME=TYPE says the type of messages of that name");
  for (const auto& field : fields_) {
    if (decoded_ && !field.matched) all.push_back(hint(field));
  }
  if (all.empty() && !answer_.empty() && !answer_matched_)
    all.push_back(answer_ + " matches no answer here: there is " + listed(answers_, most_examples));
  if (all.empty() && globs_.size() + fields_.size() + (answer_.empty() ? 0 : 1) > 1)
    all.emplace_back("no message matches all of the filters at once");
  return all;
}

}  // namespace tool
