// Regular expressions that can be given to anybody's text. For each character of the text, every
// step of the pattern's program is looked at once at most, and what is in a [class] costs the same
// for ASCII however it is written, the logarithm of its ranges for other characters. So the time is
// that of the text times the program, at worst 5000 steps for each character; a budget bounds it.
// The stack does not grow with either. (std::regex recurses for each character, or takes
// exponential time; glibc's regexec(3) keeps a table for each set of states that a text leads it
// into.)
#pragma once

#include <array>
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

/// What searches may cost, all of those that are given the same one.
struct RegexBudget {
  /// About half a second.
  static constexpr std::uint64_t most_looks = 50'000'000;

  std::uint64_t looks = most_looks;  // at steps of a program, that are left
  /// Asked now and then: whether nobody waits for the result any longer. May be null.
  bool (*is_over)() = nullptr;

  bool spent() const { return looks == 0; }
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

  /// Whether it matches any part of the text. When the budget is spent before that is known: false,
  /// and so is every other search with it.
  bool is_found_in(std::string_view text, RegexBudget& budget) const;

  static constexpr std::size_t longest_pattern = 1000;
  /// Of its program, where what is repeated N times counts N times.
  static constexpr std::size_t most_steps = 5000;

 private:
  friend class RegexCompiler;

  using Range = std::pair<char32_t, char32_t>;
  class Set {
   public:
    Set(std::vector<Range> ranges, bool negated);

    bool has(char32_t character) const;
    const std::vector<Range>& ranges() const { return ranges_; }

   private:
    std::vector<Range> ranges_;  // in order, apart from each other
    std::array<std::uint64_t, 2> ascii_{};
  };
  enum class Kind : std::uint8_t { set, split, jump, begin, end, boundary, no_boundary, found };
  struct Step {
    Kind kind;
    std::uint32_t first = 0;   // set: its number; split and jump: where to go on
    std::uint32_t second = 0;  // split: the other way
  };
  /// The steps that are being looked at: each once, however many ways lead to it.
  class Threads {
   public:
    explicit Threads(std::size_t steps) : added_(steps, 0) {}

    /// False when it is there.
    bool add(std::uint32_t step);
    void clear();

    std::vector<std::uint32_t> waiting{};  // for a character

   private:
    std::vector<std::uint64_t> added_;  // in which round
    std::uint64_t round_ = 1;
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
           const Place& place, std::uint64_t& looks) const;

  std::vector<Step> steps_;
  std::vector<Set> sets_;
};

}  // namespace compactor::text
