// sniff from packets: of a file, or live.
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "capture/output_file.h"
#include "capture/packet_writer.h"
#include "capture/privileges.h"
#include "capture/sniffer.h"
#include "capture/source.h"
#include "cli/failure.h"
#include "cli/signals.h"
#include "node/run.h"
#include "sniff/diagram_file.h"
#include "sniff/sniff_run.h"
#include "sniff/sniff_start.h"

namespace tool {

namespace {

using compactor::capture::CapturedPacket;
using compactor::capture::CaptureError;
using compactor::capture::FileId;
using compactor::capture::FileInUse;
using compactor::capture::OutputFile;
using compactor::capture::Packet;
using compactor::capture::PacketWriter;
using compactor::capture::Sniffer;
using compactor::capture::Source;

constexpr auto tick = std::chrono::milliseconds(50);
constexpr int packets_between_looks = 512;  // at signals and at how much output waits
constexpr std::size_t most_waiting = std::size_t{4} << 20;  // of output, before a file is read on

std::string packet_filter(const SniffOptions& options, int link_type) {
  std::string filter;
  for (const auto& word : options.filter) filter += (filter.empty() ? "" : " ") + word;
  std::vector<std::uint16_t> ports;
  for (const auto& port : options.ports)
    ports.push_back(static_cast<std::uint16_t>(parse_number(port, 1, 65535, "--port")));
  return compactor::capture::make_filter(filter, ports,
                                         compactor::capture::can_carry_vlan(link_type));
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
  return summary;
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
      console_.note("listening on " +
                    captured_from(live_options(options_).device, options_.ports, options_.filter) +
                    ' ' + as_whom(was_root_));
    }
    while (!over_) source_.is_live() ? read_live() : read_file();
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
      auto live = Source::open_live(live_options(options_));
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

  void show_progress() {
    if (!shows_progress_ || Steady::now() - last_progress_ < std::chrono::seconds(2)) return;
    last_progress_ = Steady::now();
    const auto progress = source_.progress();
    console_.note(progress ? std::to_string(static_cast<int>(*progress * 100)) + " % read"
                           : counted(sniffer_.packets().packets, "packet") + " read");
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
  bool shows_progress_ = ::isatty(STDERR_FILENO) != 0 && !options_.output.json;
  Steady::time_point last_progress_ = Steady::now();
};

}  // namespace

int sniff_packets(const SniffOptions& options) {
  return PacketRun(options).run();
}

}  // namespace tool
