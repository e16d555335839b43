// The options of everything that is shown: in which form, of which types, how much of it.
#pragma once

#include <string>
#include <vector>

#include "body/body.h"
#include "body/type_codec.h"
#include "cli/command_line.h"
#include "output/console.h"

namespace tool {

/// --json -q -v --color
void add_output_options(CommandLine& line, OutputOptions& options);

/// -t: how the times of lines are shown; with them dates
void add_time_option(CommandLine& line, OutputOptions& options);

/// --body: how bodies are shown
void add_body_option(CommandLine& line, BodyMode& mode);

/// -I --proto --protoset --type: message types of the user's
void add_type_sources(CommandLine& line, compactor::schema::Sources& sources);

/// These, and how known types are shown: --emit-defaults --no-inner
void add_type_options(CommandLine& line, TypeOptions& options);

/// --json and --color among the arguments: known without parsing them, as errors of parsing are
/// printed in that way too.
OutputOptions asked_output(const std::vector<std::string>& arguments);

}  // namespace tool
