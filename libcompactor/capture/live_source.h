// Packets of a network interface, by libpcap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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

class LiveSource {
 public:
  /// Packets are handed out as they come, with nanoseconds where the kernel has them. Throws
  /// CaptureError.
  explicit LiveSource(const LiveOptions& options);

  /// A pcap filter (pcap-filter(7)), for the kernel: what it leaves out does not come here. Throws
  /// CaptureError.
  void set_filter(const std::string& expression);
  int link_type() const;

  enum class Read {
    packet,
    nothing,  // none at the moment; wait for descriptor()
    broken,   // trouble() says why: an interface that went down
  };
  Read next(CapturedPacket& packet);
  const std::string& trouble() const { return trouble_; }

  /// Readable when there are packets; -1 when it cannot be waited for.
  int descriptor() const;
  /// Packets that the kernel had no room for, or the interface lost.
  std::uint64_t dropped() const;

 private:
  struct Closer {
    void operator()(pcap* handle) const;
  };

  std::unique_ptr<pcap, Closer> handle_;
  std::string name_;
  std::string trouble_;
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
