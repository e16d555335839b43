// compactor sniff: every libprocess message on a wire, in a file, or through a proxy.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "capture/output_file.h"
#include "capture/packet_writer.h"
#include "capture/privileges.h"
#include "capture/proxy.h"
#include "capture/sniffer.h"
#include "capture/source.h"
#include "console.h"
#include "diagram.h"
#include "diagram_file.h"
#include "net/net.h"
#include "node.h"
#include "options.h"
#include "program.h"
#include "run.h"
#include "signals.h"
#include "sniff_printer.h"
#include "sniff_start.h"
#include "type_codec.h"

namespace tool {

namespace {

using compactor::capture::CapturedPacket;
using compactor::capture::CaptureError;
using compactor::capture::ExchangeLedger;
using compactor::capture::FileId;
using compactor::capture::FileInUse;
using compactor::capture::OutputFile;
using compactor::capture::Packet;
using compactor::capture::PacketWriter;
using compactor::capture::Proxy;
using compactor::capture::ProxyOptions;
using compactor::capture::ProxyRule;
using compactor::capture::Sniffer;
using compactor::capture::Source;

constexpr auto tick = std::chrono::milliseconds(50);
constexpr int packets_between_looks = 512;  // at signals and at how much output waits
constexpr std::size_t most_waiting = std::size_t{4} << 20;  // of output, before a file is read on

struct SniffOptions {
  std::optional<std::string> interface;
  std::optional<std::string> file;
  std::vector<std::string> proxies;
  std::optional<Duration> connect_timeout;
  bool list_interfaces = false;
  std::vector<std::string> filter;
  std::vector<std::string> ports;
  std::optional<std::string> keep;
  std::optional<std::size_t> rotate_size;
  std::optional<Duration> rotate_age;
  std::uint64_t rotate_files = 0;
  bool flush = false;
  std::size_t buffer = std::size_t{32} << 20;
  std::size_t snaplen = 262'144;
  std::optional<std::string> user;
  std::vector<std::string> from;
  std::vector<std::string> to;
  std::vector<std::string> name;
  std::vector<std::string> match;
  std::uint64_t count = 0;
  bool http = false;
  bool statistics = false;
  std::optional<std::string> diagram;
  bool strict = false;
  Duration answer_wait = std::chrono::seconds(2);
  BodyMode body = BodyMode::automatic;
  TypeOptions types;
  OutputOptions output;
};

void add_sources(CommandLine& line, SniffOptions& options) {
  line.positionals("FILTER", options.filter, "a pcap filter: see pcap-filter(7)");
  line.group("Source");
  line.text("-i,--interface", "IFACE", options.interface,
            "capture live from here; default all interfaces");
  line.text("-r,--read", "FILE", options.file, "read a pcap or pcapng file; - is standard input");
  line.list("--proxy", "[IP:]PORT=HOST:PORT", options.proxies,
            "listen on PORT, pass everything on to HOST:PORT, show it; needs no privilege");
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
            "write the packets that match FILTER to a pcap file too");
  line.size("-C,--rotate-size", options.rotate_size, "begin another file after so many bytes");
  line.duration("-G,--rotate-time", options.rotate_age,
                "… after so long; FILE goes through strftime(3)");
  line.number("-W,--rotate-count", 1, 1'000'000, options.rotate_files,
              "with -C a ring of N files; with -G end after N");
  line.flag("-U,--packet-buffered", options.flush, "write each packet at once");
}

void add_selection(CommandLine& line, SniffOptions& options) {
  line.group("What is shown");
  line.list("--from", "GLOB", options.from, "only messages of these senders");
  line.list("--to", "GLOB", options.to, "only messages to these receivers (id@ip:port)");
  line.list("--name", "GLOB", options.name, "only messages of these names");
  line.list("--match", "PATH=VALUE", options.match,
            "only bodies with this field, at any depth: status.state=TASK_LOST");
  line.number("-c,--count", 1, UINT64_MAX, options.count, "end after N");
  line.flag("--http", options.http, "plain HTTP requests too, and the events of /api/v1 streams");
  line.flag("--stats", options.statistics,
            "tables at the end: by name, by pair, outcomes, latencies");
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
      "  compactor sniff --proxy 6050=master:5050           where capturing is not allowed\n"
      "  compactor sniff -i lo --name '*StatusUpdate*' --match status.state=TASK_LOST\n");
  add_sources(line, options);
  add_selection(line, options);
  add_output_options(line, options.output);
  return line;
}

Failure usage(const std::string& what, const std::string& hint = "compactor help sniff") {
  return {Exit::usage, "usage", what, hint};
}

