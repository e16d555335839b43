#include "trace/facts.h"

#include <algorithm>
#include <array>

#include "base/embed.h"
#include "text/table.h"

COMPACTOR_EMBED(pairs, FACTS_PAIRS)
COMPACTOR_EMBED(entities, FACTS_ENTITIES)
COMPACTOR_EMBED(says, FACTS_SAYS)
COMPACTOR_EMBED(reasons, FACTS_REASONS)

namespace compactor::trace {
namespace {

using Cells = std::vector<std::string_view>;

constexpr std::array<std::string_view, 8> kKinds = {"master", "agent", "framework", "executor",
                                                    "task",   "offer", "operation", "uuid"};
constexpr std::array<std::string_view, 5> kEffects = {"ok", "fail", "forward", "effect", "end"};

template <class T, std::size_t N>
T one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return static_cast<T>(std::find(words.begin(), words.end(), word) - words.begin());
}

/// The rows: neither comments nor the line of titles, which is the first that is no comment.
template <class F>
void for_each_row(std::string_view table, F&& f) {
  bool titles = true;
  text::for_each_line(table, [&](std::string_view line) {
    if (line.empty() || line.starts_with('#')) return;
    if (!titles) f(text::split(line, '\t'));
    titles = false;
  });
}

Cells parts_of(std::string_view text) {
  return text.empty() ? Cells{} : text::split(text, ';');
}

Condition condition_of(std::string_view text) {
  if (text.starts_with('!')) return {Condition::Kind::unset, text.substr(1), {}};
  const auto equal = text.find('=');
  if (equal == std::string_view::npos) return {Condition::Kind::set, text, {}};
  const bool differs = text[equal - 1] == '!';
  Condition made{differs ? Condition::Kind::unequal : Condition::Kind::equal,
                 text.substr(0, equal - (differs ? 1 : 0)),
                 text::split(text.substr(equal + 1), '|')};
  if (made.path == "from") made.kind = Condition::Kind::from;
  if (made.path == "to") made.kind = Condition::Kind::to;
  return made;
}

std::vector<Condition> conditions_of(std::string_view text) {
  std::vector<Condition> made;
  for (const auto part : parts_of(text)) made.push_back(condition_of(part));
  return made;
}

Join join_of(std::string_view text) {
  Join join;
  const auto equal = text.find('=');
  join.asked = text::split(text.substr(0, equal), '|');
  join.answered = text.substr(equal + 1);
  join.optional = join.answered.ends_with('?');
  if (join.optional) join.answered.remove_suffix(1);
  return join;
}

void set_ends(Pair& pair, std::string_view text) {
  for (const auto part : parts_of(text)) {
    const End end = part[2] == 'r' ? End::sender : part[2] == 't' ? End::receiver : End::field;
    (part[0] == 'R' ? pair.answer_from : pair.answer_to) = end;
  }
}

Pair pair_of(const Cells& row) {
  Pair pair{row[0],
            conditions_of(row[1]),
            row[2],
            conditions_of(row[3]),
            one_of<Effect>(kEffects, row[4]),
            {},
            End::none,
            End::none};
  for (const auto part : parts_of(row[5])) pair.fields.push_back(join_of(part));
  set_ends(pair, row[6]);
  return pair;
}

}  // namespace

std::string_view to_string(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

Facts::Facts() {
  for_each_row(embedded_pairs(), [&](const Cells& row) { pairs_.push_back(pair_of(row)); });
  for_each_row(embedded_entities(), [&](const Cells& row) {
    ids_[row[0]].push_back({one_of<Kind>(kKinds, row[1]), row[2]});
  });
  for_each_row(embedded_says(), [&](const Cells& row) { phrases_.emplace(row[0], row[1]); });
  for_each_row(embedded_reasons(), [&](const Cells& row) { reasons_.emplace(row[0], row[1]); });
}

const std::vector<IdPath>& Facts::ids(std::string_view message) const {
  static const std::vector<IdPath> kNone;
  const auto found = ids_.find(message);
  return found == ids_.end() ? kNone : found->second;
}

std::string_view Facts::phrase(std::string_view message) const {
  const auto found = phrases_.find(message);
  return found == phrases_.end() ? std::string_view{} : found->second;
}

std::string_view Facts::hint_of_reason(std::string_view reason) const {
  const auto found = reasons_.find(reason);
  return found == reasons_.end() ? std::string_view{} : found->second;
}

}  // namespace compactor::trace
