#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "cli/failure.h"
#include "cli/help_text.h"
#include "text/nearest.h"

namespace tool {

namespace {

/// Usage, then examples, then the options: what people look for first stands first.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter(std::string summary, std::string examples)
      : summary_(std::move(summary)), examples_(std::move(examples)) {
    column_width(31);
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string out = summary_ + "\n\nUsage: compactor " + app->get_name() + " [OPTIONS]";
    for (const auto* option :
         app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
      bool required = option->get_required();
      std::string argument = option->get_name(true);
      if (option->get_expected_max() > 1) argument += "…";
      out += ' ' + (required ? argument : '[' + argument + ']');
    }
    out += "\n\nExamples:\n" + examples_ + "\n" + make_positionals(app) + make_groups(app, mode);
    static_cast<void>(name);
    return CLI::detail::find_and_replace(out, "\n\n\n", "\n\n");
  }

  // Only the word for the value: what CLI11 adds (TEXT, "...", REQUIRED) says nothing to a user.
  std::string make_option_opts(const CLI::Option* option) const override {
    bool plain = option->get_positional() || option->get_type_size() == 0;
    return plain ? "" : ' ' + option->get_type_name();
  }

 private:
  std::string summary_;
  std::string examples_;
};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::size_t size_up_to(const std::string& typed, std::size_t most, const std::string& names) {
  auto size = parse_size(typed);
  if (size <= most) return size;
  throw Failure(Exit::usage, "usage", names + " \"" + typed + "\" is too much",
                std::to_string(most) + " bytes are the most");
}

/// A name has one type.
std::string option_as_typed(const std::string& argument) {
  return argument.substr(0, argument.find('='));
}

}  // namespace

struct CommandLine::Impl {
  CLI::App app;
  std::map<const CLI::Option*, std::vector<std::string>> words;  // of choices
  std::set<const CLI::Option*> often;                            // that add up
  const CLI::Option* alone = nullptr;                            // beside which only those …
  std::string beside;                                            // … of this group are taken

  CLI::Option* add(const std::string& names, const std::string& value, const std::string& help,
                   const std::string& group, const std::function<void(const std::string&)>& read,
                   Times times = Times::once) {
    const CLI::callback_t each = [names, read, times](const CLI::results_t& typed) {
      if (typed.size() > 1 && times == Times::once) refuse_again(names, typed);
      for (const auto& one : typed) read(one);
      return true;
    };
    auto* option = app.add_option(names, each, help);
    option->type_name(value)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (times == Times::often) often.insert(option);
    return option->group(group);
  }

  [[noreturn]] static void refuse_again(const std::string& names, const CLI::results_t& typed) {
    throw Failure(Exit::usage, "usage", names + " is given more than once",
                  '"' + typed[0] + "\" or \"" + typed[1] + "\"? It takes one value");
  }

  [[noreturn]] void refuse_argument(const std::string& argument) const {
    throw Failure(Exit::usage, "usage", "too many arguments: \"" + argument + "\" is not expected",
                  "compactor help " + app.get_name());
  }

  /// What CLI11 could not place. It leaves the first "--" there as well; what follows that is no
  /// option.
  void check_rest(const std::vector<std::string>& rest) const {
    auto mark = std::find(rest.begin(), rest.end(), "--");
    if (mark != rest.begin()) refuse_unknown(rest.front());
    if (mark != rest.end() && mark + 1 != rest.end()) refuse_argument(mark[1]);
  }

  void check_alone() const {
    if (alone == nullptr || alone->count() == 0) return;
    for (const auto* option : app.get_options()) {
      if (option == alone || option->count() == 0 || option->get_group() == beside) continue;
      throw Failure(
          Exit::usage, "usage",
          alone->get_name(false, true) + " does nothing with " + option->get_name(false, true),
          "leave out one of them");
    }
  }

  [[noreturn]] void refuse_unknown(const std::string& first) const {
    auto hint = "compactor help " + app.get_name();
    if (!first.starts_with('-')) refuse_argument(first);
    std::vector<std::string> known;
    for (const auto* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    }
    auto typed = option_as_typed(first);
    if (const auto near = compactor::text::nearest(typed, known, 1); !near.empty())
      hint = compactor::text::did_you_mean(near) + " " + hint;
    throw Failure(Exit::usage, "usage", "unknown option " + typed, hint);
  }
};

CommandLine::CommandLine(std::string name, std::string summary, std::string examples)
    : impl_(std::make_unique<Impl>()) {
  auto& app = impl_->app;
  app.name(std::move(name));
  app.set_help_flag("-h,--help", "this text");
  app.allow_extras();
  app.formatter(std::make_shared<HelpFormatter>(std::move(summary), std::move(examples)));
}

CommandLine::~CommandLine() = default;
CommandLine::CommandLine(CommandLine&&) noexcept = default;

void CommandLine::flag(const std::string& names, bool& target, const std::string& help) {
  impl_->app.add_flag(names, target, help)->group(group_);
}

void CommandLine::counter(const std::string& names, int& target, const std::string& help) {
  auto count = [&target](std::int64_t times) { target = static_cast<int>(times); };
  impl_->app.add_flag_function(names, count, help)->group(group_);
}

void CommandLine::text(const std::string& names, const std::string& value, std::string& target,
                       const std::string& help) {
  impl_->add(names, value, help, group_, [&target](const std::string& typed) { target = typed; });
}

