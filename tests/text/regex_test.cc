// Regular expressions: what they find, what is refused, and that nothing makes them slow or deep.
#include "text/regex.h"

#include <doctest/doctest.h>

#include <random>
#include <regex>
#include <string>

namespace text_regex_test {

using compactor::text::Regex;
using compactor::text::RegexBudget;
using compactor::text::RegexError;

namespace {

bool finds(std::string_view pattern, std::string_view text) {
  RegexBudget enough{.looks = UINT64_MAX};
  return Regex(pattern).is_found_in(text, enough);
}

std::string fault(std::string_view pattern) {
  try {
    Regex regex(pattern);
  } catch (const RegexError& error) {
    return error.what();
  }
  return {};
}

struct Case {
  const char* pattern;
  const char* found;
  const char* not_found;
};

/// A small pattern of what both dialects have. Groups are not repeated without end: std::regex
/// would not come back.
std::string random_pattern(std::mt19937& random, int depth = 0) {
  static const char* const atoms[] = {"a", "b", ".", "[ab]", "[^a]", "\\w", "\\b", "^", "$", "-"};
  static const char* const repeats[] = {"", "", "", "*", "+", "?", "{2}", "{1,2}", "*?"};
  static const char* const few[] = {"", "?", "{2}"};
  std::string pattern;
  const auto pieces = 1 + random() % 3;
  for (std::size_t i = 0; i < pieces; ++i) {
    const auto kind = random() % 12;
    if (kind > 9 && depth < 3) {
      pattern += (kind == 10 ? "(" : "(?:") + random_pattern(random, depth + 1) + '|' +
                 random_pattern(random, depth + 1) + ')' + few[random() % 3];
    } else {
      const auto* atom = atoms[kind % 10];
      pattern += atom;
      if (kind % 10 < 6 || kind % 10 == 9) pattern += repeats[random() % 9];
    }
  }
  return pattern;
}

}  // namespace

TEST_CASE("what a regular expression finds") {
  const Case cases[] = {{"lost", "TASK_lost!", "TASK_LOST"},
                        {"^TASK_", "TASK_LOST", "A TASK_"},
                        {"LOST$", "TASK_LOST", "LOST it"},
                        {"^$", "", "x"},
                        {"^(LOST|FAILED|)$", "FAILED", "FAIL"},
                        {"^a|b$", "ax", "xbx"},
                        {"^(a|b|c)+d$", "abcabcd", "abxd"},
                        {"^a{2,3}$", "aaa", "aaaa"},
                        {"^a{2}$", "aa", "a"},
                        {"^a{2,}$", "aaaaa", "a"},
                        {"^a{0}b$", "b", "ab"},
                        {"^(ab?){2}c$", "aabc", "abc"},
                        {"^(a*)*b$", "aab", "aac"},
                        {"^.$", "é", "ab"},
                        {"^.$", "x", "\n"},
                        {"^[^a-c]$", "é", "b"},
                        {"^[a-]$", "-", "b"},
                        {"^[\\d.-]+$", "1.2-3", "1.a"},
                        {"^[\\W]$", "-", "a"},
                        {"^\\x41\\u00e9\\t$", "A\xc3\xa9\t", "A\xc3\xa9"},
                        {"\\bS0\\b", "agent S0 gone", "S01"},
                        {"a\\Bb", "ab", "a-b"},
                        {"\\.\\*\\\\", "x.*\\", "xab"},
                        {"^(?:ab)+?$", "abab", "aba"},
                        {"^\xc3[a]",
                         "\xc3"
                         "a",
                         "\xc3\xa9"}};
  for (const auto& [pattern, found, not_found] : cases) {
    const std::string shown(pattern);  // clang 14 cannot capture a structured binding
    CAPTURE(shown);
    CHECK(finds(pattern, found));
    CHECK_FALSE(finds(pattern, not_found));
  }
  CHECK(finds("", ""));
  CHECK(finds("", "x"));
  CHECK_FALSE(finds("[]", "]"));  // in ECMAScript nothing is in it
  CHECK(finds("[^]", "\n"));
  CHECK(finds(std::string_view("\\0", 2), std::string_view("\0", 1)));
}

TEST_CASE("what does not read says where") {
  CHECK(fault("ab(") == "a ( without its ) at character 3");
  CHECK(fault("ab)c") == "a ) without its ( at character 3");
  CHECK(fault("[a") == "a [ without its ] at character 1");
  CHECK(fault("[b-a]").starts_with("a range"));
  CHECK(fault("[\\d-z]").starts_with("a range"));
  CHECK(fault("*a").starts_with("nothing to repeat"));
  CHECK(fault("a**").starts_with("nothing to repeat"));
  CHECK(fault("^*").starts_with("nothing to repeat"));
  CHECK(fault("a{").starts_with("{ without"));
  CHECK(fault("a{2,1}").starts_with("{ without"));
  CHECK(fault("a{9999}").starts_with("{ without"));
  CHECK(fault("a\\") == "a \\ at the end at character 2");
  CHECK(fault("(a)\\1").starts_with("a reference back"));
  CHECK(fault("(?=a)").starts_with("(? without a colon"));
  CHECK(fault("\\q").starts_with("an unknown letter"));
  CHECK(fault("\\xg1").starts_with("not hexadecimal"));
}

TEST_CASE("no pattern and no text makes it slow, large or deep") {
  CHECK_FALSE(finds("(a*)*(a|a)*(a+)+$", std::string(200'000, 'a') + "b"));
  CHECK_FALSE(finds("^(a?){40}a{40}$", std::string(39, 'a')));
  CHECK_FALSE(finds("(x+x+)+y", std::string(200'000, 'x')));
  CHECK(finds("^(.|\\n)*$", std::string(1'000'000, 'z')));
  CHECK(fault("((a{1000}){1000}){1000}").starts_with("too much"));
  CHECK(fault("((((a?){100}){100}){100}){100}").starts_with("too much"));
  CHECK(fault(std::string(900, '(')).starts_with("too many groups"));
  CHECK(fault(std::string(2000, 'a')).starts_with("more than 1000"));
  CHECK_FALSE(finds("(a?){1000}b", std::string(3000, 'a')));
}

TEST_CASE("what is in a class, however its ranges lie") {
  const Case cases[] = {{"^[c-ea-bb-d]$", "e", "f"},
                        {"^[^c-ea-bb-d]$", "f", "a"},
                        {"^[\\W\\d]$", "5", "_"},
                        {"^[^\\W\\d]$", "_", "5"},
                        {"^[\\u0100-\\u0200\\u0180-\\u0300]$", "\u0280", "\u0301"},
                        {"^[^\\u0100-\\u0200]$", "\u0201", "\u0150"},
                        {"^[\\x7f-\\x80]$", "\x7f", "~"},
                        {"^[^\\x01-\\x7f]$", "\u0080", "\x7f"},
                        {"^[^a]$", "\U0010ffff", "a"}};
  for (const auto& [pattern, found, not_found] : cases) {
    const std::string shown(pattern);
    CAPTURE(shown);
    CHECK(finds(pattern, found));
    CHECK_FALSE(finds(pattern, not_found));
  }
}

TEST_CASE("a search costs the text times the steps that are looked at, up to its budget") {
  const auto cost = [](std::string_view pattern, std::size_t text) {
    RegexBudget budget;
    CHECK_FALSE(Regex(pattern).is_found_in(std::string(text, 'a'), budget));
    return RegexBudget::most_looks - budget.looks;
  };
  CHECK(cost("b", 100'000) < 500'000);
  CHECK(cost("b", 200'000) == doctest::Approx(2.0 * static_cast<double>(cost("b", 100'000))));
  std::string ranges = "[b";
  for (int i = 0; i < 120; ++i) ranges += "0-9x-z";
  CHECK(cost(ranges + "]", 100'000) == cost("b", 100'000));

  RegexBudget small{.looks = 1'000'000};
  const Regex costly("(a?){500}a{500}b");
  CHECK_FALSE(costly.is_found_in(std::string(100'000, 'a') + std::string(500, 'a') + "b", small));
  CHECK(small.spent());
  CHECK_FALSE(Regex("a").is_found_in("a", small));  // nothing is left for others
}

TEST_CASE("a search that nobody waits for any longer ends") {
  static int asked = 0;
  RegexBudget budget{.looks = UINT64_MAX, .is_over = [] { return ++asked == 3; }};
  CHECK_FALSE(Regex("a*b").is_found_in(std::string(1'000'000, 'a') + "b", budget));
  CHECK(budget.spent());
  CHECK(asked == 3);
}

TEST_CASE("it finds what std::regex finds") {
  std::mt19937 random(7);
  int found = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto pattern = random_pattern(random);
    const std::regex other(pattern);
    const Regex regex(pattern);
    for (int j = 0; j < 8; ++j) {
      std::string text;
      for (auto length = random() % 7; length > 0; --length) text += "ab-"[random() % 3];
      CAPTURE(pattern);
      CAPTURE(text);
      const bool expected = std::regex_search(text, other);
      found += expected ? 1 : 0;
      RegexBudget budget;
      CHECK(regex.is_found_in(text, budget) == expected);
    }
  }
  CHECK(found > 1000);
  CHECK(found < 23'000);
}

}  // namespace text_regex_test
