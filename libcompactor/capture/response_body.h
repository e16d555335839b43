// The body of a plain response, while it is being read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "capture/recordio.h"
#include "text/gzip.h"
#include "wire/parser.h"

namespace compactor::capture {

class ResponseBody {
 public:
  /// `kept`: how many bytes of its beginning are kept. `records`: it is a RecordIO stream, whose
  /// records are handed to `on_record`.
  ResponseBody(const wire::HttpMessage& head, std::size_t kept, bool records,
               RecordSplitter::OnRecord on_record, std::size_t max_record);

  /// The rest of one that is of that Content-Type and Mesos-Stream-Id; it goes on with a record.
  ResponseBody(std::string_view type, std::string_view stream_id, bool records,
               RecordSplitter::OnRecord on_record, std::size_t max_record);

  void feed(std::string_view piece, Time time);
  /// A chunk of it begins, of so many bytes.
  void begin_chunk(std::uint64_t size);
  /// Whether it is a stream of records is not known: its chunks have to show it.
  void find_records();
  /// So many bytes of it are not in the capture.
  void skip(std::uint64_t bytes);
  /// Keeps no more of it, and frees what was kept.
  void drop();

  std::string_view type() const { return type_; }
  std::string_view stream_id() const { return stream_id_; }
  const std::string& beginning() const { return beginning_; }
  std::uint64_t size() const { return size_; }
  std::size_t memory() const { return beginning_.size() + (splitter_ ? splitter_->memory() : 0); }

 private:
  void add(std::string_view bytes, Time time);

  std::string type_;
  std::string stream_id_;
  std::size_t kept_;
  std::uint64_t size_ = 0;
  std::string beginning_;
  std::optional<text::Gunzip> gunzip_;
  std::optional<RecordSplitter> splitter_;
};

}  // namespace compactor::capture
