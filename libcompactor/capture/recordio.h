// The body of a plain response, as it comes: decompressed, counted, its beginning kept, and a
// RecordIO stream (decimal length, line feed, so many bytes: Mesos' framing of /api/v1 streams)
// split into its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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

/// gzip, piece by piece (RFC 1952; several members one behind the other are one body).
class Inflater {
 public:
  using OnBytes = std::function<void(std::string_view bytes)>;

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// False when it is not gzip, or no longer; then all further bytes are ignored.
  bool feed(std::string_view bytes, const OnBytes& on_bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace compactor::capture
