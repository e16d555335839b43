#include "capture/source.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "capture/dissector.h"

namespace compactor::capture {
namespace {

using Kind = CaptureError::Kind;

/// Of a capture file: the few KiB of the C library's own would be a system call for every other
/// packet.
constexpr std::size_t kFileBuffer = std::size_t{64} << 10;

/// int64 nanoseconds end in the year 2262; a file may claim anything.
Time to_time(const timeval& stamp) {
  constexpr std::int64_t kLast = 9'223'372'035;
  const std::int64_t seconds = std::clamp<std::int64_t>(stamp.tv_sec, 0, kLast);
  const std::int64_t nanos = std::clamp<std::int64_t>(stamp.tv_usec, 0, 999'999'999);
  return Time(std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanos});
}

void require_known(int link_type, const std::string& name) {
  if (is_known_link_type(link_type)) return;
  const char* text = pcap_datalink_val_to_name(link_type);
  throw CaptureError(Kind::file,
                     name + ": link type " + (text != nullptr ? text : std::to_string(link_type)) +
                         " is not supported (" + std::string(known_link_types()) + " are)");
}

std::string with_detail(const char* handle_error, const std::string& otherwise) {
  return handle_error != nullptr && *handle_error != '\0' ? handle_error : otherwise;
}

std::string name_of_input(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

/// A descriptor behind a FILE, as libpcap wants one, each read of which can be called off.
struct Interruptible {
  int descriptor;
  Source::Wait wait;

  static ssize_t read(void* cookie, char* bytes, std::size_t size) {
    auto& self = *static_cast<Interruptible*>(cookie);
    return self.wait(self.descriptor) ? ::read(self.descriptor, bytes, size) : 0;
  }
  static int close(void* cookie) {
    const std::unique_ptr<Interruptible> self(static_cast<Interruptible*>(cookie));
    return ::close(self->descriptor);
  }
};

std::FILE* open_interruptible(int descriptor, Source::Wait wait) {
  auto cookie = std::make_unique<Interruptible>(Interruptible{descriptor, std::move(wait)});
  std::FILE* file = ::fopencookie(cookie.get(), "rb",
                                  {Interruptible::read, nullptr, nullptr, Interruptible::close});
  if (file == nullptr) {
    ::close(descriptor);
  } else {
    static_cast<void>(cookie.release());
  }
  return file;
}

}  // namespace

void Source::Closer::operator()(pcap* handle) const {
  pcap_close(handle);
}

Source::Source(pcap* handle, bool live, std::string name)
    : handle_(handle), live_(live), name_(std::move(name)) {}

Source::~Source() = default;
Source::Source(Source&&) noexcept = default;

int Source::open_descriptor(const std::string& path) {
  const bool is_stdin = path == "-";
  const int descriptor =
      is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw CaptureError(Kind::file, name_of_input(path) + ": " + std::strerror(errno));
  return descriptor;
}

Source Source::open_file(const std::string& path, Wait wait) {
  return read_descriptor(open_descriptor(path), path, std::move(wait));
}

Source Source::read_descriptor(int descriptor, const std::string& path, Wait wait) {
  char error[PCAP_ERRBUF_SIZE] = "";
  const std::string name = name_of_input(path);
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  std::FILE* file = regular || !wait ? ::fdopen(descriptor, "rb")
                                     : open_interruptible(descriptor, std::move(wait));
  if (file == nullptr) throw CaptureError(Kind::file, name + ": " + std::strerror(errno));
  auto buffer = std::make_unique<char[]>(kFileBuffer);
  std::setvbuf(file, buffer.get(), _IOFBF, kFileBuffer);
  pcap* handle = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
  if (handle == nullptr) {
    const bool unreadable = std::ferror(file) != 0;
    std::fclose(file);
    throw CaptureError(Kind::file, name + (unreadable ? ": " : ": not a capture: ") + error);
  }
  Source source(handle, false, name);
  source.buffer_ = std::move(buffer);
  if (regular) source.file_size_ = static_cast<std::uint64_t>(status.st_size);
  require_known(source.link_type(), name);
  return source;
}

Source Source::open_live(const LiveOptions& options) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap* handle = pcap_create(options.device.c_str(), error);
  if (handle == nullptr) throw CaptureError(Kind::device, options.device + ": " + error);
  Source source(handle, true, options.device);
  pcap_set_snaplen(handle, static_cast<int>(options.snaplen));
  pcap_set_buffer_size(handle, static_cast<int>(options.buffer));
  pcap_set_immediate_mode(handle, 1);
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
  const int result = pcap_activate(handle);
  if (result < 0) {
    const bool denied =
        result == PCAP_ERROR_PERM_DENIED || result == PCAP_ERROR_PROMISC_PERM_DENIED;
    throw CaptureError(
        denied ? Kind::permission : Kind::device,
        options.device + ": " + with_detail(pcap_geterr(handle), pcap_statustostr(result)));
  }
  require_known(source.link_type(), options.device);
  if (pcap_setnonblock(handle, 1, error) != 0)
    throw CaptureError(Kind::device, options.device + ": " + error);
  return source;
}

