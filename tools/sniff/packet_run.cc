// sniff from packets: of a file, or live.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "capture/file_set.h"
#include "capture/live_source.h"
#include "capture/output_file.h"
#include "capture/packet_filter.h"
#include "capture/packet_writer.h"
#include "capture/privileges.h"
#include "capture/sniffer.h"
#include "cli/failure.h"
#include "cli/signals.h"
#include "node/run.h"
#include "sniff/diagram_file.h"
#include "sniff/recording.h"
#include "sniff/sniff_run.h"
#include "sniff/sniff_start.h"

namespace tool {

namespace {

using compactor::capture::ByteSource;
using compactor::capture::CapturedPacket;
using compactor::capture::CaptureError;
using compactor::capture::FileId;
using compactor::capture::FileInUse;
using compactor::capture::FileSet;
using compactor::capture::LiveSource;
using compactor::capture::OutputFile;
using compactor::capture::Packet;
using compactor::capture::PacketFilter;
using compactor::capture::PacketWriter;
using compactor::capture::Sniffer;

constexpr auto tick = std::chrono::milliseconds(50);
constexpr int packets_between_looks = 512;  // at signals and at how much output waits
/// After which nothing more comes of a packet: the capture room is patient for so long.
constexpr auto lateness = std::chrono::milliseconds(500);
constexpr std::size_t most_waiting = std::size_t{4} << 20;  // of output, before a file is read on

bool is_readable(int descriptor) {
  pollfd wanted{descriptor, POLLIN, 0};
  return ::poll(&wanted, 1, 0) != 0;
}

std::string pcap_filter_of(const SniffOptions& options) {
  std::string filter;
  for (const auto& word : options.filter) filter += (filter.empty() ? "" : " ") + word;
  return filter;
}

std::vector<std::uint16_t> ports_of(const SniffOptions& options) {
  std::vector<std::uint16_t> ports;
  for (const auto& port : options.ports)
    ports.push_back(static_cast<std::uint16_t>(parse_number(port, 1, 65535, "--port")));
  return ports;
}

SniffSummary summary_of(const Sniffer& sniffer, const Traffic& traffic) {
  SniffSummary summary;
  add_ledger(summary, sniffer.ledger());
  auto packets = sniffer.packets();
  const auto& streams = sniffer.reassembly();
  summary.shown = traffic.shown();
  summary.packets = packets.packets;
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
    for (const auto& name : expanded(options.files)) {
      inputs_.push_back({compactor::capture::open_capture(name), name});
      use(inputs_.back().descriptor);
    }
    // Files that rotate are all opened by the user that will open the last of them.
    if (keeps_on_stdout(options)) {
      check_stdout();
    } else if (options.keep && !rotates(options)) {
      use(keep_.emplace(*options.keep, in_use_).descriptor());
    }
    if (options.diagram) {
      diagram_.emplace(*options.diagram, in_use_);
      if (auto id = diagram_->id()) in_use_.push_back(*id);
    }
  }
  ~SniffFiles() {
    for (const auto& input : inputs_) ::close(input.descriptor);
  }
  SniffFiles(const SniffFiles&) = delete;
  SniffFiles& operator=(const SniffFiles&) = delete;

  std::vector<FileSet::Input> take_inputs() { return std::exchange(inputs_, {}); }
  std::optional<OutputFile> take_keep() { return std::exchange(keep_, std::nullopt); }
  std::optional<DiagramFile>& diagram() { return diagram_; }
  const std::vector<FileId>& in_use() const { return in_use_; }

 private:
  void check_stdout() const {
    const auto id = compactor::capture::file_id(STDOUT_FILENO);
    if (id && std::find(in_use_.begin(), in_use_.end(), *id) != in_use_.end())
      throw FileInUse("standard output");
  }
  void use(int descriptor) {
    if (auto id = compactor::capture::file_id(descriptor)) in_use_.push_back(*id);
  }

  std::vector<FileSet::Input> inputs_;
  std::optional<OutputFile> keep_;
  std::optional<DiagramFile> diagram_;
  std::vector<FileId> in_use_;
};

/// From packets, of files or live. All on the main thread; output has its own.
class PacketRun {
 public:
  PacketRun(const SniffOptions& options, const MakeTraffic& make)
      : options_(options),
        types_(options.types),
        console_(options.output, BodyView(options.body, &types_)),
        files_(options),
        filter_(pcap_filter_of(options), ports_of(options)),
        traffic_(make({options, console_, types_, diagram_, [this] { over_ = true; }})),
        sniffer_(*traffic_, exchange_options(options)) {
    options.files.empty() ? open_live() : open_files();
    if (options.keep) keep_packets();
    auto wake = [this] { waiter_.wake(); };
    console_.watch([wake](bool) { wake(); }, wake);
    waiter_.on_quit = [this] { traffic_->print_so_far(summary()); };
  }
  ~PacketRun() { console_.watch({}, {}); }
  PacketRun(const PacketRun&) = delete;
  PacketRun& operator=(const PacketRun&) = delete;

