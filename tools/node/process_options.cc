#include "node/process_options.h"

#include <array>
#include <string>
#include <vector>

namespace tool {

void add_process_options(CommandLine& line, ProcessOptions& options) {
  line.group("Own process (default: the LIBPROCESS_* variables)");
  line.text("--id", "ID", options.id, "own id");
  line.text("--ip", "IP", options.ip, "address to bind; default all interfaces");
  line.number("--port", 0, 65535, options.port, "port to bind; default any free one");
  line.text("--advertise-ip", "IP", options.advertise_ip, "address that peers are told");
  line.number("--advertise-port", 0, 65535, options.advertise_port, "port that peers are told");
  line.duration("--connect-timeout", options.connect_timeout,
                "to look up a name, for a connection, and for its TLS handshake (5s)");
  add_tls_options(line, options.tls);
}

void add_style_option(CommandLine& line, compactor::Style& style) {
  std::vector<std::string> words;
  static constexpr std::array all{compactor::Style::libprocess, compactor::Style::compactor,
                                  compactor::Style::legacy};
  words.reserve(all.size());
  for (auto known : all) words.emplace_back(compactor::to_string(known));
  auto pick = [&style](const std::string& typed) {
    for (auto known : all) {
      if (typed == compactor::to_string(known)) style = known;
    }
  };
  line.choices("--style", "STYLE", words, pick, "dialect of the messages");
}

}  // namespace tool
