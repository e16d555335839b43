#include "text/nearest.h"

#include <algorithm>

#include "text/ascii.h"

namespace compactor::text {
namespace {

/// Distance of Damerau and Levenshtein (neighbours swapped count once), or anything above `limit`
/// if it is more.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1,
                         previous[j - 1] + static_cast<std::size_t>(a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (*std::min_element(row.begin(), row.end()) > limit) return limit + 1;
    before.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

std::string_view last_component(std::string_view name) {
  return name.substr(name.rfind('.') + 1);  // npos + 1 is 0: the whole name
}

}  // namespace

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known,
                                 std::size_t limit) {
  constexpr std::size_t max_word = 256;  // longer ones are no slip of the finger, and would cost
  if (word.empty() || word.size() > max_word) return {};
  const std::string wanted = lower_case(word);
  const std::string_view wanted_last = last_component(wanted);
  const bool qualified = wanted_last.size() != wanted.size();
  const std::size_t reach = std::clamp<std::size_t>(wanted_last.size() / 3, 1, 4);
  std::vector<std::string> names;
  std::size_t best = reach;
  for (const std::string& name : known) {
    const std::string candidate = lower_case(name);
    // A right last part with a wrong or missing package is a likely slip too.
    std::size_t away = distance(wanted_last, last_component(candidate), best);
    if (qualified) away = std::min(distance(wanted, candidate, best), away + 1);
    if (away > best) continue;
    if (away < best) names.clear();
    best = away;
    if (names.size() < limit) names.push_back(name);
  }
  return names;
}

std::string did_you_mean(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string text = "did you mean " + names.front();
  for (std::size_t i = 1; i < names.size(); ++i) {
    text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  return text + "?";
}

}  // namespace compactor::text