  int run() {
    if (live_) {
      traffic_->begin(now());
      console_.note("listening on " +
                    captured_from(live_options(options_).device, options_.ports, options_.filter) +
                    ' ' + as_whom(was_root_));
      for (const auto& hint : hints_by_types(options_, types_)) console_.note(hint);
    }
    while (!over_) live_ ? read_live() : read_files();
    if (recording_ && recording_->others() > 0)
      console_.note(counted(recording_->others(), "line") +
                    " of the recording about other things than messages and HTTP left out");
    if (!console_.ended()) sniffer_.finish();
    traffic_->release_all();
    if (writer_) writer_->flush();
    if (files_.diagram()) files_.diagram()->write(diagram_, console_);
    tell_of_files();
    return traffic_->conclude(summary());
  }

 private:
  /// With the rights of root if there are any, which end here.
  void open_live() {
    live_.emplace(live_options(options_));
    user_ = give_up_root(options_, console_);
    link_types_ = {live_->link_type()};
    const auto expression =
        compactor::capture::make_filter(pcap_filter_of(options_), ports_of(options_),
                                        compactor::capture::can_carry_vlan(live_->link_type()));
    if (!expression.empty()) live_->set_filter(expression);
  }

  /// Files are opened with the rights of root, and read without.
  void open_files() {
    user_ = give_up_root(options_, console_);
    const auto wait = [this](int descriptor) { return wait_for(descriptor); };
    auto inputs = files_.take_inputs();
    for (auto& input : inputs) {
      if (open_recording(input, inputs.size(), wait)) return;
    }
    set_.emplace(std::move(inputs),
                 FileSet::Options{.wait = wait,
                                  .goes_on = [this] { return look(Waiter::Clock::now(), -1); },
                                  .fix_clocks = !options_.leave_clocks});
    link_types_ = set_->link_types();
    for (const int link_type : link_types_) filter_.prepare(link_type);
    for (const auto& report : set_->reports()) tell_of_clock(report);
  }

  /// False when it is not one.
  bool open_recording(FileSet::Input& input, std::size_t inputs, const ByteSource::Wait& wait) {
    std::optional<ByteSource> bytes(std::in_place, ::dup(input.descriptor), wait);
    const bool found = Recording::is_one(*bytes);
    // What can be read again is; of a pipe, what has been read goes on to the capture.
    const bool again = ::lseek(input.descriptor, 0, SEEK_SET) == 0;
    if (!found) {
      if (!again) input.bytes.emplace(*std::move(bytes));
      return false;
    }
    const auto name = compactor::capture::name_of_input(input.name);
    if (inputs > 1)
      throw Failure(Exit::usage, "usage", name + " is a recording (NDJSON), which is read alone");
    if (options_.keep || !options_.filter.empty() || !options_.ports.empty())
      throw Failure(Exit::usage, "usage",
                    name + " is a recording, which has no packets: no FILTER, --port or -w");
    if (again) bytes.emplace(::dup(input.descriptor), wait);
    ::close(input.descriptor);
    recording_.emplace(*std::move(bytes), name, &types_);
    return true;
  }

  /// The other end of a pipe takes its time: what there is is printed meanwhile.
  bool wait_for(int descriptor) {
    console_.gather(false);
    const auto since = Steady::now();
    while (!over_ && look(Waiter::Clock::now() + tick, descriptor) && !is_readable(descriptor))
      pass_time(Steady::now() - since);
    console_.gather(true);
    return !over_;
  }

  /// Nothing comes for a while: what is told is printed. What is not, and how it ends, the capture
  /// alone decides: who writes it may only be slow.
  void pass_time(Steady::duration waited) {
    if (time_ == WallTime{}) return;
    const WallTime before = time_ + waited - options_.answer_wait - lateness;
    traffic_->release(std::min(before, sniffer_.first_untold().value_or(before)));
  }

  void tell_of_clock(const compactor::capture::FileReport& report) {
    constexpr auto noticed = std::chrono::milliseconds(1);
    const auto offset = report.clock_offset.value_or(noticed * 0);
    if (std::chrono::abs(offset) < noticed) return;
    console_.note("the clock of " + report.name + " is " +
                  human_duration(
                      std::chrono::duration<double, std::micro>(std::chrono::abs(offset)).count()) +
                  (offset.count() > 0 ? " ahead" : " behind") +
                  ": corrected (--no-clock-fix leaves it)");
  }

