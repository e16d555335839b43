#include "capture/capture_file.h"

#include <fcntl.h>
#include <pcap/dlt.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "capture/capture_error.h"
#include "capture/dissector.h"

namespace compactor::capture {
namespace {

using Kind = CaptureError::Kind;

/// Larger records and blocks are damaged ones.
constexpr std::uint32_t kLargestRecord = std::uint32_t{64} << 20;
/// Of a section: what the number in a packet could say when it had 16 bits.
constexpr std::size_t kMostInterfaces = 65'536;

constexpr std::uint32_t kPcapMicro = 0xa1b2c3d4;
constexpr std::uint32_t kPcapNano = 0xa1b23c4d;
constexpr std::uint32_t kPcapModified = 0xa1b2cd34;  // of a libpcap with longer record headers
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;

// Blocks of pcapng.
constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kObsoletePacket = 2;
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
// Options of an interface.
constexpr unsigned kResolution = 9;
constexpr unsigned kTimeOffset = 14;

std::size_t padded(std::size_t size) {
  return (size + 3) / 4 * 4;
}

std::uint32_t swapped(std::uint32_t value) {
  return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

/// The numbers in files are those of libpcap, but for a few that differ between systems.
int to_dlt(std::uint32_t link_type) {
  constexpr std::uint32_t kLinkTypeRaw = 101;
  const std::uint32_t number = link_type & 0xffff;  // above it: how frames are checked
  const bool raw = number == kLinkTypeRaw || number == 14;
  return raw ? DLT_RAW : static_cast<int>(number);
}

}  // namespace

Time to_time(std::int64_t seconds, std::uint64_t nanos) {
  constexpr std::int64_t kLast = 9'223'372'035;
  return Time(std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, kLast)} +
              std::chrono::nanoseconds{std::min<std::uint64_t>(nanos, 999'999'999)});
}

int open_capture(const std::string& path) {
  const bool is_stdin = path == "-";
  const int descriptor =
      is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw CaptureError(Kind::file, name_of_input(path) + ": " + std::strerror(errno));
  return descriptor;
}