void Source::set_filter(const std::string& expression) {
  bpf_program program{};
  if (pcap_compile(handle_.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw CaptureError(Kind::filter, "filter `" + expression + "`: " + pcap_geterr(handle_.get()));
  const int result = pcap_setfilter(handle_.get(), &program);
  pcap_freecode(&program);
  if (result != 0) throw CaptureError(Kind::device, name_ + ": " + pcap_geterr(handle_.get()));
}

int Source::link_type() const {
  return pcap_datalink(handle_.get());
}

Source::Read Source::next(CapturedPacket& packet) {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  switch (pcap_next_ex(handle_.get(), &header, &bytes)) {
    case 1:
      break;
    case 0:
      return Read::nothing;
    case PCAP_ERROR_BREAK:
      return Read::end;
    default:
      trouble_ = name_ + ": " + pcap_geterr(handle_.get());
      return Read::broken;
  }
  timeval stamp = header->ts;
  // Some capture devices have no nanoseconds whatever was asked for.
  if (pcap_get_tstamp_precision(handle_.get()) == PCAP_TSTAMP_PRECISION_MICRO)
    stamp.tv_usec *= 1000;
  packet.time = to_time(stamp);
  packet.bytes = {reinterpret_cast<const char*>(bytes), header->caplen};  // NOLINT: bytes are bytes
  packet.wire_length = header->len;
  return Read::packet;
}

std::optional<double> Source::progress() const {
  if (file_size_ == 0) return std::nullopt;
  const auto read = std::ftell(pcap_file(handle_.get()));
  return static_cast<double>(read) / static_cast<double>(file_size_);
}

int Source::descriptor() const {
  return pcap_get_selectable_fd(handle_.get());
}

std::uint64_t Source::dropped() const {
  pcap_stat stats{};
  if (!live_ || pcap_stats(handle_.get(), &stats) != 0) return 0;
  return std::uint64_t{stats.ps_drop} + stats.ps_ifdrop;
}

bool can_carry_vlan(int link_type) {
  return link_type == DLT_EN10MB;
}

std::string make_filter(const std::string& filter, const std::vector<std::uint16_t>& ports,
                        bool vlan) {
  std::string any;
  for (const std::uint16_t port : ports)
    any += (any.empty() ? "tcp port " : " or tcp port ") + std::to_string(port);
  if (ports.empty()) return filter;
  // `vlan` shifts where all that follows it in the expression looks, hence innermost last.
  if (vlan) any = any + " or (vlan and (" + any + " or (vlan and (" + any + "))))";
  return filter.empty() ? any : "(" + filter + ") and (" + any + ")";
}

std::vector<Device> list_devices() {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t* all = nullptr;
  if (pcap_findalldevs(&all, error) != 0) throw CaptureError(Kind::permission, error);
  std::vector<Device> devices;
  for (const pcap_if_t* each = all; each != nullptr; each = each->next) {
    Device device{each->name,
                  each->description != nullptr ? each->description : "",
                  {},
                  (each->flags & PCAP_IF_UP) != 0,
                  (each->flags & PCAP_IF_LOOPBACK) != 0};
    for (const pcap_addr* at = each->addresses; at != nullptr; at = at->next) {
      char text[INET6_ADDRSTRLEN] = "";
      if (at->addr == nullptr) continue;
      if (at->addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->addr)->sin_addr,
                  text,  // NOLINT
                  sizeof text);
      if (at->addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(at->addr)->sin6_addr,  // NOLINT
                  text, sizeof text);
      if (*text != '\0') device.addresses.emplace_back(text);
    }
    devices.push_back(std::move(device));
  }
  pcap_freealldevs(all);
  return devices;
}

}  // namespace compactor::capture
