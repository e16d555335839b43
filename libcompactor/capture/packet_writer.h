// Where packets are kept: files that tcpdump and Wireshark read.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/capture_file.h"
#include "capture/dissector.h"
#include "capture/output_file.h"

struct pcap;
struct pcap_dumper;

namespace compactor::capture {

struct WriterOptions {
  int link_type = link_ethernet;  // a DLT_ number; a pcap file has one
  std::string path;
  std::function<void(std::string_view)> sink{};  // gets the bytes, packet by packet; then there is
                                                 // no file, and nothing rotates
  std::uint64_t max_size = 0;                    // begin a new file behind so many bytes; 0: never
  std::chrono::seconds max_age{0};  // … after so long, the name taken through strftime(3); 0: never
  std::uint64_t max_files =
      0;               // by size: a ring of so many; by age alone: end after so many; 0: any number
  bool flush = false;  // after each packet
  std::vector<FileId> in_use{};  // files that are not to be written onto

  bool rotates() const { return max_size > 0 || max_age.count() > 0; }
};

/// Keeps packets as they came. Names as tcpdump's: PATH, PATH1, PATH2 …; in a ring PATH0 … with as
/// many digits as the last needs. Throws CaptureError when a file cannot be written.
class PacketWriter {
 public:
  /// `first`: the file to begin with, opened already, for who may not open it any more; not for one
  /// that rotates. With rotation, what can be known now of the files to come is checked now, as the
  /// user that will write them: their folder, and those that are there already.
  explicit PacketWriter(WriterOptions options, std::optional<OutputFile> first = {});
  ~PacketWriter();
  PacketWriter(const PacketWriter&) = delete;
  PacketWriter& operator=(const PacketWriter&) = delete;

  /// False when the last file allowed is full and this packet has not been kept. Throws for a
  /// packet of another link type.
  bool write(const CapturedPacket& packet);
  void flush();

 private:
  struct HandleCloser {
    void operator()(pcap* handle) const;
  };
  struct Closer {
    void operator()(pcap_dumper* file) const;
  };
  bool rotate(Time now);
  std::string file_name(std::uint64_t index) const;
  void open();
  void open(OutputFile file);
  void open_sink();
  void open(std::FILE* stream);
  void check() const;
  void check_names_to_come() const;

  WriterOptions options_;
  std::unique_ptr<pcap, HandleCloser> handle_;  // what libpcap knows of the packets
  std::unique_ptr<pcap_dumper, Closer> file_;
  std::string open_path_;
  Time began_{};                  // of the period
  std::uint64_t size_index_ = 0;  // of the file within the period
  std::uint64_t files_ = 0;       // begun so far
};

}  // namespace compactor::capture
