#include "sniff/sniff_run.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "capture/privileges.h"
#include "cli/failure.h"
#include "filter/type_hint.h"
#include "text/glob.h"

namespace tool {

namespace {

bool lost_something(const SniffSummary& summary) {
  return summary.truncated || summary.kernel_drops + summary.gaps + summary.passed_over_bytes +
                                      summary.evicted + summary.abandoned + summary.cut +
                                      summary.fragments + summary.malformed !=
                                  0;
}

/// Grep's rule.
int judge(const SniffOptions& options, const SniffSummary& summary) {
  return summary.shown == 0 || (options.strict && lost_something(summary)) ? 1 : 0;
}

class PrintedTraffic final : public SniffPrinter {
 public:
  explicit PrintedTraffic(const TrafficContext& context)
      : SniffPrinter(context.console,
                     printer_options(context.options, context.types, context.diagram),
                     context.done),
        options_(context.options),
        console_(context.console),
        types_(context.types) {}

  /// Programs get the tables once, at the end.
  void print_so_far(const SniffSummary& summary) override {
    if (options_.statistics && !options_.output.json) statistics().print(console_);
    console_.note(interim(summary));
  }

  int conclude(const SniffSummary& summary) override {
    return tool::conclude(options_, console_, *this, types_, summary);
  }

 private:
  const SniffOptions& options_;
  Console& console_;
  const SchemaCodec& types_;
};

}  // namespace

std::unique_ptr<Traffic> print_traffic(const TrafficContext& context) {
  return std::make_unique<PrintedTraffic>(context);
}

std::vector<std::string> expanded(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const auto& name : names) {
    // A file may have a name with a star in it.
    if (name == "-" || ::access(name.c_str(), F_OK) == 0 || !compactor::text::is_glob(name)) {
      files.push_back(name);
      continue;
    }
    glob_t found{};
    const int result = ::glob(name.c_str(), 0, nullptr, &found);
    if (result == 0) files.insert(files.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (result != 0) throw Failure(Exit::local, "file", name + ": no file matches");
  }
  return files;
}

bool keeps_on_stdout(const SniffOptions& options) {
  return options.keep == "-";
}

bool rotates(const SniffOptions& options) {
  return options.rotate_size || options.rotate_age;
}

std::string give_up_root(const SniffOptions& options, Console& console) {
  auto user = options.user.value_or(compactor::capture::unprivileged_user());
  if (user.empty() || ::geteuid() != 0) return {};
  try {
    compactor::capture::drop_privileges(user);
  } catch (const compactor::capture::PrivilegeError& error) {
    throw Failure(Exit::local, "privileges", error.what(),
                  "-Z USER names another, -Z '' stays root");
  }
  // What listens says it anyway. Of a file nobody notices a difference, unless files are made.
  const bool matters = options.keep && rotates(options);
  if (!options.files.empty())
    console.detail(matters ? 0 : 1, "running as " + user + " now, not as root (-Z changes that)");
  return user;
}

PrinterOptions printer_options(const SniffOptions& options, SchemaCodec& types, Diagram& diagram) {
  PrinterOptions made;
  made.types = &types;
  made.filter = filter_of(options.selection);
  made.window = options.window;
  made.limit = options.count;
  made.statistics = options.statistics;
  made.http = options.http;
  made.has_keys = options.keys != nullptr;
  made.connections = options.connections || options.output.verbose > 0;
  made.silent = keeps_on_stdout(options);
  made.in_time_order = !options.files.empty() && !made.silent;
  // What comes through a pipe may pause, and holds nothing back.
  made.legend_first =
      made.in_time_order && std::all_of(options.files.begin(), options.files.end(), [](auto& name) {
        std::error_code unknown;
        return name != "-" && !std::filesystem::is_fifo(name, unknown);
      });
  if (options.diagram) made.diagram = &diagram;
  return made;
}

compactor::capture::ExchangeOptions exchange_options(const SniffOptions& options) {
  compactor::capture::ExchangeOptions made;
  bool shown = options.body != BodyMode::none && options.body != BodyMode::summary;
  // Of calls and events the bodies say which they are.
  const bool needed = !options.selection.match.empty() || !options.selection.name.empty() ||
                      options.statistics || options.diagram;
  made.bodies = shown || needed;
  made.http = options.http || options.statistics;
  made.answer_wait = options.answer_wait + options.selection.slower.value_or(Duration(0));
  made.keys = options.keys.get();
  // Who listens shall not wait for the end of a connection, which may be days away.
  if (options.files.empty()) made.tls_wait = std::chrono::seconds(2);
  return made;
}

compactor::capture::LiveOptions live_options(const SniffOptions& options) {
  compactor::capture::LiveOptions made;
  made.device = options.interface.value_or(made.device);
  made.snaplen = options.snaplen.value_or(made.snaplen);
  made.buffer = options.buffer.value_or(made.buffer);
  return made;
}

void add_ledger(SniffSummary& summary, const compactor::capture::ExchangeLedger& ledger) {
  summary.messages = ledger.messages;
  summary.http = ledger.http;
  summary.gaps = ledger.gaps;
  summary.gap_bytes = ledger.gap_bytes;
  summary.passed_over_bytes = ledger.passed_over_bytes;
  summary.undecodable = ledger.undecodable;
  summary.unanswered = ledger.unanswered;
  summary.uncertain = ledger.uncertain;
  summary.stream_bytes = ledger.stream_bytes();
  summary.message_bytes = ledger.message_bytes;
  summary.http_bytes = ledger.http_bytes;
  summary.abandoned = ledger.abandoned;
  summary.tls = ledger.tls;
  summary.tls_bytes = ledger.tls_bytes;
}

std::string interim(const SniffSummary& summary) {
  return std::to_string(summary.packets) + " packets, " + std::to_string(summary.messages) +
         " messages (" + std::to_string(summary.shown) + " shown), " +
         std::to_string(summary.gap_bytes) + " bytes in gaps, " +
         std::to_string(summary.kernel_drops) + " dropped by the kernel so far";
}

std::vector<std::string> hints_by_types(const SniffOptions& options, const SchemaCodec& types) {
  auto filter = filter_of(options.selection);
  if (options.http) filter.fields.clear();  // JSON may have any field
  return type_hints(filter, types.catalog());
}

int conclude(const SniffOptions& options, Console& console, const SniffPrinter& printer,
             const SchemaCodec& types, const SniffSummary& summary) {
  if (console.ended()) return 0;
  if (options.statistics) printer.statistics().print(console);
  // Of what is listened to they were told at the start.
  const bool late = printer.shown() == 0 && !options.files.empty();
  printer.print_hints(late ? hints_by_types(options, types) : std::vector<std::string>());
  if (printer.shown() == 0 && summary.http != 0 && !options.http)
    console.note(counted(summary.http, "plain HTTP request") + " passed: --http shows them");
  if (summary.kernel_drops != 0) {
    console.warning(
        counted(summary.kernel_drops, "packet") +
        " came faster than they were read, and were dropped by the kernel: -B makes its "
        "buffer larger (" +
        human_size(static_cast<double>(live_options(options).buffer)) +
        "), a FILTER or --port leaves it less to do");
  }
  console.print(summary);
  return judge(options, summary);
}

}  // namespace tool
