#include "text/regex.h"

#include <algorithm>

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

}  // namespace

bool Regex::Set::has(char32_t character) const {
  const bool in = std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return character >= range.first && character <= range.second;
  });
  return in != negated;
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
                const Place& place) const {
  stack.assign(1, start);
  while (!stack.empty()) {
    const std::uint32_t at = stack.back();
    stack.pop_back();
    if (threads.has[at]) continue;
    threads.has[at] = true;
    const Step& step = steps_[at];
    switch (step.kind) {
      case Kind::found:
        return true;
      case Kind::set:
        threads.steps.push_back(at);
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

bool Regex::is_found_in(std::string_view text) const {
  Threads now;
  Threads next;
  std::vector<std::uint32_t> stack;
  now.has.assign(steps_.size(), false);
  next.has.assign(steps_.size(), false);
  const auto word_first = [](std::string_view rest) {
    return !rest.empty() && is_word(static_cast<unsigned char>(rest.front()));
  };
  Place place{true, text.empty(), false, word_first(text)};
  for (;;) {
    // It may begin anywhere.
    if (add(now, stack, 0, place)) return true;
    if (text.empty()) return false;
    const char32_t character = take_character(text);
    place = {false, text.empty(), is_word(character), word_first(text)};
    for (const std::uint32_t at : now.steps) {
      if (sets_[steps_[at].first].has(character) && add(next, stack, at + 1, place)) return true;
    }
    std::swap(now, next);
    next.steps.clear();
    next.has.assign(steps_.size(), false);
  }
}

}  // namespace compactor::text
