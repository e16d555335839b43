// The command line: one description of the options for all commands. CLI11 is behind it and seen by
// nobody else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/values.h"

namespace tool {

/// One option or positional argument, as the completion of the shells needs to know it.
struct Argument {
  std::vector<std::string> names;  // -c, --count; of a positional argument its word in the usage
  std::string value;               // the word for its value; empty: it takes none
  std::string help;
  std::vector<std::string> words;  // all it can be, where these are few
  bool repeats = false;            // an option that may be given again; a positional argument that
                                   // takes all that follow
};

/// What a command takes; derived from its CommandLine.
struct Outline {
  std::vector<Argument> options;
  std::vector<Argument> positionals;
};

/// Whether an option may be given again: `often` where its values add up.
enum class Times { once, often };

/// The arguments of one command. Variables bound to options must live until parse() has returned.
/// Options may stand before or after the positional arguments. Of an option that takes one value a
/// second one is refused: otherwise one of the two would be passed over in silence.
class CommandLine {
 public:
  /// `examples`: one command line for each line of it.
  CommandLine(std::string name, std::string summary, std::string examples);
  ~CommandLine();
  CommandLine(CommandLine&&) noexcept;

  /// Options added from here on stand under this heading in the help.
  void group(std::string heading) { group_ = std::move(heading); }

  // `names` as in "-c,--count"; `value` is the word for the value in the help.
  void flag(const std::string& names, bool& target, const std::string& help);
  void counter(const std::string& names, int& target, const std::string& help);
  void text(const std::string& names, const std::string& value, std::string& target,
            const std::string& help);
  void text(const std::string& names, const std::string& value, std::optional<std::string>& target,
            const std::string& help);
  void list(const std::string& names, const std::string& value, std::vector<std::string>& target,
            const std::string& help);
  void duration(const std::string& names, Duration& target, const std::string& help);
  void duration(const std::string& names, std::optional<Duration>& target, const std::string& help);
  void size(const std::string& names, std::size_t& target, const std::string& help);
  void size(const std::string& names, std::optional<std::size_t>& target, const std::string& help);
  /// Of what is then made: more than `most` is refused.
  void size(const std::string& names, std::size_t& target, std::size_t most,
            const std::string& help);
  void size(const std::string& names, std::optional<std::size_t>& target, std::size_t most,
            const std::string& help);
  void number(const std::string& names, std::uint64_t low, std::uint64_t high,
              std::uint64_t& target, const std::string& help);
  void number(const std::string& names, std::uint64_t low, std::uint64_t high,
              std::optional<std::uint64_t>& target, const std::string& help);
  /// `read` throws Failure for a value that does not read.
  void value(const std::string& names, const std::string& value,
             const std::function<void(const std::string&)>& read, const std::string& help,
             Times times = Times::once);

  /// One of a few words. `pick` is called with the one that was typed; another one is refused, with
  /// the list.
  void choices(const std::string& names, const std::string& value,
               const std::vector<std::string>& words, std::function<void(const std::string&)> pick,
               const std::string& help, Times times = Times::once);

  /// Beside this option, which asks for something else than the rest of the command, only those of
  /// that group are taken.
  void alone(const std::string& name, const std::string& group);

  void positional(const std::string& name, std::string& target, const std::string& help);
  void positional(const std::string& name, std::optional<std::string>& target,
                  const std::string& help);
  void positionals(const std::string& name, std::vector<std::string>& target,
                   const std::string& help);

  /// Throws Failure (exit 2, with "did you mean"). False when help was asked for instead.
  bool parse(const std::vector<std::string>& arguments);
  std::string help() const;
  Outline outline() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string group_ = "Options";
};

/// False when help was asked for, which is then printed. Throws Failure as parse() does.
bool parse_or_help(CommandLine line, const std::vector<std::string>& arguments);

}  // namespace tool
