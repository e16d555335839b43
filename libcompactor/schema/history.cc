#include "schema/history.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "schema/builtin.h"
#include "text/table.h"

namespace compactor::schema {
namespace {

/// The cells of a line; those it does not have are empty.
std::array<std::string_view, 8> cells_of(std::string_view line) {
  std::array<std::string_view, 8> cells;
  for (auto& cell : cells) {
    const auto tab = line.find('\t');
    cell = line.substr(0, tab);
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
  }
  return cells;
}

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

History::History() {
  const auto span = [this](std::string_view since, std::string_view until) {
    return Span{since.empty() ? 0 : release(since), until.empty() ? newest() : release(until)};
  };
  text::for_each_line(builtin_history(), [&](std::string_view line) {
    const auto cell = cells_of(line);
    if (cell[0] == "releases") releases_ = text::split(cell[1], ' ');
    if (cell[0] == "message") types_.push_back({cell[1], false, span(cell[2], cell[3]), {}});
    if (cell[0] == "enum") types_.push_back({cell[1], true, span("", ""), {}});
    if (cell[0] == "field") {
      types_.back().fields.push_back(
          {cell[1], cell[2], cell[3], number_of(cell[4]), span(cell[5], cell[6]), cell[7]});
    }
    if (cell[0] == "value") {
      types_.back().fields.push_back(
          {cell[1], {}, {}, number_of(cell[2]), span(cell[3], cell[4]), cell[5]});
    }
  });
  for (const FormerType& type : types_) by_name_.emplace(type.name, &type);
}

const FormerType* History::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Release History::release(std::string_view name) const {
  const auto found = std::find(releases_.begin(), releases_.end(), name);
  return found == releases_.end() ? -1 : static_cast<Release>(found - releases_.begin());
}

}  // namespace compactor::schema
