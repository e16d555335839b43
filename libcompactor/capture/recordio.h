// A RecordIO stream (decimal length, line feed, so many bytes: Mesos' framing of /api/v1 streams),
// split into its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "capture/packet.h"

namespace compactor::capture {

/// How many bytes the record takes that these begin with, its length included: perhaps more than
/// there are. Nothing when none begins so; 0 while it is not clear yet.
std::optional<std::uint64_t> record_size(std::string_view bytes);
/// Nothing but whole records, at least one.
bool are_records(std::string_view bytes);

struct Record {
  std::string_view bytes;  // valid only during the call
  Time time;               // of its last byte
  bool resumed = false;    // others may have been lost before it
};

/// What is missing of a record costs that record. When the length of one is missing, nobody can
/// tell where the next begins: then the chunks of the body, one of which Mesos makes of each
/// record, are looked at, and two in a row that consist of whole records show the framing again.
class RecordSplitter {
 public:
  using OnRecord = std::function<void(const Record& record)>;

  /// A record over `max_record` bytes ends the splitting, as does a length that is none.
  RecordSplitter(OnRecord on_record, std::size_t max_record);

  /// The next record may not be the first one.
  void mark_resumed() { resumed_ = true; }
  /// Where a record begins is not known.
  void mark_lost();
  /// Any split of the bytes. False when this is no RecordIO, or no longer; then all further bytes
  /// are ignored.
  bool feed(std::string_view bytes, Time time);
  /// So many bytes are missing.
  void skip(std::uint64_t bytes);
  /// A chunk of the body begins, of so many bytes.
  void begin_chunk(std::uint64_t size);
  /// Bytes kept of records that are not complete, or not yet believed.
  std::size_t memory() const { return held_.size() + chunk_.size() + first_.size(); }

 private:
  bool read_length(std::string_view& bytes);
  void read_record(std::string_view& bytes);
  void end_record(std::string_view record);
  void collect(std::string_view bytes);
  void resume();

  OnRecord on_record_;
  std::size_t max_record_;
  std::string held_;  // the part of a record that has come
  std::uint64_t length_ = 0;
  std::uint64_t read_ = 0;  // of them, those that are missing too
  Time time_{};
  int digits_ = 0;
  bool in_record_ = false;
  bool holed_ = false;    // the record has a hole
  bool resumed_ = false;  // the next record may follow lost ones
  bool broken_ = false;

  bool lost_ = false;             // where the next record begins is not known
  std::uint64_t chunk_left_ = 0;  // of the chunk being collected
  std::string chunk_;             // what has come of it
  std::string first_;             // the chunk before it, if that consists of records …
  Time first_time_{};             // … and when it came
};

}  // namespace compactor::capture
