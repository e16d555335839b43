// The options that say what is of interest, as they are typed: the same for each command that has
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/values.h"
#include "filter/message_filter.h"

namespace tool {

struct Selection {
  std::vector<std::string> from;
  std::vector<std::string> to;
  std::vector<std::string> name;
  std::vector<std::string> match;
  std::vector<std::string> status;
  std::optional<Duration> slower;
};

/// --from --to --name
void add_head_options(CommandLine& line, Selection& selection);
/// These, and --match --status --slower
void add_selection_options(CommandLine& line, Selection& selection);

/// Throws Failure (exit 2).
MessageFilter filter_of(const Selection& selection);

}  // namespace tool
