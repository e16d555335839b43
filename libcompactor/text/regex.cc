#include "text/regex.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace compactor::text {
namespace {

bool is_word(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The character that the text begins with, which is taken off it.
char32_t take_character(std::string_view& text) {
  const std::size_t length = utf8_length(text);
  const char32_t character =
      length == 0 ? static_cast<unsigned char>(text.front()) : code_point(text, length);
  text.remove_prefix(std::max<std::size_t>(length, 1));
  return character;
}

void take_off(RegexBudget& budget, std::uint64_t looks) {
  const bool over = !budget.spent() && budget.is_over != nullptr && budget.is_over();
  budget.looks -= over ? budget.looks : std::min(budget.looks, looks);
}

}  // namespace

Regex::Set::Set(std::vector<Range> ranges, bool negated) {
  constexpr char32_t last_character = 0x10ffff;
  std::sort(ranges.begin(), ranges.end());
  char32_t next = 0;  // behind all ranges so far
  for (const auto& [first, last] : ranges) {
    if (negated && first > next) ranges_.emplace_back(next, first - 1);
    if (!negated && first > next) ranges_.emplace_back(first, last);
    if (!negated && first <= next) {
      if (ranges_.empty()) ranges_.emplace_back(first, last);
      ranges_.back().second = std::max(ranges_.back().second, last);
    }
    next = std::max<char32_t>(next, last + 1);
  }
  if (negated && next <= last_character) ranges_.emplace_back(next, last_character);
  for (char32_t c = 0; c < 128; ++c) {
    const bool in = std::any_of(ranges_.begin(), ranges_.end(), [c](const Range& range) {
      return range.first <= c && c <= range.second;
    });
    if (in) ascii_[c / 64] |= std::uint64_t{1} << (c % 64);
  }
}

bool Regex::Set::has(char32_t character) const {
  if (character < 128) return (ascii_[character / 64] >> (character % 64) & 1) != 0;
  const auto behind = std::partition_point(
      ranges_.begin(), ranges_.end(), [&](const Range& range) { return range.second < character; });
  return behind != ranges_.end() && behind->first <= character;
}

bool Regex::Threads::add(std::uint32_t step) {
  return std::exchange(added_[step], round_) != round_;
}

void Regex::Threads::clear() {
  waiting.clear();
  ++round_;
}

bool Regex::holds(Kind kind, const Place& place) const {
  switch (kind) {
    case Kind::begin:
      return place.at_begin;
    case Kind::end:
      return place.at_end;
    case Kind::boundary:
      return place.word_before != place.word_behind;
    default:
      return place.word_before == place.word_behind;
  }
}

/// Follows what takes no character. True when the pattern is found.
bool Regex::add(Threads& threads, std::vector<std::uint32_t>& stack, std::uint32_t start,
                const Place& place, std::uint64_t& looks) const {
  stack.assign(1, start);
  while (!stack.empty()) {
    const std::uint32_t at = stack.back();
    stack.pop_back();
    if (!threads.add(at)) continue;
    ++looks;
    const Step& step = steps_[at];
    switch (step.kind) {
      case Kind::found:
        return true;
      case Kind::set:
        threads.waiting.push_back(at);
        break;
      case Kind::split:
        stack.push_back(step.second);
        [[fallthrough]];
      case Kind::jump:
        stack.push_back(step.first);
        break;
      default:
        if (holds(step.kind, place)) stack.push_back(at + 1);
    }
  }
  return false;
}

bool Regex::is_found_in(std::string_view text, RegexBudget& budget) const {
  constexpr std::uint64_t looks_between_questions = 100'000;
  Threads now(steps_.size());
  Threads next(steps_.size());
  std::vector<std::uint32_t> stack;
  std::uint64_t looks = 0;  // not yet taken off the budget
  const auto word_first = [](std::string_view rest) {
    return !rest.empty() && is_word(static_cast<unsigned char>(rest.front()));
  };
  Place place{true, text.empty(), false, word_first(text)};
  while (!budget.spent()) {
    // It may begin anywhere.
    if (add(now, stack, 0, place, looks)) return true;
    if (text.empty()) break;
    const char32_t character = take_character(text);
    place = {false, text.empty(), is_word(character), word_first(text)};
    looks += now.waiting.size() + 1;
    for (const std::uint32_t at : now.waiting) {
      if (sets_[steps_[at].first].has(character) && add(next, stack, at + 1, place, looks))
        return true;
    }
    std::swap(now, next);
    next.clear();
    if (looks >= looks_between_questions) take_off(budget, std::exchange(looks, 0));
  }
  take_off(budget, looks);
  return false;
}

}  // namespace compactor::text
