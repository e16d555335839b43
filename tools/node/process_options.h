// The options of the commands that are a process: serve, send, ping and link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command_line.h"
#include "compactor/message.h"
#include "node/tls_options.h"

namespace tool {

struct ProcessOptions {
  std::optional<std::string> id;
  std::optional<std::string> ip;
  std::optional<std::uint64_t> port;
  std::optional<std::string> advertise_ip;
  std::optional<std::uint64_t> advertise_port;
  Duration connect_timeout = std::chrono::seconds(5);
  TlsArguments tls;
};
void add_process_options(CommandLine& line, ProcessOptions& options);

/// --style
void add_style_option(CommandLine& line, compactor::Style& style);

}  // namespace tool
