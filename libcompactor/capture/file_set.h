// Capture files as one capture: a rotated set, or what two hosts saw of the same traffic.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "capture/capture_file.h"
#include "capture/dissector.h"
#include "capture/fifo.h"

namespace compactor::capture {

/// What is told of each file at the end.
struct FileReport {
  std::string name;
  std::uint64_t packets = 0;
  Time first{};
  Time last{};
  /// How far its clock is ahead of that of the first file; nothing when it is not known.
  std::optional<std::chrono::nanoseconds> clock_offset{};
};

/// Which packets were seen in another file. A packet that was sent twice is twice in each file: of
/// each packet as many count as are in the file that has most of them. Knows those of the last
/// seconds, and no more than a million.
class Duplicates {
 public:
  /// Whether the packet, of that file, has been handed out from another one.
  bool is_known(std::size_t file, const Segment& segment, Time time);

 private:
  struct Seen {
    std::vector<std::uint16_t> of_file;  // how often
    std::uint16_t handed_out = 0;
  };
  struct Entry {
    std::uint64_t identity = 0;
    Time time{};
  };

  void forget(Time now);

  std::unordered_map<std::uint64_t, Seen> seen_;
  Fifo<Entry> by_age_;
};

class FileSet {
 public:
  struct Input {
    int descriptor;                     // the set owns it
    std::string name;                   // for messages
    std::optional<ByteSource> bytes{};  // of it, where some have been looked at already
  };
  struct Options {
    /// Before a read that may block, with the descriptor: false ends that file there.
    ByteSource::Wait wait{};
    /// Asked now and then while the clocks are compared, which takes a pass over the files: false
    /// leaves that, and ends the capture.
    std::function<bool()> goes_on{};
    bool fix_clocks = true;  // where there are several files, and all can be read twice
  };

  /// Throws CaptureError (file) when one of them is not a capture.
  FileSet(std::vector<Input> inputs, Options options);
  ~FileSet();
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;

  using Read = CaptureFile::Read;
  /// In the order of time. `broken`: trouble() says what is wrong with one of the files; the next
  /// call goes on with the others.
  Read next(CapturedPacket& packet);
  const std::string& trouble() const { return trouble_; }

  /// Of the packets that come first, and of the files that say so at their beginning.
  std::vector<int> link_types() const;
  std::vector<FileReport> reports() const;
  std::uint64_t duplicates() const { return duplicates_; }
  /// Packets left out because the link type of their interface is not known.
  std::uint64_t unknown_link() const;
  /// How much has been read, 0 to 1; nothing when that cannot be said of all of them.
  std::optional<double> progress() const;

 private:
  struct File;
  struct Later {
    bool operator()(const File* a, const File* b) const;
  };

  void compare_clocks();
  void advance(File& file);

  Options options_;
  std::vector<std::unique_ptr<File>> files_;
  std::vector<File*> heap_;            // those with a packet to hand out, the earliest first
  File* handed_out_ = nullptr;         // the file of the packet before
  std::vector<std::string> troubles_;  // not told yet
  std::string trouble_;
  Dissector dissector_;
  Duplicates duplicate_;
  std::uint64_t duplicates_ = 0;
};

}  // namespace compactor::capture