std::string name_of_input(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

CaptureFile::CaptureFile(ByteSource bytes, std::string name)
    : bytes_(std::move(bytes)), name_(std::move(name)) {
  const std::string_view magic = bytes_.peek(4);
  const std::uint32_t number = magic.size() < 4 ? 0 : u32(magic, 0);
  const auto is = [&](std::uint32_t wanted) {
    big_endian_ = number == swapped(wanted);
    return number == wanted || big_endian_;
  };
  is_pcapng_ = number == kSection;
  if (is_pcapng_) {
    check_first_section();
    return;
  }
  if (is(kPcapMicro) || is(kPcapNano) || is(kPcapModified)) {
    read_pcap_header();
    return;
  }
  std::string why = magic.empty() ? "it is empty" : "it does not begin as pcap or pcapng do";
  if (!bytes_.trouble().empty()) why = bytes_.trouble();
  throw CaptureError(Kind::file, name_ + ": not a capture: " + why);
}

std::uint16_t CaptureFile::u16(std::string_view bytes, std::size_t at) const {
  const auto first = static_cast<std::uint8_t>(bytes[at]);
  const auto second = static_cast<std::uint8_t>(bytes[at + 1]);
  return static_cast<std::uint16_t>(big_endian_ ? first << 8 | second : second << 8 | first);
}

std::uint32_t CaptureFile::u32(std::string_view bytes, std::size_t at) const {
  const std::uint32_t first = u16(bytes, at);
  const std::uint32_t second = u16(bytes, at + 2);
  return big_endian_ ? first << 16 | second : second << 16 | first;
}

/// Of those that come later a damaged one is told, and ends the reading.
void CaptureFile::check_first_section() {
  constexpr std::size_t kAsFarAsVersion = 16;
  const std::string_view head = bytes_.peek(kAsFarAsVersion);
  if (head.size() < kAsFarAsVersion || !read_section(head)) return;
  if (const unsigned major = u16(head, 12); major != 1) {
    throw CaptureError(Kind::file, name_ + ": not a capture: its version is " +
                                       std::to_string(major) + "." + std::to_string(u16(head, 14)) +
                                       ", and pcapng has 1.0");
  }
}

void CaptureFile::read_pcap_header() {
  constexpr std::size_t kHeader = 24;
  const std::string_view header = bytes_.peek(kHeader);
  if (header.size() < kHeader)
    throw CaptureError(Kind::file, name_ + ": not a capture: it ends within the first 24 bytes");
  const std::uint32_t magic = u32(header, 0);
  const unsigned major = u16(header, 4), minor = u16(header, 6);
  // 2.4 for decades; before it the lengths of a packet changed places. 543.0 was an agent of NFR.
  if ((major != 2 || minor > 4) && (major != 543 || minor != 0)) {
    throw CaptureError(Kind::file, name_ + ": not a capture: its version is " +
                                       std::to_string(major) + "." + std::to_string(minor) +
                                       ", and pcap has 2.4");
  }
  Interface interface;
  interface.link_type = to_dlt(u32(header, 20));
  require_link_type(interface.link_type, name_);
  interface.numerator = magic == kPcapNano ? 1 : 1'000;
  if (magic == kPcapModified) record_header_ = 24;
  add(interface);
  bytes_.consume(kHeader);
}

void CaptureFile::add(const Interface& interface) {
  interfaces_.push_back(interface);
  const int link_type = interface.link_type;
  if (std::find(link_types_.begin(), link_types_.end(), link_type) == link_types_.end())
    link_types_.push_back(link_type);
}

CaptureFile::Read CaptureFile::next(CapturedPacket& packet) {
  bytes_.consume(std::exchange(consume_, 0));
  if (!trouble_.empty()) return Read::broken;
  return is_pcapng_ ? next_pcapng(packet) : next_pcap(packet);
}

CaptureFile::Read CaptureFile::ended(std::string_view rest) {
  if (!bytes_.trouble().empty()) return broken(bytes_.trouble());
  if (rest.empty() || bytes_.called_off()) return Read::end;
  return broken("the file ends in the middle of a packet");
}

CaptureFile::Read CaptureFile::broken(const std::string& why) {
  trouble_ = name_ + ": " + why;
  return Read::broken;
}

bool CaptureFile::damaged(const std::string& why) {
  broken(why);
  return false;
}

CaptureFile::Read CaptureFile::next_pcap(CapturedPacket& packet) {
  std::string_view rest = bytes_.peek(record_header_);
  if (rest.size() < record_header_) return ended(rest);
  const std::uint32_t captured = u32(rest, 8);
  if (captured > kLargestRecord)
    return broken("a damaged record: it claims " + std::to_string(captured) + " bytes");
  const std::size_t size = record_header_ + captured;
  rest = bytes_.peek(size);
  if (rest.size() < size) return ended(rest);
  const Interface& interface = interfaces_.front();
  packet.time = to_time(u32(rest, 0), std::uint64_t{u32(rest, 4)} * interface.numerator);
  packet.bytes = rest.substr(record_header_, captured);
  packet.wire_length = std::max(u32(rest, 12), captured);
  packet.link_type = interface.link_type;
  consume_ = size;
  return Read::packet;
}

CaptureFile::Read CaptureFile::next_pcapng(CapturedPacket& packet) {
  constexpr std::size_t kHead = 8;
  constexpr std::size_t kAround = 12;  // type, length, and the length once more
  for (;;) {
    std::string_view block = bytes_.peek(kAround);
    if (block.size() < kAround) return ended(block);
    const std::uint32_t type = u32(block, 0);
    if (type == kSection && !read_section(block)) return broken("a section without a byte order");
    const std::uint32_t length = u32(block, 4);
    if (length < kAround || length % 4 != 0 || length > kLargestRecord)
      return broken("a damaged block: it claims " + std::to_string(length) + " bytes");
    block = bytes_.peek(length);
    if (block.size() < length) return ended(block);
    consume_ = length;
    if (read_block(type, block.substr(kHead, length - kAround), packet)) return Read::packet;
    if (!trouble_.empty()) return Read::broken;
    bytes_.consume(std::exchange(consume_, 0));
  }
}

bool CaptureFile::read_block(std::uint32_t type, std::string_view body, CapturedPacket& packet) {
  switch (type) {
    case kInterface:
      return read_interface(body);
    case kEnhancedPacket:
      return read_enhanced(body, packet);
    case kObsoletePacket:
      return read_obsolete(body, packet);
    case kSimplePacket:
      return read_simple(body, packet);
    default:
      return false;
  }
}

/// Each section has its own byte order and its own interfaces.
bool CaptureFile::read_section(std::string_view head) {
  big_endian_ = false;
  if (u32(head, 8) != kByteOrder) {
    big_endian_ = true;
    if (u32(head, 8) != kByteOrder) return false;
  }
  interfaces_.clear();
  return true;
}

bool CaptureFile::read_interface(std::string_view body) {
  if (interfaces_.size() == kMostInterfaces)
    return damaged("more than " + std::to_string(kMostInterfaces) + " interfaces in a section");
  constexpr std::size_t kFixed = 8;
  Interface interface;
  if (body.size() >= kFixed) {
    interface.link_type = to_dlt(u16(body, 0));
    interface.snaplen = u32(body, 4);
    body.remove_prefix(kFixed);
  }
  while (body.size() >= 4) {
    const unsigned code = u16(body, 0);
    const std::size_t size = u16(body, 2);
    if (code == 0 || 4 + size > body.size()) break;
    read_option(interface, code, body.substr(4, size));
    body.remove_prefix(std::min(body.size(), 4 + padded(size)));
  }
  add(interface);
  return false;
}

void CaptureFile::read_option(Interface& interface, unsigned code, std::string_view value) {
  if (code == kTimeOffset && value.size() == 8) {
    const std::uint64_t low = u32(value, big_endian_ ? 4 : 0);
    const std::uint64_t high = u32(value, big_endian_ ? 0 : 4);
    interface.offset_s = static_cast<std::int64_t>(high << 32 | low);
  }
  if (code != kResolution || value.size() != 1) return;
  // A negative power of 10, or of 2.
  const auto exponent = static_cast<std::uint8_t>(value[0]);
  interface.numerator = 1'000'000'000;
  interface.denominator = 1;
  if ((exponent & 0x80) != 0) {
    interface.denominator = std::uint64_t{1} << std::min(exponent & 0x7f, 63);
    return;
  }
  for (int i = 0; i < std::min<int>(exponent, 18); ++i) interface.denominator *= 10;
}

bool CaptureFile::read_enhanced(std::string_view body, CapturedPacket& packet) {
  constexpr std::size_t kFixed = 20;
  if (body.size() < kFixed) return damaged("a damaged packet block");
  return packet_of(u32(body, 0), std::uint64_t{u32(body, 4)} << 32 | u32(body, 8),
                   body.substr(kFixed), u32(body, 12), u32(body, 16), packet);
}

bool CaptureFile::read_obsolete(std::string_view body, CapturedPacket& packet) {
  constexpr std::size_t kFixed = 20;
  if (body.size() < kFixed) return damaged("a damaged packet block");
  return packet_of(u16(body, 0), std::uint64_t{u32(body, 4)} << 32 | u32(body, 8),
                   body.substr(kFixed), u32(body, 12), u32(body, 16), packet);
}

/// Of the first interface; its time is not in the file.
bool CaptureFile::read_simple(std::string_view body, CapturedPacket& packet) {
  constexpr std::size_t kFixed = 4;
  if (body.size() < kFixed || interfaces_.empty()) return damaged("a damaged packet block");
  const std::uint32_t wire = u32(body, 0);
  const std::uint32_t snaplen = interfaces_.front().snaplen;
  const std::uint32_t captured = snaplen == 0 ? wire : std::min(wire, snaplen);
  const Time last = last_;
  const bool read = packet_of(0, 0, body.substr(kFixed), captured, wire, packet);
  packet.time = last_ = last;
  return read;
}

bool CaptureFile::packet_of(std::uint32_t number, std::uint64_t stamp, std::string_view data,
                            std::uint32_t captured, std::uint32_t wire, CapturedPacket& packet) {
  if (number >= interfaces_.size())
    return damaged("a packet of an interface that is not described");
  if (captured > data.size()) return damaged("a damaged packet block");
  const Interface& interface = interfaces_[number];
  if (!is_known_link_type(interface.link_type)) {
    ++unknown_link_;
    return false;
  }
  // 128 bits: a unit may be smaller than a nanosecond, or a second.
  __extension__ using Wide = unsigned __int128;
  const Wide nanos = Wide{stamp} * interface.numerator / interface.denominator;
  const auto seconds =
      static_cast<std::int64_t>(std::min<Wide>(nanos / 1'000'000'000, std::uint64_t{1} << 40));
  packet.time =
      to_time(seconds + std::clamp<std::int64_t>(interface.offset_s, -(std::int64_t{1} << 40),
                                                 std::int64_t{1} << 40),
              static_cast<std::uint64_t>(nanos % 1'000'000'000));
  last_ = packet.time;
  packet.bytes = data.substr(0, captured);
  packet.wire_length = std::max(wire, captured);
  packet.link_type = interface.link_type;
  return true;
}

}  // namespace compactor::capture