  void keep_packets() {
    if (link_types_.size() > 1)
      throw Failure(Exit::usage, "usage",
                    "-w keeps packets of one link type, and these files have several",
                    "read them one at a time");
    compactor::capture::WriterOptions to{
        link_types_.empty() ? compactor::capture::link_ethernet : link_types_.front(),
        *options_.keep,
        {},
        options_.rotate_size.value_or(0),
        std::chrono::ceil<std::chrono::seconds>(options_.rotate_age.value_or(Duration(0))),
        options_.rotate_files,
        options_.flush,
        files_.in_use()};
    if (keeps_on_stdout(options_))
      to.sink = [this](std::string_view bytes) { console_.print_raw(bytes); };
    try {
      writer_.emplace(std::move(to), files_.take_keep());
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

  void read_files() {
    console_.gather(true);
    if (!look(Waiter::Clock::now(), -1)) return;
    // A file can wait: memory stays small however slowly the output is read.
    while (console_.waiting() > most_waiting) {
      if (!look(Waiter::Clock::now() + std::chrono::milliseconds(1), -1)) return;
    }
    for (int i = 0; i < packets_between_looks && !over_; ++i)
      recording_ ? read_line() : read_packet_of_files();
    // What is told later than this is about bytes that came late.
    traffic_->release(time_ - options_.answer_wait - lateness);
    show_progress();
  }

  void read_packet_of_files() {
    CapturedPacket packet;
    switch (set_->next(packet)) {
      case FileSet::Read::packet:
        return take(packet);
      case FileSet::Read::broken:
        truncated_ = true;
        if (!over_) console_.warning(set_->trouble() + ": what comes before is shown");
        return;
      case FileSet::Read::end:
        over_ = true;
    }
  }

  /// Nothing that is to be shown comes any more. What began in time may yet be answered.
  bool is_past(WallTime time) const {
    const auto end = traffic_->end();
    return end && time > *end + options_.answer_wait + lateness;
  }

  void read_line() {
    const bool more = recording_->next(*traffic_);
    time_ = std::max(time_, recording_->time());
    if (!recording_->trouble().empty()) {
      truncated_ = true;
      console_.warning(recording_->trouble());
    }
    if (!more) over_ = true;
  }

  void take(const CapturedPacket& packet) {
    if (!live_ && !filter_.accepts(packet)) return;
    traffic_->begin(packet.time);
    time_ = std::max(time_, packet.time);
    if (!live_ && is_past(packet.time)) {
      over_ = true;
      return;
    }
    if (writer_ && !writer_->write(packet)) {
      over_ = true;
      return;
    }
    sniffer_.on_packet(packet.link_type, packet.bytes, packet.wire_length, packet.time);
  }

  void read_live() {
    if (!look(Waiter::Clock::now() + tick, live_->descriptor())) return;
    if (const auto end = traffic_->end(); end && now() > *end) {
      over_ = true;
      return;
    }
    bool more = true;
    console_.gather(true);
    for (int i = 0; i < packets_between_looks && more && !over_; ++i) more = read_live_packet();
    if (!more) sniffer_.on_time(now());
    traffic_->release(now() - options_.answer_wait - lateness);
    console_.gather(false);
  }

  /// False when there is none at the moment.
  bool read_live_packet() {
    CapturedPacket packet;
    switch (live_->next(packet)) {
      case LiveSource::Read::packet:
        take(packet);
        return true;
      case LiveSource::Read::nothing:
        return false;
      case LiveSource::Read::broken:
        break;
    }
    truncated_ = true;
    console_.warning(live_->trouble() + ": what comes before is shown");
    over_ = true;
    return true;
  }

  /// One line each; in text only where there are several.
  void tell_of_files() {
    if (!set_ || console_.ended()) return;
    const auto reports = set_->reports();
    if (reports.size() < 2 && !options_.output.json) return;
    for (const auto& report : reports) {
      CaptureFileEvent event{report.name, report.packets};
      if (report.packets > 0) {
        event.first = report.first;
        event.last = report.last;
      }
      event.clock_offset = report.clock_offset;
      console_.print(event);
    }
  }

  SniffSummary summary() const {
    auto summary = summary_of(sniffer_, *traffic_);
    summary.undecodable += types_.misfits();
    summary.truncated = truncated_;
    if (time_ != WallTime{}) summary.last = time_;
    if (recording_) {
      summary.messages = recording_->messages();
      summary.http = recording_->http();
      summary.unanswered = recording_->unanswered();
    }
    if (live_) summary.kernel_drops = live_->dropped();
    if (set_) {
      summary.duplicate_packets = set_->duplicates();
      if (const auto left_out = set_->unknown_link()) {
        summary.packets += left_out;
        summary.not_tcp += left_out;
        summary.other_packets.emplace_back("of an unknown link type", left_out);
      }
    }
    return summary;
  }

  void show_progress() {
    if (!shows_progress_ || Steady::now() - last_progress_ < std::chrono::seconds(2)) return;
    last_progress_ = Steady::now();
    const auto progress = (set_ ? set_->progress() : std::nullopt);
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
  PacketFilter filter_;
  // One of the three.
  std::optional<LiveSource> live_;
  std::optional<FileSet> set_;
  std::optional<Recording> recording_;
  std::vector<int> link_types_;  // known before the first packet
  WallTime time_{};              // of the capture
  Diagram diagram_;
  std::unique_ptr<Traffic> traffic_;
  Sniffer sniffer_;
  std::optional<PacketWriter> writer_;
  bool truncated_ = false;
  bool shows_progress_ = ::isatty(STDERR_FILENO) != 0 && !options_.output.json;
  Steady::time_point last_progress_ = Steady::now();
};

}  // namespace

int sniff_packets(const SniffOptions& options, const MakeTraffic& make) {
  return PacketRun(options, make).run();
}

}  // namespace tool
