// A pattern -> the steps of its program.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "text/ascii.h"
#include "text/hex.h"
#include "text/regex.h"
#include "text/utf8.h"

namespace compactor::text {
namespace {

constexpr std::size_t deepest = 50;  // groups in groups
constexpr std::size_t most_times = 1000;

}  // namespace

/// Each function reads one thing and appends its steps. Steps name others by their place, so that a
/// piece which is repeated is moved by as many places as it goes on.
class RegexCompiler {
 public:
  RegexCompiler(Regex& regex, std::string_view pattern) : regex_(regex), pattern_(pattern) {}

  void run() {
    if (pattern_.size() > Regex::longest_pattern)
      throw RegexError("more than " + std::to_string(Regex::longest_pattern) + " characters",
                       Regex::longest_pattern);
    read_choice(0);
    if (!ended()) throw RegexError("a ) without its (", at_);
    push({Kind::found});
  }

 private:
  using Kind = Regex::Kind;
  using Range = Regex::Range;
  using Step = Regex::Step;

  bool ended() const { return at_ == pattern_.size(); }
  bool next_is(char c) const { return !ended() && pattern_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  std::vector<Step>& steps() { return regex_.steps_; }
  std::uint32_t here() { return static_cast<std::uint32_t>(steps().size()); }

  void push(Step step) {
    if (steps().size() >= Regex::most_steps)
      throw RegexError("too much, with what is repeated", at_);
    steps().push_back(step);
  }

  /// Puts a step before those from `start` on.
  void push_before(std::uint32_t start, Step step) {
    push(step);
    std::rotate(steps().begin() + start, steps().end() - 1, steps().end());
    for (auto at = start + 1; at < here(); ++at) move(steps()[at], 1);
  }

  static void move(Step& step, std::uint32_t by) {
    if (step.kind == Kind::split || step.kind == Kind::jump) step.first += by;
    if (step.kind == Kind::split) step.second += by;
  }

  void read_choice(std::size_t depth) {
    if (depth > deepest) throw RegexError("too many groups in each other", at_);
    const auto start = here();
    read_sequence(depth);
    std::vector<std::uint32_t> ends;
    auto branch = start;
    while (take('|')) {
      push_before(branch, {Kind::split, branch + 1, 0});
      ends.push_back(here());
      push({Kind::jump});
      steps()[branch].second = here();
      branch = here();
      read_sequence(depth);
    }
    for (const auto end : ends) steps()[end].first = here();
  }

  void read_sequence(std::size_t depth) {
    while (!ended() && !next_is('|') && !next_is(')')) {
      const auto start = here();
      if (read_assertion()) continue;
      read_atom(depth);
      read_repetition(start);
    }
  }

  bool read_assertion() {
    if (take('^')) return push({Kind::begin}), true;
    if (take('$')) return push({Kind::end}), true;
    const bool escaped = next_is('\\') && at_ + 1 < pattern_.size();
    const char what = escaped ? pattern_[at_ + 1] : ' ';
    if (what != 'b' && what != 'B') return false;
    at_ += 2;
    push({what == 'b' ? Kind::boundary : Kind::no_boundary});
    return true;
  }

  void read_atom(std::size_t depth) {
    const auto start = at_;
    if (take('(')) {
      if (take('?') && !take(':'))
        throw RegexError("(? without a colon (there is no looking around)", start);
      read_choice(depth + 1);
      if (!take(')')) throw RegexError("a ( without its )", start);
      return;
    }
    if (take('[')) return read_set(start);
    if (take('.')) return push_set({{{'\n', '\n'}, {'\r', '\r'}}, true});
    if (pattern_.find_first_of("*+?{", at_) == at_)
      throw RegexError("nothing to repeat (\\ takes it as it is)", at_);
    if (next_is('\\')) return push_set(read_escape());
    const char32_t character = take_character();
    push_set({{{character, character}}, false});
  }

  void push_set(Regex::Set set) {
    const auto number = static_cast<std::uint32_t>(regex_.sets_.size());
    regex_.sets_.push_back(std::move(set));
    push({Kind::set, number});
  }

  void read_repetition(std::uint32_t start) {
    const auto sign = at_;
    std::size_t least = 0;
    std::optional<std::size_t> most;
    if (take('+')) {
      least = 1;
    } else if (take('?')) {
      most = 1;
    } else if (take('{')) {
      least = read_times(sign);
      most = least;
      if (take(',')) most = next_is('}') ? std::nullopt : std::optional(read_times(sign));
      if (!take('}') || (most && *most < least))
        throw RegexError("{ without numbers in order and a }", sign);
    } else if (!take('*')) {
      return;
    }
    take('?');  // as few as possible: found all the same
    repeat(start, least, most);
    if (pattern_.find_first_of("*+?{", at_) == at_) throw RegexError("nothing to repeat", at_);
  }

  std::size_t read_times(std::size_t sign) {
    std::size_t times = 0;
    const auto start = at_;
    while (!ended() && is_digit(pattern_[at_]) && times <= most_times)
      times = times * 10 + static_cast<std::size_t>(pattern_[at_++] - '0');
    if (start == at_ || times > most_times)
      throw RegexError("{ without a number up to " + std::to_string(most_times), sign);
    return times;
  }

  /// What is from `start` on, so many times.
  void repeat(std::uint32_t start, std::size_t least, std::optional<std::size_t> most) {
    const std::vector<Step> piece(steps().begin() + start, steps().end());
    steps().resize(start);
    for (std::size_t i = 0; i < least; ++i) append(piece, start);
    if (!most) {
      const auto loop = here();
      push({Kind::split, loop + 1});
      append(piece, start);
      push({Kind::jump, loop});
      steps()[loop].second = here();
      return;
    }
    std::vector<std::uint32_t> splits;
    for (std::size_t i = least; i < *most; ++i) {
      splits.push_back(here());
      push({Kind::split, here() + 1});
      append(piece, start);
    }
    for (const auto split : splits) steps()[split].second = here();
  }

  /// A piece that was made to stand at `made_for`.
  void append(const std::vector<Step>& piece, std::uint32_t made_for) {
    const auto by = here() - made_for;
    for (auto step : piece) {
      move(step, by);
      push(step);
    }
  }

  char32_t take_character() {
    const auto rest = pattern_.substr(at_);
    const auto length = utf8_length(rest);
    at_ += std::max<std::size_t>(length, 1);
    return length == 0 ? static_cast<unsigned char>(rest.front()) : code_point(rest, length);
  }

  void read_set(std::size_t start) {
    std::vector<Range> ranges;
    const bool negated = take('^');
    while (!next_is(']')) {
      if (ended()) throw RegexError("a [ without its ]", start);
      const auto from = read_member();
      const bool range = next_is('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
      if (!range) {
        ranges.insert(ranges.end(), from.begin(), from.end());
        continue;
      }
      ++at_;
      const auto to = read_member();
      if (!is_one(from) || !is_one(to) || to[0].first < from[0].first)
        throw RegexError("a range in [ ] that has no order", start);
      ranges.emplace_back(from[0].first, to[0].first);
    }
    ++at_;
    push_set({std::move(ranges), negated});
  }

  static bool is_one(const std::vector<Range>& ranges) {
    return ranges.size() == 1 && ranges[0].first == ranges[0].second;
  }

  std::vector<Range> read_member() {
    if (next_is('\\')) return read_escape().ranges();
    if (ended()) return {};
    const char32_t character = take_character();
    return {{character, character}};
  }

  Regex::Set read_escape() {
    const auto start = at_++;
    if (ended()) throw RegexError("a \\ at the end", start);
    const char32_t what = take_character();
    static const std::vector<Range> digits{{'0', '9'}};
    static const std::vector<Range> words{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const std::vector<Range> blanks{{'\t', '\r'}, {' ', ' '}, {0xa0, 0xa0}};
    switch (what) {
      case 'd':
      case 'D':
        return {digits, what == 'D'};
      case 'w':
      case 'W':
        return {words, what == 'W'};
      case 's':
      case 'S':
        return {blanks, what == 'S'};
      default:
        break;
    }
    const char32_t character = escaped_character(what, start);
    return {{{character, character}}, false};
  }

  char32_t escaped_character(char32_t what, std::size_t start) {
    constexpr std::string_view names = "nrtvf0";
    constexpr std::string_view meant{"\n\r\t\v\f\0", 6};
    if (what == 'x') return read_hex(2, start);
    if (what == 'u') return read_hex(4, start);
    const auto name = what < 0x80 ? names.find(static_cast<char>(what)) : names.npos;
    if (name != names.npos) return static_cast<unsigned char>(meant[name]);
    if (what >= '1' && what <= '9') throw RegexError("a reference back, which there is not", start);
    const bool letter = (what >= 'a' && what <= 'z') || (what >= 'A' && what <= 'Z');
    if (letter) throw RegexError("an unknown letter behind \\", start);
    return what;
  }

  char32_t read_hex(std::size_t count, std::size_t start) {
    const auto bytes = decode_hex(pattern_.substr(at_, count));
    if (!bytes || bytes->size() * 2 != count) throw RegexError("not hexadecimal digits", start);
    at_ += count;
    char32_t character = 0;
    for (const char byte : *bytes) character = character << 8 | static_cast<unsigned char>(byte);
    return character;
  }

  Regex& regex_;
  std::string_view pattern_;
  std::size_t at_ = 0;
};

Regex::Regex(std::string_view pattern) {
  RegexCompiler(*this, pattern).run();
}

}  // namespace compactor::text
