#include "filter/filter_hint.h"

#include <algorithm>

#include "body/v1_body.h"
#include "cli/values.h"
#include "text/ascii.h"
#include "text/glob.h"
#include "text/nearest.h"
#include "text/utf8.h"

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
  if (plain && !text.empty()) return text;
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + '\'';
}

std::string cut(std::string_view text) {
  return compactor::text::shortened(text, longest_example);
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

void collect_names(const json& value, std::vector<std::string>& names) {
  if (value.is_array() && !value.empty()) return collect_names(value[0], names);
  if (!value.is_object()) return;
  for (const auto& [key, field] : value.items()) {
    add_example(names, key, most_names_kept);
    collect_names(field, names);
  }
}

}  // namespace

FilterHints::FilterHints(const MessageFilter& filter) : filter_(filter) {
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
}

void FilterHints::watch_option(std::string_view option, std::string_view text,
                               std::string_view kind) {
  for (auto& globs : globs_) {
    if (globs.option == option) watch(globs, text, kind);
  }
}

void FilterHints::saw(std::string_view from, std::string_view to, std::string_view name) {
  saw_something_ = true;
  watch_option("--from", from, {});
  watch_option("--to", to, {});
  watch_option("--name", name, {});
}

void FilterHints::saw_kind(std::string_view name, std::string_view kind) {
  watch_option("--name", name, kind);
}

void FilterHints::saw(const HttpSubject& subject) {
  saw_something_ = true;
  for (const auto& pid : pids_of(subject.from)) watch_option("--from", pid, {});
  for (const auto& pid : pids_of(subject.to)) watch_option("--to", pid, {});
  watch_option("--name", path_of(subject.url), {});
  if (!subject.type.empty()) watch_option("--name", subject.type, subject.kind);
}

void FilterHints::saw_answer(std::optional<int> status,
                             std::optional<std::chrono::nanoseconds> latency) {
  saw_answer_ = true;
  if (filter_.has_status(status)) {
    status_matched_ = true;
  } else {
    add_example(statuses_, status ? std::to_string(*status) : "none", most_examples);
  }
  if (filter_.is_slow(latency)) slower_matched_ = true;
  if (latency) slowest_ = std::max(slowest_.value_or(*latency), *latency);
}

void FilterHints::watch(Globs& globs, std::string_view text, std::string_view kind) {
  const auto matches = [&](const std::string& glob) { return globs.matches(glob, text, kind); };
  globs.matched = globs.matched || std::any_of(globs.typed.begin(), globs.typed.end(), matches);
  if (globs.matched) return;
  auto shown = kind.empty() ? std::string(text) : std::string(text).append("/").append(kind);
  if (shown.starts_with('@')) shown.erase(0, 1);  // of plain HTTP, whose ends need no id
  if (shown.empty()) shown = "(none)";
  add_example(globs.examples, shown, most_examples);
  for (auto& variant : globs.variants) {
    if (!variant.matched.empty()) continue;
    const bool fits = variant.fold_case ? globs.matches(lower_case(variant.typed), lower_case(text),
                                                        lower_case(kind))
                                        : matches(variant.typed);
    if (fits) variant.matched = cut(shown);
  }
}

void FilterHints::saw_body(const BodyDocument& body, const MessageFilter::Fields& found) {
  opened_ = true;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    auto& field = fields_[i];
    field.matched = field.matched || found.verdicts[i] == FieldMatch::Verdict::match;
    field.too_long = field.too_long || found.verdicts[i] == FieldMatch::Verdict::too_long;
    if (!field.matched && field.variant.empty()) watch(field, body);
  }
}

void FilterHints::saw_closed_body(std::string_view name, bool has_type) {
  closed_ = true;
  auto& example = has_type ? misfit_ : typeless_;
  if (example.empty()) example = cut(name);
}

void FilterHints::watch(Field& field, const BodyDocument& body) {
  const auto& document = body.inner.is_null() ? body.body : body.inner;
  bool leads_somewhere = false;
  field.match->path().any(document, [&](const json& value) {
    leads_somewhere = true;
    watch_value(field, value);
    return false;
  });
  if (!leads_somewhere) collect_names(document, field.names);
}

/// That the path leads to.
void FilterHints::watch_value(Field& field, const json& value) {
  const auto& match = *field.match;
  if (!value.is_object()) return add_example(field.values, match_text(value), most_examples);
  for (const auto& [key, inner] : value.items()) {
    if (inner.is_structured()) continue;
    if (field.holder.empty()) field.holder = match.path_text() + '.' + key;
    if (match.kind() == FieldMatch::Kind::equal &&
        compactor::text::glob_matches(match.value(), match_text(inner)))
      field.variant = match.path_text() + '.' + key + '=' + match.value();
  }
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
  if (const auto near = compactor::text::nearest(match.path().steps().back(), field.names, 1);
      !near.empty())
    return text + "there is no field " + path + ", " + compactor::text::did_you_mean(near);
  return text + "there is no field " + path + "; there is " + listed(field.names, most_names_shown);
}

/// Where no body could be looked into: why.
void FilterHints::add_body_hint(std::vector<std::string>& all) const {
  if (fields_.empty() || opened_ || !closed_) return;
  const std::string what =
      "--match looks into bodies of known types and into JSON, and there was none";
  if (!typeless_.empty()) {
    all.push_back(what + ": --type " + quoted(typeless_ + "=TYPE") +
                  " says the type of messages of that name");
  } else if (!misfit_.empty()) {
    all.push_back("--match looks into bodies that fit their type, and those of " + misfit_ +
                  " do not: decode shows why");
  } else {
    all.push_back(what);
  }
}

void FilterHints::add_answer_hints(std::vector<std::string>& all) const {
  if (!filter_.by_answer()) return;
  const std::string option = filter_.statuses.empty() ? "--slower" : "--status";
  if (!saw_answer_ && saw_event_)
    all.push_back(option + " is about answers, and the events of a stream have none");
  if (!saw_answer_) return;
  if (!status_matched_)
    all.push_back("--status matches no answer here: there is " + listed(statuses_, most_examples));
  if (slower_matched_) return;
  if (!slowest_) {
    all.emplace_back(
        "--slower matches nothing here, for nothing was answered: --status none shows "
        "that");
  } else {
    const std::chrono::duration<double, std::micro> took = *slowest_;
    all.push_back("--slower " + duration_text(*filter_.slower) +
                  " matches no answer here: the slowest took " + human_duration(took.count()));
  }
}

std::vector<std::string> FilterHints::hints() const {
  std::vector<std::string> all;
  if (!saw_something_) return all;
  for (const auto& globs : globs_) {
    if (!globs.matched) all.push_back(hint(globs));
  }
  add_body_hint(all);
  for (const auto& field : fields_) {
    if (opened_ && !field.matched && !field.too_long) all.push_back(hint(field));
  }
  add_answer_hints(all);
  const auto filters = globs_.size() + fields_.size() + (filter_.statuses.empty() ? 0 : 1) +
                       (filter_.slower ? 1 : 0);
  if (all.empty() && filters > 1) all.emplace_back("no message matches all of the filters at once");
  return all;
}

}  // namespace tool
