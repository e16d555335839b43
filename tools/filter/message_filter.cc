#include "filter/message_filter.h"

#include <algorithm>

#include "body/v1_body.h"
#include "cli/failure.h"
#include "text/ascii.h"
#include "text/glob.h"

namespace tool {

namespace {

using compactor::text::glob_matches;

std::string_view without_message(std::string_view name) {
  constexpr std::string_view suffix = "Message";
  if (name.ends_with(suffix) && name.size() > suffix.size()) name.remove_suffix(suffix.size());
  return name;
}

/// Calls `visit` with each way to write the name, until it says yes.
template <class Visit>
bool any_form(std::string_view name, const Visit& visit) {
  if (visit(name)) return true;
  if (!name.starts_with("mesos.")) return false;
  for (std::size_t dot = 0; dot != std::string_view::npos; dot = name.find('.')) {
    if (dot != 0) name.remove_prefix(dot + 1);
    const auto shorter = without_message(name);
    if (visit(name) || (shorter.size() != name.size() && visit(shorter))) return true;
  }
  return false;
}

bool is_address(const std::string& glob) {
  const auto colon = glob.rfind(':');
  return colon != std::string::npos && colon + 1 < glob.size() &&
         glob.find_first_not_of("0123456789*?", colon + 1) == std::string::npos;
}

bool end_matches(const std::string& glob, const HttpEnd& end) {
  const auto pids = pids_of(end);
  return std::any_of(pids.begin(), pids.end(),
                     [&](const std::string& pid) { return pid_matches(glob, pid); });
}

/// One of them, where there are any.
template <class Globs, class Matches>
bool any_of_them(const Globs& globs, const Matches& matches) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), matches);
}

}  // namespace

bool pid_matches(const std::string& glob, std::string_view pid) {
  if (glob.find('@') != std::string::npos) return glob_matches(glob, pid);
  const auto at = pid.rfind('@');
  if (!is_address(glob)) return glob_matches(glob, pid.substr(0, at));
  return at != std::string_view::npos && glob_matches(glob, pid.substr(at + 1));
}

bool name_matches(const std::string& glob, std::string_view name, std::string_view kind) {
  if (any_form(name, [&](std::string_view form) { return glob_matches(glob, form); })) return true;
  if (kind.empty()) return false;
  return glob_matches(glob, kind) || any_form(name, [&](std::string_view form) {
           return glob_matches(glob, std::string(form).append("/").append(kind));
         });
}

bool has_kinds(std::string_view name) {
  return name.ends_with(".Call") || name.ends_with(".Event");
}

StatusMatch StatusMatch::parse(const std::string& text) {
  StatusMatch match;
  if (text == "none") return match;
  const auto lowered = compactor::text::lower_case(text);
  const bool any = lowered.ends_with("xx");
  const bool reads = lowered.size() == 3 && lowered[0] >= '1' && lowered[0] <= '9' &&
                     (any || lowered.find_first_not_of("0123456789") == std::string::npos);
  if (!reads)
    throw Failure(Exit::usage, "usage", "--status \"" + text + "\" is no status",
                  "a number as 202, a class as 4xx, or none: not answered");
  match.lowest_ = any ? (lowered[0] - '0') * 100 : std::stoi(lowered);
  match.highest_ = match.lowest_ + (any ? 99 : 0);
  return match;
}

bool StatusMatch::matches(std::optional<int> status) const {
  return status.value_or(0) >= lowest_ && status.value_or(0) <= highest_;
}

bool MessageFilter::accepts_head(std::string_view sender, std::string_view receiver,
                                 std::string_view message) const {
  const auto is = [](std::string_view pid) {
    return [pid](const std::string& glob) { return pid_matches(glob, pid); };
  };
  return any_of_them(from, is(sender)) && any_of_them(to, is(receiver)) &&
         (has_kinds(message) || accepts_kind(message, {}));
}

bool MessageFilter::asks_for_kind(std::string_view message) const {
  return has_kinds(message) && !accepts_kind(message, {});
}

bool MessageFilter::accepts_kind(std::string_view message, std::string_view kind) const {
  return any_of_them(name,
                     [&](const std::string& glob) { return name_matches(glob, message, kind); });
}

bool MessageFilter::has_status(std::optional<int> status) const {
  return any_of_them(statuses, [&](const StatusMatch& wanted) { return wanted.matches(status); });
}

bool MessageFilter::accepts_answer(std::optional<int> status,
                                   std::optional<std::chrono::nanoseconds> latency) const {
  return is_slow(latency) && has_status(status);
}

bool MessageFilter::accepts_http(const HttpSubject& subject) const {
  const auto path = path_of(subject.url);
  const auto names = [&](const std::string& glob) {
    return glob_matches(glob, path) ||
           (!subject.type.empty() && name_matches(glob, subject.type, subject.kind));
  };
  const auto is = [](const HttpEnd& end) {
    return [&end](const std::string& glob) { return end_matches(glob, end); };
  };
  return any_of_them(from, is(subject.from)) && any_of_them(to, is(subject.to)) &&
         any_of_them(name, names);
}

MessageFilter::Fields MessageFilter::judge_body(const std::optional<BodyDocument>& body) const {
  Fields found{.accepted = body || fields.empty()};
  if (!body) return found;
  found.verdicts.reserve(fields.size());
  for (const auto& field : fields) {
    found.verdicts.push_back(field.judge(*body));
    found.too_long = found.too_long || found.verdicts.back() == FieldMatch::Verdict::too_long;
  }
  const auto matches = [&](std::size_t i) {
    return found.verdicts[i] == FieldMatch::Verdict::match;
  };
  const auto will_do = [&](std::size_t wanted) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const bool same =
          i == wanted || (fields[i].is_alternative() && fields[wanted].is_alternative() &&
                          fields[i].has_path_of(fields[wanted]));
      if (same && matches(i)) return true;
    }
    return false;
  };
  for (std::size_t i = 0; i < fields.size(); ++i) found.accepted = found.accepted && will_do(i);
  return found;
}

std::vector<std::string> pids_of(const HttpEnd& end) {
  const auto at = '@' + std::string(end.address);
  if (end.ids.empty()) return {at};
  std::vector<std::string> pids;
  pids.reserve(end.ids.size());
  for (const auto id : end.ids) pids.push_back(std::string(id) + at);
  return pids;
}

}  // namespace tool
