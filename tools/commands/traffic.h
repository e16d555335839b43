// What sniff and trace have in common: where the traffic comes from.
#pragma once

#include "cli/command_line.h"
#include "sniff/sniff_run.h"

namespace tool {

/// The options that say it.
void add_sources(CommandLine& line, SniffOptions& options);

/// A run with what was asked for. The exit status; throws Failure.
int run_traffic(SniffOptions& options, const MakeTraffic& make);

}  // namespace tool
