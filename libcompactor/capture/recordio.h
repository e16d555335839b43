// A RecordIO stream (decimal length, line feed, so many bytes: Mesos' framing of /api/v1 streams),
// split into its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace compactor::capture {

class RecordSplitter {
 public:
  /// `record` is valid only during the call.
  using OnRecord = std::function<void(std::string_view record)>;

  /// A record over `max_record` bytes ends the splitting, as does a length that is none.
  RecordSplitter(OnRecord on_record, std::size_t max_record);

  /// Any split of the bytes. False when this is no RecordIO, or no longer; then all further bytes
  /// are ignored.
  bool feed(std::string_view bytes);
  /// Bytes kept of a record that is not complete.
  std::size_t memory() const { return held_.size(); }

 private:
  bool read_length(std::string_view& bytes);
  void read_record(std::string_view& bytes);

  OnRecord on_record_;
  std::size_t max_record_;
  std::string held_;  // the part of a record that has come
  std::uint64_t length_ = 0;
  int digits_ = 0;
  bool in_record_ = false;
  bool broken_ = false;
};

}  // namespace compactor::capture
