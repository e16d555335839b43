// Regular expressions that can be given to anybody's text: the time is that of the text's length
// times the pattern's, whatever they are, and the stack does not grow with either. (std::regex
// recurses for each character, or takes exponential time; glibc's regexec(3) keeps a table for each
// set of states that a text leads it into.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compactor/error.h"

namespace compactor::text {

class RegexError : public Error {
 public:
  /// `at`: the byte of the pattern that does not read.
  RegexError(const std::string& what, std::size_t at)
      : Error(what + " at character " + std::to_string(at + 1)) {}
};

/// The ECMAScript dialect, as far as it is regular: literals, `.` (any character but a line end),
/// `[a-z]`, `[^a-z]`, `\d \w \s \D \W \S`, `\b \B`, `^ $`, `( ) (?: )`, `|`, `* + ? {n} {n,} {n,m}`
/// (and these with a `?` behind them, which makes no difference to whether it is found),
/// `\n \r \t \xHH \uHHHH`. No references back, no looking around. It works on UTF-8 characters; a
/// byte that is none of one is a character by itself.
class Regex {
 public:
  /// Throws RegexError.
  explicit Regex(std::string_view pattern);

  /// Whether it matches any part of the text.
  bool is_found_in(std::string_view text) const;

  static constexpr std::size_t longest_pattern = 1000;
  /// Of its program, where what is repeated N times counts N times.
  static constexpr std::size_t most_steps = 5000;

 private:
  friend class RegexCompiler;

  using Range = std::pair<char32_t, char32_t>;
  struct Set {
    std::vector<Range> ranges{};
    bool negated = false;

    bool has(char32_t character) const;
  };
  enum class Kind : std::uint8_t { set, split, jump, begin, end, boundary, no_boundary, found };
  struct Step {
    Kind kind;
    std::uint32_t first = 0;   // set: its number; split and jump: where to go on
    std::uint32_t second = 0;  // split: the other way
  };
  /// The steps that are being looked at: each once, however many ways lead to it.
  struct Threads {
    std::vector<std::uint32_t> steps{};
    std::vector<bool> has{};
  };
  /// A place in a text: what is before it and behind it.
  struct Place {
    bool at_begin;
    bool at_end;
    bool word_before;
    bool word_behind;
  };

  bool holds(Kind kind, const Place& place) const;
  bool add(Threads& threads, std::vector<std::uint32_t>& stack, std::uint32_t start,
           const Place& place) const;

  std::vector<Step> steps_;
  std::vector<Set> sets_;
};

}  // namespace compactor::text
