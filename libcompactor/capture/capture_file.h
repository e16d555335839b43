// Capture files: pcap and pcapng, in either byte order, any number of sections and interfaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "capture/byte_source.h"
#include "capture/packet.h"
#include "compactor/error.h"

namespace compactor::capture {

/// A packet as captured. `bytes` are valid until the next one is read.
struct CapturedPacket {
  Time time;
  std::string_view bytes;
  std::size_t wire_length = 0;
  int link_type = 0;  // a DLT_ number
};

/// int64 nanoseconds end in the year 2262; a capture may claim anything.
Time to_time(std::int64_t seconds, std::uint64_t nanos);

/// The descriptor of a file, or of a copy of standard input (`-`). What opens it may have more
/// rights than what reads it. Throws CaptureError.
int open_capture(const std::string& path);
/// For messages: `standard input` for `-`.
std::string name_of_input(const std::string& path);

/// Reads the file from its beginning to its end, whatever is in it.
/// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html, …-pcapng-02.html
class CaptureFile {
 public:
  /// `name`: for messages. Throws CaptureError (file) when it is no capture.
  CaptureFile(ByteSource bytes, std::string name);

  enum class Read {
    packet,
    end,
    broken,  // trouble() says why: a cut tail, a damaged record
  };
  Read next(CapturedPacket& packet);
  const std::string& trouble() const { return trouble_; }

  /// Link types of the interfaces seen so far, each once, in order; one for a pcap file.
  const std::vector<int>& link_types() const { return link_types_; }
  /// Packets left out because the link type of their interface is not known here.
  std::uint64_t unknown_link() const { return unknown_link_; }
  /// Bytes of the file read so far.
  std::uint64_t read_bytes() const { return bytes_.read_bytes(); }

 private:
  /// How the packets of an interface are to be read.
  struct Interface {
    int link_type = 0;
    std::uint32_t snaplen = 0;  // 0: no limit
    // A unit of its timestamps in nanoseconds is numerator / denominator.
    std::uint64_t numerator = 1'000;
    std::uint64_t denominator = 1;
    std::int64_t offset_s = 0;
  };

  std::uint16_t u16(std::string_view bytes, std::size_t at) const;
  std::uint32_t u32(std::string_view bytes, std::size_t at) const;
  void check_first_section();
  void read_pcap_header();
  Read next_pcap(CapturedPacket& packet);
  Read next_pcapng(CapturedPacket& packet);
  // Of a block: true when it is a packet, which is then filled in. Else there is trouble(), or it
  // is none that can be read.
  bool read_block(std::uint32_t type, std::string_view body, CapturedPacket& packet);
  bool read_section(std::string_view head);
  bool read_interface(std::string_view body);
  void read_option(Interface& interface, unsigned code, std::string_view value);
  bool read_enhanced(std::string_view body, CapturedPacket& packet);
  bool read_obsolete(std::string_view body, CapturedPacket& packet);
  bool read_simple(std::string_view body, CapturedPacket& packet);
  bool packet_of(std::uint32_t interface, std::uint64_t stamp, std::string_view data,
                 std::uint32_t captured, std::uint32_t wire, CapturedPacket& packet);
  Read ended(std::string_view rest);
  Read broken(const std::string& why);
  bool damaged(const std::string& why);
  void add(const Interface& interface);

  ByteSource bytes_;
  std::string name_;
  std::string trouble_;
  bool is_pcapng_ = false;
  bool big_endian_ = false;
  std::size_t record_header_ = 16;     // pcap
  std::vector<Interface> interfaces_;  // of the section; pcap has one
  std::vector<int> link_types_;
  std::size_t consume_ = 0;  // bytes of the packet handed out last
  Time last_{};              // of the packet before: simple packets have no time of their own
  std::uint64_t unknown_link_ = 0;
};

}  // namespace compactor::capture
