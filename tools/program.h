// From argv to an exit status: finds the command, runs it, tells its failure once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tool {

using Arguments = std::vector<std::string>;

/// Runs a command with the arguments behind its name. Returns the exit status (0 or 1); anything
/// worse is thrown as Failure, when everything else has been told.
using CommandFunction = int (*)(const Arguments& arguments);

struct Command {
  std::string_view name;
  std::string_view summary;
  CommandFunction run;
};

/// All of them, in the order of the help.
const std::vector<Command>& commands();

/// The exit status of the program. Never throws.
int run_program(const Arguments& arguments);

int run_serve(const Arguments& arguments);
int run_send(const Arguments& arguments);
int run_ping(const Arguments& arguments);
int run_link(const Arguments& arguments);
int run_describe(const Arguments& arguments);
int run_sniff(const Arguments& arguments);
int run_inspect(const Arguments& arguments);

}  // namespace tool
