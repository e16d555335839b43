// compactor __complete WORD…: what the last word may become. The shells' completions ask this; see
// completions/.
#pragma once

#include "commands/program.h"

namespace tool {

/// `words` are those behind `compactor`, the last is the one to be completed. Prints a line
/// `candidate<TAB>description` for each candidate, or `:files PREFIX` where the name of a file is
/// due behind PREFIX. Never fails: no candidates then.
int run_complete(const Arguments& words);

}  // namespace tool