void check(const SniffOptions& options) {
  int sources =
      (options.interface ? 1 : 0) + (options.file ? 1 : 0) + (options.proxies.empty() ? 0 : 1);
  if (sources > 1) throw usage("-i, -r and --proxy are three sources: give one of them");
  if (options.connect_timeout && options.proxies.empty())
    throw usage("--connect-timeout is about --proxy, which is missing");
  if (!options.proxies.empty() &&
      (!options.filter.empty() || !options.ports.empty() || options.keep))
    throw usage("--proxy sees connections, not packets: no FILTER, --port or -w");
  bool rotates =
      options.rotate_size || options.rotate_age || options.rotate_files != 0 || options.flush;
  if (rotates && !options.keep)
    throw usage("-C, -G, -W and -U are about the file of -w, which is missing");
  if (options.rotate_files != 0 && !options.rotate_size && !options.rotate_age)
    throw usage("-W needs -C or -G");
  if (options.keep == "-") throw usage("-w needs a file name: standard output is for the messages");
  if (options.diagram) diagram_format(*options.diagram);
  if (options.snaplen == 0 || options.snaplen > 262'144) throw usage("-s must be 1 to 256k");
  if (options.buffer > std::size_t{1} << 30) throw usage("-B must be at most 1g");
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

ProxyRule parse_rule(const std::string& text) {
  auto bad = [&] { return usage("--proxy \"" + text + "\" does not read", "[IP:]PORT=HOST:PORT"); };
  auto equals = text.find('=');
  auto colon = text.rfind(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) throw bad();
  ProxyRule rule;
  auto here = text.substr(0, equals);
  if (auto split = here.rfind(':'); split != std::string::npos) {
    rule.listen_host = here.substr(0, split);
    here = here.substr(split + 1);
    if (rule.listen_host.empty()) throw bad();
  }
  auto unbracketed = [](std::string host) {
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return bracketed ? host.substr(1, host.size() - 2) : host;
  };
  rule.listen_host = unbracketed(rule.listen_host);
  rule.listen_port = static_cast<std::uint16_t>(parse_number(here, 0, 65535, "--proxy"));
  rule.host = unbracketed(text.substr(equals + 1, colon - equals - 1));
  rule.port = static_cast<std::uint16_t>(parse_number(text.substr(colon + 1), 1, 65535, "--proxy"));
  if (rule.host.empty()) throw bad();
  return rule;
}

std::string packet_filter(const SniffOptions& options, int link_type) {
  std::string filter;
  for (const auto& word : options.filter) filter += (filter.empty() ? "" : " ") + word;
  std::vector<std::uint16_t> ports;
  for (const auto& port : options.ports)
    ports.push_back(static_cast<std::uint16_t>(parse_number(port, 1, 65535, "--port")));
  return compactor::capture::make_filter(filter, ports,
                                         compactor::capture::can_carry_vlan(link_type));
}

bool rotates(const SniffOptions& options) {
  return options.rotate_size || options.rotate_age;
}

/// What root has to open is open: from here on packets, which anybody may have sent or written, are
/// read by somebody who may do little. The name of the user, empty when nothing changed.
std::string give_up_root(const SniffOptions& options, Console& console) {
  auto user = options.user.value_or(compactor::capture::unprivileged_user());
  if (user.empty() || ::geteuid() != 0) return {};
  try {
    compactor::capture::drop_privileges(user);
  } catch (const compactor::capture::PrivilegeError& error) {
    throw Failure(Exit::local, "privileges", error.what(),
                  "-Z USER names another, -Z '' stays root");
  }
  // Of a file nobody notices a difference; what listens says it anyway.
  if (options.file) console.detail(1, "running as " + user + " now, not as root (-Z changes that)");
  return user;
}

PrinterOptions printer_options(const SniffOptions& options, SchemaCodec& types, Diagram& diagram) {
  PrinterOptions made;
  made.types = &types;
  made.filter = {options.from, options.to, options.name, {}};
  for (const auto& match : options.match) made.filter.fields.push_back(FieldMatch::parse(match));
  made.limit = options.count;
  made.statistics = options.statistics;
  if (options.diagram) made.diagram = &diagram;
  return made;
}

compactor::capture::ExchangeOptions exchange_options(const SniffOptions& options) {
  compactor::capture::ExchangeOptions made;
  bool shown = options.body != BodyMode::none && options.body != BodyMode::summary;
  made.bodies = shown || !options.match.empty();
  made.http = options.http;
  made.answer_wait = options.answer_wait;
  return made;
}

ProxyOptions proxy_options(const SniffOptions& options) {
  ProxyOptions made;
  made.exchange = exchange_options(options);
  made.connect_timeout = options.connect_timeout.value_or(made.connect_timeout);
  const std::size_t descriptors = compactor::raise_descriptor_limit();
  constexpr std::size_t others = 64;  // of ours, not a client's
  made.max_clients = descriptors > 2 * others ? (descriptors - others) / 2 : descriptors / 4;
  return made;
}

void add_ledger(SniffSummary& summary, const ExchangeLedger& ledger) {
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
}

SniffSummary summary_of(const Sniffer& sniffer, const Source& source, const SniffPrinter& printer) {
  SniffSummary summary;
  add_ledger(summary, sniffer.ledger());
  auto packets = sniffer.packets();
  const auto& streams = sniffer.reassembly();
  summary.shown = printer.shown();
  summary.packets = packets.packets;
  summary.kernel_drops = source.dropped();
  summary.connections = streams.connections;
  summary.evicted = streams.evicted;
  summary.midstream = streams.midstream;
  summary.retransmitted = streams.retransmitted;
  summary.out_of_order = streams.out_of_order;
  summary.out_of_window = streams.out_of_window;
  summary.overlapping = streams.overlapping;
  summary.resets = streams.resets;
  summary.reused = streams.reused;
  summary.cut = streams.cut + packets[Packet::cut];
  summary.fragments = packets.fragments;
  summary.malformed = packets[Packet::malformed];
  summary.not_tcp = packets.not_tcp();
  for (auto kind = static_cast<std::size_t>(Packet::udp); kind < packets.by_kind.size(); ++kind) {
    if (packets.by_kind[kind] != 0)
      summary.other_packets.emplace_back(compactor::capture::to_string(static_cast<Packet>(kind)),
                                         packets.by_kind[kind]);
  }
  summary.tls = sniffer.tls().connections;
  return summary;
}

std::string interim(const SniffSummary& summary) {
  return std::to_string(summary.packets) + " packets, " + std::to_string(summary.messages) +
         " messages (" + std::to_string(summary.shown) + " shown), " +
         std::to_string(summary.gap_bytes) + " bytes in gaps, " +
         std::to_string(summary.kernel_drops) + " dropped by the kernel so far";
}

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

int conclude(const SniffOptions& options, Console& console, const SniffPrinter& printer,
             const SniffSummary& summary) {
  if (console.ended()) return 0;
  if (options.statistics) printer.statistics().print(console);
  printer.print_hints();
  if (printer.shown() == 0 && summary.http != 0 && !options.http)
    console.note(counted(summary.http, "plain HTTP request") + " passed: --http shows them");
  if (summary.kernel_drops != 0) {
    console.warning(
        counted(summary.kernel_drops, "packet") +
        " came faster than they were read, and were dropped by the kernel: -B makes its "
        "buffer larger (" +
        human_size(static_cast<double>(options.buffer)) +
        "), a FILTER or --port leaves it less to do");
  }
  console.print(summary);
  return judge(options, summary);
}

/// What is opened before root is given up.
class SniffFiles {
 public:
  explicit SniffFiles(const SniffOptions& options) {
    if (options.file) use(input_ = Source::open_descriptor(*options.file));
    // Files that rotate are all opened by the user that will open the last of them.
    if (options.keep && !rotates(options)) use(keep_.emplace(*options.keep, in_use_).descriptor());
    if (options.diagram) {
      diagram_.emplace(*options.diagram, in_use_);
      if (auto id = diagram_->id()) in_use_.push_back(*id);
    }
  }
  ~SniffFiles() {
    if (input_ >= 0) ::close(input_);
  }
  SniffFiles(const SniffFiles&) = delete;
  SniffFiles& operator=(const SniffFiles&) = delete;

  int take_input() { return std::exchange(input_, -1); }
  std::optional<OutputFile> take_keep() { return std::exchange(keep_, std::nullopt); }
  std::optional<DiagramFile>& diagram() { return diagram_; }
  const std::vector<FileId>& in_use() const { return in_use_; }

 private:
  void use(int descriptor) {
    if (auto id = compactor::capture::file_id(descriptor)) in_use_.push_back(*id);
  }

  int input_ = -1;
  std::optional<OutputFile> keep_;
  std::optional<DiagramFile> diagram_;
  std::vector<FileId> in_use_;
};

/// From packets, of a file or live. All on the main thread; output has its own.
class PacketRun {
 public:
  explicit PacketRun(const SniffOptions& options)
      : options_(options),
        types_(options.types),
        console_(options.output, BodyView(options.body, &types_)),
        files_(options),
        source_(open()),
        printer_(console_, printer_options(options, types_, diagram_), [this] { over_ = true; }),
        sniffer_(printer_, exchange_options(options)) {
    auto filter = packet_filter(options, source_.link_type());
    if (!filter.empty()) source_.set_filter(filter);
    if (options.keep) keep_packets();
    auto wake = [this] { waiter_.wake(); };
    console_.watch([wake](bool) { wake(); }, wake);
    waiter_.on_quit = [this] { console_.note(interim(summary_of(sniffer_, source_, printer_))); };
  }
  ~PacketRun() { console_.watch({}, {}); }
  PacketRun(const PacketRun&) = delete;
  PacketRun& operator=(const PacketRun&) = delete;

  int run() {
    if (source_.is_live()) {
      console_.note(
          "listening on " +
          captured_from(options_.interface.value_or("any"), options_.ports, options_.filter) + ' ' +
          as_whom(was_root_));
    }
    while (!over_) {
      source_.is_live() ? read_live() : read_file();
      tell_of_tls();
    }
    if (!console_.ended()) sniffer_.finish();
    if (writer_) writer_->flush();
    if (files_.diagram()) files_.diagram()->write(diagram_, console_);
    auto summary = summary_of(sniffer_, source_, printer_);
    summary.undecodable += types_.misfits();
    summary.truncated = truncated_;
    return conclude(options_, console_, printer_, summary);
  }

 private:
  /// With the rights of root if there are any, which end here. A file is opened with them, and read
  /// without.
  Source open() {
    if (!options_.file) {
      auto live = Source::open_live(
          {options_.interface.value_or("any"), options_.snaplen, options_.buffer});
      user_ = give_up_root(options_, console_);
      return live;
    }
    user_ = give_up_root(options_, console_);
    return Source::read_descriptor(files_.take_input(), *options_.file, [this](int descriptor) {
      // The other end of a pipe takes its time: what there is is printed meanwhile.
      console_.gather(false);
      bool goes_on = !over_ && look(std::nullopt, descriptor);
      console_.gather(true);
      return goes_on;
    });
  }

  void keep_packets() {
    compactor::capture::WriterOptions to{
        *options_.keep,
        options_.rotate_size.value_or(0),
        std::chrono::ceil<std::chrono::seconds>(options_.rotate_age.value_or(Duration(0))),
        options_.rotate_files,
        options_.flush,
        files_.in_use()};
    try {
      writer_.emplace(source_, std::move(to), files_.take_keep());
    } catch (const FileInUse&) {
      throw;
    } catch (const CaptureError& error) {
      throw Failure(Exit::local, "file", error.what(),
                    user_.empty() || !rotates(options_)
                        ? ""
                        : "with -C or -G the files are opened by " + user_ +
                              ": let it write there, or name another user with -Z ('' stays root)");
    }
  }

  /// Waits for the descriptor, if any, else only looks: at signals, and whether anybody reads what
  /// is printed. False when the run is over.
  bool look(std::optional<Waiter::Clock::time_point> deadline, int descriptor) {
    for (;;) {
      bool full = console_.full();
      auto until = full ? std::nullopt : deadline;
      auto reason = waiter_.wait(until, full ? -1 : descriptor);
      if (reason == Waiter::Reason::signal || console_.ended()) over_ = true;
      if (over_) return false;
      if (reason != Waiter::Reason::woken && !console_.full()) return true;
    }
  }

  void read_file() {
    console_.gather(true);
    if (!look(Waiter::Clock::now(), -1)) return;
    // A file can wait: memory stays small however slowly the output is read.
    while (console_.waiting() > most_waiting) {
      if (!look(Waiter::Clock::now() + std::chrono::milliseconds(1), -1)) return;
    }
    for (int i = 0; i < packets_between_looks && !over_; ++i) read_packet();
    show_progress();
  }

  void read_live() {
    if (!look(Waiter::Clock::now() + tick, source_.descriptor())) return;
    bool more = true;
    console_.gather(true);
    for (int i = 0; i < packets_between_looks && more && !over_; ++i) more = read_packet();
    if (!more) sniffer_.on_time(now());
    console_.gather(false);
  }

  /// False when there is none at the moment.
  bool read_packet() {
    CapturedPacket packet;
    switch (source_.next(packet)) {
      case Source::Read::packet:
        if (writer_ && !writer_->write(packet)) {
          over_ = true;
          return true;
        }
        sniffer_.on_packet(source_.link_type(), packet.bytes, packet.wire_length, packet.time);
        return true;
      case Source::Read::nothing:
        return false;
      case Source::Read::broken:
        truncated_ = true;
        if (!over_) console_.warning(source_.trouble() + ": what comes before is shown");
        over_ = true;
        return true;
      case Source::Read::end:
        over_ = true;
        return true;
    }
    return false;
  }

  /// Once: who waits for messages shall know why none come.
  void tell_of_tls() {
    if (told_of_tls_ || sniffer_.tls().connections == 0) return;
    told_of_tls_ = true;
    console_.note(sniffer_.tls().first +
                  " speaks TLS, which cannot be read: its bytes are passed over");
  }

  void show_progress() {
    if (!shows_progress_ || Steady::now() - last_progress_ < std::chrono::seconds(2)) return;
    last_progress_ = Steady::now();
    console_.note(std::to_string(static_cast<int>(source_.progress() * 100)) + " % read");
  }

  const SniffOptions& options_;
  const bool was_root_ = ::geteuid() == 0;
  SchemaCodec types_;  // reads the user's files, so before root is given up
  Console console_;
  Waiter waiter_;
  bool over_ = false;
  SniffFiles files_;
  std::string user_;  // whom we became instead of root
  Source source_;
  Diagram diagram_;
  SniffPrinter printer_;
  Sniffer sniffer_;
  std::optional<PacketWriter> writer_;
  bool truncated_ = false;
  bool told_of_tls_ = false;
  bool shows_progress_ = ::isatty(STDERR_FILENO) != 0 && !options_.output.json;
  Steady::time_point last_progress_ = Steady::now();
};

/// Through a proxy, on a thread of its own.
class ProxyRun {
 public:
  explicit ProxyRun(const SniffOptions& options)
      : options_(options),
        types_(options.types),
        console_(options.output, BodyView(options.body, &types_)),
        printer_(console_, printer_options(options, types_, diagram_),
                 [this] { waiter_.finish(); }),
        proxy_(rules(options), printer_, proxy_options(options),
               [this](const std::string& trouble) { console_.warning(trouble); }) {
    if (options.diagram) diagram_file_.emplace(*options.diagram, std::vector<FileId>());
    give_up_root(options, console_);
    console_.watch([this](bool full) { proxy_.pause(full); }, [this] { waiter_.finish(); });
    waiter_.on_quit = [this] { proxy_.post([this] { console_.note(interim(summary())); }); };
  }
  ~ProxyRun() { console_.watch({}, {}); }
  ProxyRun(const ProxyRun&) = delete;
  ProxyRun& operator=(const ProxyRun&) = delete;

  int run() {
    for (const auto port : proxy_.ports())
      console_.note("listening on port " + std::to_string(port) + ' ' + as_whom(was_root_));
    std::exception_ptr error;
    std::thread loop([&] {
      try {
        proxy_.run();
      } catch (...) {
        error = std::current_exception();
        waiter_.finish();
      }
    });
    waiter_.wait_for_end();
    proxy_.stop();
    loop.join();
    if (error) std::rethrow_exception(error);
    if (diagram_file_) diagram_file_->write(diagram_, console_);
    return conclude(options_, console_, printer_, summary());
  }

 private:
  static std::vector<ProxyRule> rules(const SniffOptions& options) {
    std::vector<ProxyRule> rules;
    for (const auto& text : options.proxies) rules.push_back(parse_rule(text));
    const Duration time = options.connect_timeout.value_or(std::chrono::seconds(5));
    for (auto& rule : rules) rule.addresses = look_up(rule.host, rule.host, time);
    return rules;
  }

  SniffSummary summary() const {
    SniffSummary summary;
    add_ledger(summary, proxy_.ledger());
    summary.undecodable += types_.misfits();
    summary.shown = printer_.shown();
    summary.connections = proxy_.stats().connections;
    summary.refused = proxy_.stats().refused;
    return summary;
  }

  const SniffOptions& options_;
  const bool was_root_ = ::geteuid() == 0;
  SchemaCodec types_;  // reads the user's files, so before root is given up
  Console console_;
  Waiter waiter_;
  Diagram diagram_;
  SniffPrinter printer_;
  Proxy proxy_;
  std::optional<DiagramFile> diagram_file_;
};

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

int run_sniff(const Arguments& arguments) {
  SniffOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  check(options);
  try {
    if (options.list_interfaces) return list_interfaces(options.output.json);
    if (options.proxies.empty()) return PacketRun(options).run();
    return ProxyRun(options).run();
  } catch (const FileInUse& error) {
    throw usage(error.what(), "write to another file");
  } catch (const CaptureError& error) {
    rethrow(error);
  } catch (const compactor::SocketError& error) {
    throw Failure(Exit::unreachable, "socket", error.what());
  }
}

}  // namespace tool
