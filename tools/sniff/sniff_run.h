// One run of sniff: what is asked of it, and what the runs from packets and through a proxy share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "body/body.h"
#include "body/type_codec.h"
#include "capture/exchange.h"
#include "capture/live_source.h"
#include "cli/values.h"
#include "decrypt/keys.h"
#include "filter/selection.h"
#include "node/tls_options.h"
#include "output/console.h"
#include "output/events.h"
#include "sniff/diagram.h"
#include "sniff/sniff_printer.h"
#include "sniff/traffic.h"

namespace tool {

struct SniffOptions {
  std::optional<std::string> interface;
  std::vector<std::string> files;  // names and globs
  bool leave_clocks = false;
  std::vector<std::string> server_keys;  // files of them
  std::vector<std::string> key_logs;
  std::shared_ptr<const compactor::decrypt::Keys> keys;  // what is in these; null: none
  std::vector<std::string> proxies;
  TlsArguments tls;  // of these; the key is one of server_keys
  std::optional<Duration> connect_timeout;
  bool list_interfaces = false;
  std::vector<std::string> filter;
  std::vector<std::string> ports;
  std::optional<std::string> keep;
  std::optional<std::size_t> rotate_size;
  std::optional<Duration> rotate_age;
  std::uint64_t rotate_files = 0;
  bool flush = false;
  std::optional<std::size_t> buffer;
  std::optional<std::size_t> snaplen;
  std::optional<std::string> user;
  std::optional<std::string> since;
  std::optional<std::string> until;
  std::optional<Duration> lasting;
  TimeWindow window;  // what the three say
  Selection selection;
  std::uint64_t count = 0;
  bool http = false;
  bool connections = false;
  bool statistics = false;
  std::optional<std::string> diagram;
  bool strict = false;
  Duration answer_wait = std::chrono::seconds(2);
  BodyMode body = BodyMode::automatic;
  TypeOptions types;
  OutputOptions output;
};

/// The files of -r: a glob is those that match it. Failure when none does.
std::vector<std::string> expanded(const std::vector<std::string>& names);

/// Standard output is for the packets, and for nothing else.
bool keeps_on_stdout(const SniffOptions& options);

/// Files that a new one takes the place of, by age or size.
bool rotates(const SniffOptions& options);

/// What root has to open is open: from here on packets, which anybody may have sent or written, are
/// read by somebody who may do little. The name of the user, empty when nothing changed.
std::string give_up_root(const SniffOptions& options, Console& console);

PrinterOptions printer_options(const SniffOptions& options, SchemaCodec& types, Diagram& diagram);
compactor::capture::ExchangeOptions exchange_options(const SniffOptions& options);

void add_ledger(SniffSummary& summary, const compactor::capture::ExchangeLedger& ledger);

compactor::capture::LiveOptions live_options(const SniffOptions& options);

/// What SIGQUIT prints.
std::string interim(const SniffSummary& summary);

/// What of the filters cannot match any known type or field.
std::vector<std::string> hints_by_types(const SniffOptions& options, const SchemaCodec& types);

/// Prints what stands at the end. The exit status, by grep's rule.
int conclude(const SniffOptions& options, Console& console, const SniffPrinter& printer,
             const SchemaCodec& types, const SniffSummary& summary);

/// What a run lends to who makes something of its traffic; all of it outlives that.
struct TrafficContext {
  const SniffOptions& options;
  Console& console;
  SchemaCodec& types;
  Diagram& diagram;
  std::function<void()> done;  // ends the run
};
using MakeTraffic = std::function<std::unique_ptr<Traffic>(const TrafficContext& context)>;
std::unique_ptr<Traffic> print_traffic(const TrafficContext& context);

/// From packets, of a file or live. The exit status; throws Failure and CaptureError.
int sniff_packets(const SniffOptions& options, const MakeTraffic& make = print_traffic);
/// One of --proxy speaks TLS itself.
bool proxies_tls(const SniffOptions& options);
/// Through a proxy. The same.
int sniff_proxy(const SniffOptions& options, const MakeTraffic& make = print_traffic);

}  // namespace tool
