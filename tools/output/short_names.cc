#include "output/short_names.h"

#include "body/encoding.h"
#include "output/colours.h"
#include "output/line_text.h"
#include "trace/role.h"

namespace tool {

namespace {

using compactor::trace::Role;

constexpr std::size_t most_names = 10'000;
constexpr std::size_t longest_pid = 256;
constexpr std::size_t longest_name = 24;
constexpr std::size_t legend_columns = 18;

/// The actors that a cluster consists of, as people call them; the rest is called by its id.
bool has_title(Role role) {
  return role == Role::master || role == Role::agent || role == Role::scheduler ||
         role == Role::executor;
}

}  // namespace

std::uint32_t ShortNames::number_of(std::string_view pid) {
  if (naming_ == Naming::none) return 0;
  if (const auto found = numbers_.find(pid); found != numbers_.end()) return found->second;
  const auto at = pid.rfind('@');
  if (names_.size() >= most_names || pid.size() > longest_pid || at == std::string_view::npos ||
      at == 0)
    return 0;
  const Role role = compactor::trace::role_of(pid);
  if (naming_ == Naming::roles && role == Role::unknown) return 0;
  if (has_title(role)) return add(pid, compactor::trace::title_of(pid), "");
  return add(pid, fitted(terminal_escaped(pid.substr(0, at)), longest_name), "#");
}

void ShortNames::add_known(std::string_view pid) {
  if (naming_ == Naming::none || names_.size() >= most_names || numbers_.contains(pid)) return;
  const auto number = add(pid, terminal_escaped(pid.substr(0, pid.rfind('@'))), "#");
  names_[number - 1].told = true;
}

/// The first gets its wish, the next one with a number behind it.
std::uint32_t ShortNames::add(std::string_view pid, std::string_view wish,
                              std::string_view separator) {
  std::string text(wish);
  while (taken_.contains(text)) {
    auto& count = taken_.find(wish)->second;
    text = std::string(wish).append(separator).append(std::to_string(++count));
  }
  taken_.emplace(text, 1);
  names_.push_back({std::move(text), std::string(pid)});
  const auto number = static_cast<std::uint32_t>(names_.size());
  numbers_.emplace(pid, number);
  return number;
}

void ShortNames::append_legend(std::string& out, const NamesInLine& names, bool colour) {
  for (const auto number : names) {
    if (number == 0 || names_[number - 1].told) continue;
    Name& name = names_[number - 1];
    name.told = true;
    if (colour) out += colours::faint;
    const auto width = width_of(name.text);
    out.append(name.text).append(width < legend_columns ? legend_columns - width : 0, ' ');
    out.append(" = ").append(terminal_escaped(name.pid));
    if (colour) out += colours::plain;
    out += '\n';
  }
}

}  // namespace tool
