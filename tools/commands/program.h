// From argv to an exit status: finds the command, runs it, tells its failure once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tool {

using Arguments = std::vector<std::string>;

struct Outline;

/// Runs a command with the arguments behind its name. Returns the exit status (0 or 1); anything
/// worse is thrown as Failure, when everything else has been told.
using CommandFunction = int (*)(const Arguments& arguments);

struct Command {
  std::string_view name;
  std::string_view summary;
  CommandFunction run;
  Outline (*outline)();  // the options and arguments it takes
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
int run_decode(const Arguments& arguments);
int run_sniff(const Arguments& arguments);
int run_trace(const Arguments& arguments);
int run_inspect(const Arguments& arguments);

Outline outline_serve();
Outline outline_send();
Outline outline_ping();
Outline outline_link();
Outline outline_describe();
Outline outline_decode();
Outline outline_sniff();
Outline outline_trace();
Outline outline_inspect();

}  // namespace tool
