// Short names for the PIDs of a run: "agent" for slave(1)@10.0.0.5:5051.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tool {

/// Which PIDs get one: none, those of Mesos' own actors, or all.
enum class Naming : std::uint8_t { none, roles, all };

/// The names in one line: numbers, 0 for none.
using NamesInLine = std::array<std::uint32_t, 2>;

/// Each name is one PID's and each PID has one. Bounded: peers may invent as many as they like, and
/// those beyond have none. One thread at a time.
class ShortNames {
 public:
  explicit ShortNames(Naming naming) : naming_(naming) {}

  /// The number of a PID's name, which is made where there is none yet; 0 for a PID without.
  std::uint32_t number_of(std::string_view pid);
  bool has(std::string_view pid) const { return numbers_.contains(pid); }
  /// A PID of our own, which everybody knows by its id.
  void add_known(std::string_view pid);
  /// Fit for a terminal.
  const std::string& name(std::uint32_t number) const { return names_[number - 1].text; }

  /// `agent = slave(1)@10.0.0.5:5051`, for each of the names that was not told before.
  void append_legend(std::string& out, const NamesInLine& names, bool colour);

 private:
  struct Name {
    std::string text;
    std::string pid;
    bool told = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Numbers = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;

  std::uint32_t add(std::string_view pid, std::string_view wish, std::string_view separator);

  Naming naming_;
  std::vector<Name> names_;
  Numbers numbers_;  // by PID
  Numbers taken_;    // by name: how often it was wished for
};

}  // namespace tool
