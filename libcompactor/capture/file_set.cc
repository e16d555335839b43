#include "capture/file_set.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "capture/capture_error.h"
#include "capture/clocks.h"
#include "capture/packet_identity.h"

namespace compactor::capture {

bool Duplicates::is_known(std::size_t file, const Segment& segment, Time time) {
  forget(time);
  const std::uint64_t identity = identity_of(segment);
  const auto [found, fresh] = seen_.try_emplace(identity);
  if (fresh) by_age_.push_back({identity, time});
  Seen& seen = found->second;
  if (seen.of_file.size() <= file) seen.of_file.resize(file + 1);
  if (++seen.of_file[file] <= seen.handed_out) return true;
  ++seen.handed_out;
  return false;
}

void Duplicates::forget(Time now) {
  constexpr auto kRemembered =
      std::chrono::seconds{5};  // what clocks may be apart when they are left
  constexpr std::size_t kMost = 1'000'000;
  while (!by_age_.empty() && (now - by_age_.front().time > kRemembered || by_age_.size() > kMost)) {
    seen_.erase(by_age_.front().identity);
    by_age_.pop_front();
  }
}

struct FileSet::File {
  File(Input input, std::size_t number, const ByteSource::Wait& before_read)
      : index(number),
        descriptor(input.descriptor),
        looked_at(std::move(input.bytes)),
        report{.name = name_of_input(input.name)} {
    struct stat status {};
    regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (regular) size = static_cast<std::uint64_t>(status.st_size);
    if (!regular) wait = before_read;
  }
  ~File() { ::close(descriptor); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// From its beginning.
  void open() {
    capture.emplace(
        looked_at ? *std::exchange(looked_at, std::nullopt) : ByteSource(::dup(descriptor), wait),
        report.name);
  }
  void rewind() {
    capture.reset();
    ::lseek(descriptor, 0, SEEK_SET);
  }

  std::size_t index;
  int descriptor;
  bool regular = false;
  std::uint64_t size = 0;
  ByteSource::Wait wait;
  std::optional<ByteSource> looked_at;
  std::optional<CaptureFile> capture;
  CapturedPacket pending;  // the next one of it
  FileReport report;
};

/// For a heap, whose front is what comes last by this.
bool FileSet::Later::operator()(const File* a, const File* b) const {
  return std::pair(a->pending.time, a->index) > std::pair(b->pending.time, b->index);
}

FileSet::FileSet(std::vector<Input> inputs, Options options) : options_(std::move(options)) {
  for (Input& input : inputs)
    files_.push_back(std::make_unique<File>(std::move(input), files_.size(), options_.wait));
  files_.front()->report.clock_offset = std::chrono::nanoseconds{0};
  if (files_.size() > 1 && options_.fix_clocks) compare_clocks();
  for (const auto& file : files_) {
    file->open();
    advance(*file);
  }
}

FileSet::~FileSet() = default;

void FileSet::compare_clocks() {
  constexpr int kBetweenLooks = 4096;
  const auto can_be_read_twice = [](const auto& file) { return file->regular; };
  if (!std::all_of(files_.begin(), files_.end(), can_be_read_twice)) return;
  Clocks clocks(files_.size());
  Dissector dissector;
  int packets = 0;
  bool goes_on = true;
  for (const auto& file : files_) {
    file->open();
    CapturedPacket packet;
    Segment segment;
    while (goes_on && file->capture->next(packet) == Read::packet) {
      if (++packets % kBetweenLooks == 0 && options_.goes_on) goes_on = options_.goes_on();
      const Packet what =
          dissector.read(packet.link_type, packet.bytes, packet.wire_length, packet.time, segment);
      if (what == Packet::tcp) clocks.add(file->index, segment, packet.time);
    }
    file->rewind();
  }
  const auto offsets = clocks.offsets();
  for (const auto& file : files_) file->report.clock_offset = offsets[file->index];
}

/// Reads the next packet of a file; one that has none is not in the heap any more.
void FileSet::advance(File& file) {
  switch (file.capture->next(file.pending)) {
    case Read::packet:
      break;
    case Read::broken:
      troubles_.push_back(file.capture->trouble());
      return;
    case Read::end:
      return;
  }
  file.pending.time -= file.report.clock_offset.value_or(std::chrono::nanoseconds{0});
  FileReport& report = file.report;
  if (report.packets++ == 0) report.first = report.last = file.pending.time;
  report.first = std::min(report.first, file.pending.time);
  report.last = std::max(report.last, file.pending.time);
  heap_.push_back(&file);
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

FileSet::Read FileSet::next(CapturedPacket& packet) {
  for (;;) {
    if (handed_out_ != nullptr) advance(*std::exchange(handed_out_, nullptr));
    if (!troubles_.empty()) {
      trouble_ = std::move(troubles_.back());
      troubles_.pop_back();
      return Read::broken;
    }
    if (heap_.empty()) return Read::end;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    handed_out_ = heap_.back();
    heap_.pop_back();
    packet = handed_out_->pending;
    if (files_.size() == 1) return Read::packet;
    Segment segment;
    const Packet what =
        dissector_.read(packet.link_type, packet.bytes, packet.wire_length, packet.time, segment);
    if (what != Packet::tcp || !duplicate_.is_known(handed_out_->index, segment, packet.time))
      return Read::packet;
    ++duplicates_;
  }
}

std::vector<int> FileSet::link_types() const {
  std::vector<int> all;
  for (const auto& file : files_) {
    const auto& types = file->capture->link_types();
    all.insert(all.end(), types.begin(), types.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<FileReport> FileSet::reports() const {
  std::vector<FileReport> all;
  all.reserve(files_.size());
  for (const auto& file : files_) all.push_back(file->report);
  return all;
}

std::uint64_t FileSet::unknown_link() const {
  std::uint64_t all = 0;
  for (const auto& file : files_) all += file->capture->unknown_link();
  return all;
}

std::optional<double> FileSet::progress() const {
  std::uint64_t read = 0;
  std::uint64_t size = 0;
  for (const auto& file : files_) {
    if (!file->regular) return std::nullopt;
    read += file->capture->read_bytes();
    size += file->size;
  }
  return size == 0 ? 1 : static_cast<double>(read) / static_cast<double>(size);
}

}  // namespace compactor::capture
