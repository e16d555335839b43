#include "capture/packet_writer.h"

#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace compactor::capture {
namespace {

using Kind = CaptureError::Kind;

/// What the head of a file says; no packet is cut to it.
constexpr int kSnaplen = 262'144;
/// Of the files that are there already so many are looked at.
constexpr std::uint64_t kLookedAt = 10'000;

timeval to_timeval(Time time) {
  const std::int64_t nanos = time.time_since_epoch().count();
  return {nanos / 1'000'000'000, nanos % 1'000'000'000};
}

/// What fopencookie(3) calls.
ssize_t write_to_sink(void* sink, const char* bytes, std::size_t size) {
  (*static_cast<const std::function<void(std::string_view)>*>(sink))({bytes, size});
  return static_cast<ssize_t>(size);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void PacketWriter::Closer::operator()(pcap_dumper* file) const {
  pcap_dump_close(file);
}

void PacketWriter::HandleCloser::operator()(pcap* handle) const {
  pcap_close(handle);
}

PacketWriter::PacketWriter(WriterOptions options, std::optional<OutputFile> first)
    : options_(std::move(options)),
      handle_(pcap_open_dead_with_tstamp_precision(options_.link_type, kSnaplen,
                                                   PCAP_TSTAMP_PRECISION_NANO)) {
  if (options_.max_age.count() > 0)
    began_ =
        std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  if (options_.sink) {
    open_sink();
    return;
  }
  open_path_ = file_name(0);
  first ? open(*std::move(first)) : open();
  if (options_.rotates()) check_names_to_come();
}

PacketWriter::~PacketWriter() = default;

bool PacketWriter::write(const CapturedPacket& packet) {
  if (packet.link_type != options_.link_type)
    throw CaptureError(Kind::file,
                       open_path_ + ": packets of several link types do not go into one pcap file");
  if (!rotate(packet.time)) return false;
  pcap_pkthdr header{};
  header.ts = to_timeval(packet.time);
  header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
  header.len = static_cast<bpf_u_int32>(packet.wire_length);
  pcap_dump(reinterpret_cast<u_char*>(file_.get()), &header,        // NOLINT: libpcap's API
            reinterpret_cast<const u_char*>(packet.bytes.data()));  // NOLINT
  if (options_.flush) {
    flush();
  } else {
    check();
  }
  return true;
}

void PacketWriter::flush() {
  pcap_dump_flush(file_.get());
  check();
}

/// Begins the next file if it is time; false when there may be none.
bool PacketWriter::rotate(Time now) {
  const bool old = options_.max_age.count() > 0 && now - began_ >= options_.max_age;
  const bool large = options_.max_size > 0 &&
                     static_cast<std::uint64_t>(pcap_dump_ftell(file_.get())) >= options_.max_size;
  if (!old && !large) return true;
  const bool by_age_alone = options_.max_age.count() > 0 && options_.max_size == 0;
  if (by_age_alone && options_.max_files > 0 && files_ >= options_.max_files) return false;
  if (old) began_ = now;
  size_index_ = old ? 0 : size_index_ + 1;
  const bool ring = options_.max_files > 0 && options_.max_size > 0;
  if (ring) size_index_ %= options_.max_files;
  open();
  return true;
}

std::string PacketWriter::file_name(std::uint64_t index) const {
  std::string name = options_.path;
  if (options_.max_age.count() > 0) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(began_));
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[4096];
    // 0 is also what an empty result gives: then the name stays as it is.
    if (const std::size_t size = std::strftime(text, sizeof text, name.c_str(), &local); size > 0)
      name.assign(text, size);
  }
  if (options_.max_size == 0) return name;
  const bool ring = options_.max_files > 0;
  if (!ring) return index == 0 ? name : name + std::to_string(index);
  const std::string number = std::to_string(index);
  const std::size_t digits = std::to_string(options_.max_files - 1).size();
  return name + std::string(digits - std::min(digits, number.size()), '0') + number;
}

void PacketWriter::open() {
  if (file_) flush();  // closing it would not say what could not be written
  file_.reset();
  open_path_ = file_name(size_index_);
  open(OutputFile(open_path_, options_.in_use));
}

void PacketWriter::open(OutputFile file) {
  file.empty();
  std::FILE* stream = ::fdopen(file.descriptor(), "wb");
  if (stream == nullptr) throw CaptureError(Kind::file, open_path_ + ": " + std::strerror(errno));
  static_cast<void>(file.release());
  open(stream);
}

void PacketWriter::open_sink() {
  options_.flush = true;
  open_path_ = "standard output";
  std::FILE* stream =
      ::fopencookie(&options_.sink, "wb", {nullptr, write_to_sink, nullptr, nullptr});
  if (stream == nullptr) throw CaptureError(Kind::file, open_path_ + ": " + std::strerror(errno));
  open(stream);
  flush();
}

void PacketWriter::open(std::FILE* stream) {
  file_.reset(pcap_dump_fopen(handle_.get(), stream));
  if (!file_) throw CaptureError(Kind::file, pcap_geterr(handle_.get()));
  ++files_;
}

/// Better now than in the night.
void PacketWriter::check_names_to_come() const {
  const std::string folder = folder_of(open_path_);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw CaptureError(Kind::file, folder + ": cannot make files there: " + std::strerror(errno));
  if (options_.max_size == 0) return;
  const std::uint64_t files = options_.max_files > 0 ? options_.max_files : kLookedAt;
  for (std::uint64_t index = 1; index < std::min(files, kLookedAt); ++index) {
    const std::string name = file_name(index);
    if (::access(name.c_str(), W_OK) == 0) continue;
    if (errno == ENOENT && options_.max_files == 0) return;  // tcpdump leaves no gaps
    if (errno != ENOENT)
      throw CaptureError(Kind::file, name + ": cannot write: " + std::strerror(errno));
  }
}

/// libpcap does not say that a write failed; the stream below does.
void PacketWriter::check() const {
  if (std::ferror(pcap_dump_file(file_.get())) != 0)
    throw CaptureError(Kind::file, open_path_ + ": cannot write: " + std::strerror(errno));
}

}  // namespace compactor::capture
