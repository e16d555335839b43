// Where packets come from: a capture file or a network interface, by libpcap.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_error.h"
#include "capture/capture_file.h"

struct pcap;

namespace compactor::capture {

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
  /// The same in two steps: what opens the file may have more rights than what reads it. Takes
  /// ownership of the descriptor; `name` is for errors.
  static int open_descriptor(const std::string& path);
  static Source read_descriptor(int descriptor, const std::string& name, Wait wait = {});
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
  /// How much of a file has been read, 0 to 1; nothing when its size is not known.
  std::optional<double> progress() const;
  /// Live: readable when there are packets; -1 when it cannot be waited for.
  int descriptor() const;
  /// libpcap's, for the writer of its packets.
  pcap* handle() const { return handle_.get(); }
  /// Packets that the kernel had no room for, or the interface lost; 0 for a file.
  std::uint64_t dropped() const;

 private:
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
