// Where packets come from: a capture file or a network interface, by libpcap; and where they are
// kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/packet.h"
#include "compactor/error.h"

struct pcap;
struct pcap_dumper;

namespace compactor::capture {

/// A capture that cannot be opened, read, filtered or written. The text is for the user, without
/// the name of the program.
class CaptureError : public Error {
 public:
  enum class Kind {
    file,        // not there, not readable, not a capture, not writable
    device,      // no such interface, or it is down
    permission,  // to capture
    filter,      // the expression is wrong
  };
  CaptureError(Kind kind, const std::string& what) : Error(what), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

/// A packet as captured. `bytes` are valid until the next one is read.
struct CapturedPacket {
  Time time;
  std::string_view bytes;
  std::size_t wire_length = 0;
};

struct LiveOptions {
  std::string device = "any";
  std::size_t snaplen = 262'144;
  std::size_t buffer = std::size_t{32} << 20;  // the kernel's
};

class Source {
 public:
  /// Before a read that may block, with the descriptor: false ends the capture there.
  using Wait = std::function<bool(int descriptor)>;

  /// pcap or pcapng; `-` is standard input. `wait` is for what is no regular file (a pipe). Throws
  /// CaptureError.
  static Source open_file(const std::string& path, Wait wait = {});
  /// Packets are handed out as they come, with nanoseconds where the kernel has them. Throws
  /// CaptureError.
  static Source open_live(const LiveOptions& options);
  ~Source();
  Source(Source&&) noexcept;

  /// A pcap filter (pcap-filter(7)). Throws CaptureError.
  void set_filter(const std::string& expression);
  int link_type() const;

  enum class Read {
    packet,
    nothing,  // live: none at the moment; wait for descriptor()
    end,
    broken,  // trouble() says why: a cut tail, a damaged record, an interface that went down
  };
  Read next(CapturedPacket& packet);
  const std::string& trouble() const { return trouble_; }

  bool is_live() const { return live_; }
  /// How much of a regular file has been read, 0 to 1; 0 for anything else.
  double progress() const;
  /// Live: readable when there are packets; -1 when it cannot be waited for.
  int descriptor() const;
  /// Packets that the kernel had no room for, or the interface lost; 0 for a file.
  std::uint64_t dropped() const;

 private:
  friend class PacketWriter;
  struct Closer {
    void operator()(pcap* handle) const;
  };
  Source(pcap* handle, bool live, std::string name);

  std::unique_ptr<char[]> buffer_;  // of the file; outlives its handle
  std::unique_ptr<pcap, Closer> handle_;
  std::uint64_t file_size_ = 0;
  bool live_;
  std::string name_;
  std::string trouble_;
};

/// `(FILTER) and (tcp port A or tcp port B)`, the ports also under one or two VLAN tags. Empty when
/// there is nothing to filter. `vlan`: the link type can carry tags; else a filter that names them
/// is an error of libpcap.
std::string make_filter(const std::string& filter, const std::vector<std::uint16_t>& ports,
                        bool vlan);
bool can_carry_vlan(int link_type);

struct WriterOptions {
  std::string path;
  std::uint64_t max_size = 0;       // begin a new file behind so many bytes; 0: never
  std::chrono::seconds max_age{0};  // … after so long, the name taken through strftime(3); 0: never
  std::uint64_t max_files =
      0;               // by size: a ring of so many; by age alone: end after so many; 0: any number
  bool flush = false;  // after each packet
};

/// Keeps packets as they came, in files that tcpdump and Wireshark read. Names as tcpdump's: PATH,
/// PATH1, PATH2 …; in a ring PATH0 … with as many digits as the last needs. Throws CaptureError
/// when a file cannot be written.
class PacketWriter {
 public:
  PacketWriter(const Source& source, WriterOptions options);
  ~PacketWriter();
  PacketWriter(const PacketWriter&) = delete;
  PacketWriter& operator=(const PacketWriter&) = delete;

  /// False when the last file allowed is full and this packet has not been kept.
  bool write(const CapturedPacket& packet);
  void flush();

 private:
  struct Closer {
    void operator()(pcap_dumper* file) const;
  };
  bool rotate(Time now);
  std::string file_name() const;
  void open();
  void check() const;

  const Source& source_;
  WriterOptions options_;
  std::unique_ptr<pcap_dumper, Closer> file_;
  std::string open_path_;
  Time began_{};                  // of the period
  std::uint64_t size_index_ = 0;  // of the file within the period
  std::uint64_t files_ = 0;       // begun so far
};

struct Device {
  std::string name;
  std::string description;
  std::vector<std::string> addresses;
  bool up = false;
  bool loopback = false;
};

/// What can be captured from. Throws CaptureError.
std::vector<Device> list_devices();

}  // namespace compactor::capture
