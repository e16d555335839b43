// compactor sniff: every libprocess message on a wire, in a file, or through a proxy.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "capture/live_source.h"
#include "capture/output_file.h"
#include "cli/command_line.h"
#include "cli/failure.h"
#include "commands/program.h"
#include "commands/traffic.h"
#include "output/options.h"
#include "sniff/diagram_file.h"
#include "sniff/sniff_run.h"

namespace tool {

namespace {

using compactor::capture::CaptureError;
using compactor::capture::FileInUse;

}  // namespace

void add_sources(CommandLine& line, SniffOptions& options) {
  line.positionals("FILTER", options.filter, "a pcap filter: see pcap-filter(7)");
  line.group("Source");
  line.text("-i,--interface", "IFACE", options.interface,
            "capture live from here; default all interfaces");
  line.list("-r,--read", "FILE", options.files,
            "read captures (pcap, pcapng, also gzip or zstd; - is standard input); several, or a "
            "quoted glob, are one");
  line.flag("--no-clock-fix", options.leave_clocks, "several files: take their clocks as they are");
  line.list(
      "--tls-key", "FILE", options.server_keys,
      "open TLS with this RSA key of a server (PEM), as libprocess exchanges keys by default; "
      "with --proxy tls: it is our own");
  line.list("--tls-keylog", "FILE", options.key_logs,
            "open TLS with the secrets in this key log (NSS format, as of SSLKEYLOGFILE)");
  line.list("--proxy", "[tls:][IP:]PORT=[tls:]HOST:PORT", options.proxies,
            "listen on PORT, pass everything on to HOST:PORT, show it; needs no privilege; tls: "
            "that side speaks TLS, with our certificate");
  line.duration("--connect-timeout", options.connect_timeout,
                "to look up and to connect HOST of --proxy (5s)");
  line.flag("-D,--list-interfaces", options.list_interfaces, "list what can be captured from");
  line.list("--port", "N", options.ports,
            "only TCP port N, also under a VLAN tag; may be repeated");
  line.size("-B,--buffer-size", options.buffer, "the kernel's capture buffer (32m)");
  line.size("-s,--snapshot-length", options.snaplen, "bytes captured of each packet (256k)");
  line.text(
      "-Z,--relinquish-privileges", "USER", options.user,
      "user to become when started as root; default who called sudo, else nobody; '' stays root");
  line.group("Keeping packets");
  line.text("-w,--write", "FILE", options.keep,
            "write the packets that match FILTER to a pcap file too; - is standard output: then "
            "nothing else goes there");
  line.size("-C,--rotate-size", options.rotate_size, "begin another file after so many bytes");
  line.duration("-G,--rotate-time", options.rotate_age,
                "… after so long; FILE goes through strftime(3)");
  line.number("-W,--rotate-count", 1, 1'000'000, options.rotate_files,
              "with -C a ring of N files; with -G end after N");
  line.flag("-U,--packet-buffered", options.flush, "write each packet at once");
  line.group("TLS of --proxy tls: (default: the LIBPROCESS_SSL_* variables)");
  add_tls_peer_options(line, options.tls);
}

namespace {

void add_selection(CommandLine& line, SniffOptions& options) {
  line.group("What is shown");
  add_selection_options(line, options.selection);
  line.number("-c,--count", 1, UINT64_MAX, options.count, "end after N");
  line.text("--since", "TIME", options.since,
            "only what began then or later: 2026-01-31T12:00:00Z, or +90s after the first packet");
  line.text("--until", "TIME", options.until, "… then or before, and end after it");
  line.duration("--for", options.lasting, "the same as --until +DUR");
  line.flag("--http", options.http, "plain HTTP requests too, and the calls and events of /api/v1");
  line.flag("--connections", options.connections,
            "connections too: opened, refused, reset, closed, and by whom; -v does it too");
  line.flag("--stats", options.statistics,
            "tables at the end: by name, by pair, HTTP by endpoint; outcomes, latencies");
  line.text("--diagram", "FILE.svg|FILE.mmd", options.diagram,
            "draw the messages at the end: as a picture, or for Mermaid");
  line.flag("--strict", options.strict,
            "exit 1 when anything was lost: gaps, drops, bytes passed over");
  line.duration("--answer-wait", options.answer_wait,
                "show a message without its answer after so long (2s)");
  add_body_option(line, options.body);
  add_type_options(line, options.types);
}

CommandLine declare(SniffOptions& options) {
  CommandLine line(
      "sniff", "Shows every libprocess message on a wire, and what became of it.",
      "  compactor sniff --port 5050                        live, on a Mesos master\n"
      "  compactor sniff -r trace.pcap --json               a file, for programs\n"
      "  compactor sniff -r 'master*.pcap.gz' -r agent.pcap  of two hosts, as one\n"
      "  compactor sniff -r tls.pcap --tls-key server.key   what is inside TLS\n"
      "  compactor sniff --proxy 6050=master:5050           where capturing is not allowed\n"
      "  compactor sniff -i lo --name StatusUpdate --match status.state=TASK_LOST\n");
  add_sources(line, options);
  add_selection(line, options);
  add_output_options(line, options.output);
  add_time_option(line, options.output);
  line.alone("-D", "Output");
  return line;
}

Failure usage(const std::string& what, const std::string& hint = "compactor help sniff") {
  return {Exit::usage, "usage", what, hint};
}

void set_window(SniffOptions& options) {
  if (options.until && options.lasting) throw usage("--until and --for both say when to end");
  if (options.since) options.window.set_since(*options.since);
  if (options.until) options.window.set_until(*options.until);
  if (options.lasting) options.window.set_length(*options.lasting);
}

/// A glob after -r that the shell expanded has left all but the first file as words of the filter.
void check_filter_words(const SniffOptions& options) {
  if (options.files.empty()) return;
  for (const auto& word : options.filter) {
    if (std::filesystem::is_regular_file(word))
      throw usage("\"" + word + "\" is a file, and stands where a FILTER does",
                  "-r for each file, or quote the glob: -r 'trace*.pcap'");
  }
}

/// Nobody makes the folder of tomorrow, and without it the capture ends in the night.
void check_folder(const SniffOptions& options) {
  if (!options.keep || !options.rotate_age) return;
  const auto& file = *options.keep;
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return;
  for (auto at = file.find('%'); at < slash; at = file.find('%', at + 2)) {
    if (file[at + 1] == '%') continue;
    throw usage("-w " + file + " goes into another folder later, which need not be there then",
                "put the time into the name of the file: " + file.substr(0, file.find('%')) +
                    "%Y-%m-%d-%H%M%S.pcap");
  }
}

/// -w -: the packets, and nothing else.
void check_stdout(const SniffOptions& options) {
  if (options.output.json)
    throw usage("-w - and --json both want standard output",
                "-w FILE, or sniff -r - --json behind it");
  if (options.rotate_size || options.rotate_age || options.rotate_files != 0)
    throw usage("-C, -G and -W begin other files, which standard output has not");
  if (::isatty(STDOUT_FILENO) != 0)
    throw usage("-w - writes packets, which a terminal does not show", "| compactor sniff -r -");
}

void check_tls(const SniffOptions& options) {
  if (proxies_tls(options)) {
    if (options.server_keys.size() > 1)
      throw usage("with --proxy tls: there is one --tls-key, our own");
  } else if (auto given = given_tls_peer_option(options.tls); !given.empty()) {
    throw usage(given + " is about --proxy tls:, which is missing");
  }
}

void check(const SniffOptions& options) {
  int sources = (options.interface ? 1 : 0) + (options.files.empty() ? 0 : 1) +
                (options.proxies.empty() ? 0 : 1);
  if (sources > 1) throw usage("-i, -r and --proxy are three sources: give one of them");
  if (options.leave_clocks && options.files.empty())
    throw usage("--no-clock-fix is about the files of -r, which is missing");
  if (std::count(options.files.begin(), options.files.end(), "-") > 1)
    throw usage("-r - was given twice: there is one standard input");
  check_filter_words(options);
  if (options.connect_timeout && options.proxies.empty())
    throw usage("--connect-timeout is about --proxy, which is missing");
  if (!options.proxies.empty() &&
      (!options.filter.empty() || !options.ports.empty() || options.keep))
    throw usage("--proxy sees connections, not packets: no FILTER, --port or -w");
  check_tls(options);
  if ((options.buffer || options.snaplen) && (!options.files.empty() || !options.proxies.empty()))
    throw usage("-B and -s are about capturing live, which -r and --proxy do not");
  bool rotates =
      options.rotate_size || options.rotate_age || options.rotate_files != 0 || options.flush;
  if (rotates && !options.keep)
    throw usage("-C, -G, -W and -U are about the file of -w, which is missing");
  if (options.rotate_files != 0 && !options.rotate_size && !options.rotate_age)
    throw usage("-W needs -C or -G");
  check_folder(options);
  if (options.keep == "-") check_stdout(options);
  if (options.diagram) diagram_format(*options.diagram);
  if (options.snaplen && (*options.snaplen == 0 || *options.snaplen > 262'144))
    throw usage("-s must be 1 to 256k");
  if (options.buffer.value_or(0) > std::size_t{1} << 30) throw usage("-B must be at most 1g");
}

/// With the rights of root, if there are any.
void read_keys(SniffOptions& options) {
  using compactor::decrypt::KeyFileError;
  using compactor::decrypt::KeyLog;
  if (options.server_keys.empty() && options.key_logs.empty()) return;
  // Who writes the log may have yet to begin.
  const bool live = options.files.empty();
  const auto keys = std::make_shared<compactor::decrypt::Keys>();
  const auto read = [](const std::string& option, const std::string& file, const auto& add) {
    try {
      add();
    } catch (const KeyFileError& error) {
      throw Failure(Exit::local, "file", option + " " + file + ": " + error.what());
    }
  };
  for (const auto& file : proxies_tls(options) ? std::vector<std::string>() : options.server_keys)
    read("--tls-key", file, [&] { keys->add_server_key(file); });
  for (const auto& file : options.key_logs)
    read("--tls-keylog", file,
         [&] { keys->add_log(file, live ? KeyLog::Empty::allowed : KeyLog::Empty::refused); });
  options.keys = keys;
}

[[noreturn]] void rethrow(const CaptureError& error) {
  switch (error.kind()) {
    case CaptureError::Kind::filter:
      throw Failure(Exit::usage, "filter", error.what(), "see pcap-filter(7), or use --port N");
    case CaptureError::Kind::permission: {
      std::string program = "$(command -v compactor)";
      if (char* path = ::realpath("/proc/self/exe", nullptr); path != nullptr) {
        program = path;
        std::free(path);
      }
      throw Failure(
          Exit::local, "permission", error.what(),
          "sudo setcap cap_net_raw=ep " + program + " allows it; --proxy needs no permission");
    }
    case CaptureError::Kind::device:
      throw Failure(Exit::local, "interface", error.what(),
                    "compactor sniff -D lists the interfaces");
    case CaptureError::Kind::file:
      break;
  }
  throw Failure(Exit::local, "file", error.what());
}

std::string as_json(const compactor::capture::Device& device) {
  nlohmann::ordered_json line = {{"type", "interface"},
                                 {"name", device.name},
                                 {"up", device.up},
                                 {"loopback", device.loopback},
                                 {"addresses", device.addresses}};
  if (!device.description.empty()) line["description"] = device.description;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string as_text(const compactor::capture::Device& device) {
  std::string line =
      device.name + (device.up ? "  up" : "  down") + (device.loopback ? "  loopback" : "");
  for (const auto& address : device.addresses) line += "  " + address;
  if (!device.description.empty()) line += "  (" + device.description + ")";
  return line;
}

int list_interfaces(bool json) {
  for (const auto& device : compactor::capture::list_devices()) {
    std::puts((json ? as_json(device) : as_text(device)).c_str());
  }
  return 0;
}

}  // namespace

Outline outline_sniff() {
  SniffOptions options;
  return declare(options).outline();
}

int run_traffic(SniffOptions& options, const MakeTraffic& make) {
  check(options);
  options.output.results_on_stderr = keeps_on_stdout(options);
  set_window(options);
  read_keys(options);
  try {
    if (options.list_interfaces) return list_interfaces(options.output.json);
    if (options.proxies.empty()) return sniff_packets(options, make);
    return sniff_proxy(options, make);
  } catch (const FileInUse& error) {
    throw usage(error.what(), "write to another file");
  } catch (const CaptureError& error) {
    rethrow(error);
  } catch (const compactor::SocketError& error) {
    throw Failure(Exit::unreachable, "socket", error.what());
  }
}

int run_sniff(const Arguments& arguments) {
  SniffOptions options;
  options.output.naming = Naming::all;
  if (!parse_or_help(declare(options), arguments)) return 0;
  return run_traffic(options, print_traffic);
}

}  // namespace tool