void CommandLine::text(const std::string& names, const std::string& value,
                       std::optional<std::string>& target, const std::string& help) {
  impl_->add(names, value, help, group_, [&target](const std::string& typed) { target = typed; });
}

void CommandLine::list(const std::string& names, const std::string& value,
                       std::vector<std::string>& target, const std::string& help) {
  auto add = [&target](const std::string& typed) { target.push_back(typed); };
  impl_->add(names, value, help, group_, add, Times::often);
}

void CommandLine::duration(const std::string& names, Duration& target, const std::string& help) {
  value(
      names, "DUR", [&target](const std::string& typed) { target = parse_duration(typed); }, help);
}

void CommandLine::duration(const std::string& names, std::optional<Duration>& target,
                           const std::string& help) {
  value(
      names, "DUR", [&target](const std::string& typed) { target = parse_duration(typed); }, help);
}

void CommandLine::size(const std::string& names, std::size_t& target, const std::string& help) {
  value(
      names, "SIZE", [&target](const std::string& typed) { target = parse_size(typed); }, help);
}

void CommandLine::size(const std::string& names, std::optional<std::size_t>& target,
                       const std::string& help) {
  value(
      names, "SIZE", [&target](const std::string& typed) { target = parse_size(typed); }, help);
}

void CommandLine::size(const std::string& names, std::size_t& target, std::size_t most,
                       const std::string& help) {
  auto read = [&target, names, most](const std::string& typed) {
    target = size_up_to(typed, most, names);
  };
  value(names, "SIZE", read, help);
}

void CommandLine::size(const std::string& names, std::optional<std::size_t>& target,
                       std::size_t most, const std::string& help) {
  auto read = [&target, names, most](const std::string& typed) {
    target = size_up_to(typed, most, names);
  };
  value(names, "SIZE", read, help);
}

void CommandLine::number(const std::string& names, std::uint64_t low, std::uint64_t high,
                         std::uint64_t& target, const std::string& help) {
  auto read = [&target, names, low, high](const std::string& typed) {
    target = parse_number(typed, low, high, names);
  };
  value(names, "N", read, help);
}

void CommandLine::number(const std::string& names, std::uint64_t low, std::uint64_t high,
                         std::optional<std::uint64_t>& target, const std::string& help) {
  auto read = [&target, names, low, high](const std::string& typed) {
    target = parse_number(typed, low, high, names);
  };
  value(names, "N", read, help);
}

void CommandLine::value(const std::string& names, const std::string& value,
                        const std::function<void(const std::string&)>& read,
                        const std::string& help, Times times) {
  impl_->add(names, value, help, group_, read, times);
}

void CommandLine::choices(const std::string& names, const std::string& value,
                          const std::vector<std::string>& words,
                          std::function<void(const std::string&)> pick, const std::string& help,
                          Times times) {
  auto list = joined(words);
  auto read = [names, words, list, pick = std::move(pick)](const std::string& typed) {
    if (std::find(words.begin(), words.end(), typed) != words.end()) return pick(typed);
    auto hint = "one of " + list;
    if (const auto near = compactor::text::nearest(typed, words, 1); !near.empty())
      hint = compactor::text::did_you_mean(near) + " " + hint;
    throw Failure(Exit::usage, "usage", names + " \"" + typed + "\" does not read", hint);
  };
  auto* option = impl_->add(names, value, help + ": " + list, group_, read, times);
  impl_->words[option] = words;
}

void CommandLine::positional(const std::string& name, std::string& target,
                             const std::string& help) {
  impl_->add(name, name, help, "Arguments", [&target](const std::string& typed) { target = typed; })
      ->required();
}

void CommandLine::positional(const std::string& name, std::optional<std::string>& target,
                             const std::string& help) {
  impl_->add(name, name, help, "Arguments",
             [&target](const std::string& typed) { target = typed; });
}

void CommandLine::positionals(const std::string& name, std::vector<std::string>& target,
                              const std::string& help) {
  impl_->app.add_option(name, target, help);
}

void CommandLine::alone(const std::string& name, const std::string& group) {
  impl_->alone = impl_->app.get_option(name);
  impl_->beside = group;
}

bool CommandLine::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    impl_->app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return false;
  } catch (const CLI::ParseError& error) {
    throw Failure(Exit::usage, "usage", error.what(), "compactor help " + impl_->app.get_name());
  }
  impl_->check_rest(impl_->app.remaining());
  impl_->check_alone();
  return true;
}

std::string CommandLine::help() const {
  return impl_->app.help();
}

Outline CommandLine::outline() const {
  Outline outline;
  for (const auto* option : impl_->app.get_options()) {
    Argument argument;
    argument.help = option->get_description();
    auto words = impl_->words.find(option);
    if (words != impl_->words.end()) argument.words = words->second;
    if (option->get_positional()) {
      argument.names = {option->get_name(true)};
      argument.value = argument.names.front();
      argument.repeats = option->get_expected_max() > 1;
      outline.positionals.push_back(std::move(argument));
      continue;
    }
    for (const auto& name : option->get_snames()) argument.names.push_back('-' + name);
    for (const auto& name : option->get_lnames()) argument.names.push_back("--" + name);
    if (option->get_type_size() > 0) argument.value = option->get_type_name();
    argument.repeats = impl_->often.contains(option);
    outline.options.push_back(std::move(argument));
  }
  return outline;
}

bool parse_or_help(CommandLine line, const std::vector<std::string>& arguments) {
  if (line.parse(arguments)) return true;
  print_help(line.help());
  return false;
}

}  // namespace tool
