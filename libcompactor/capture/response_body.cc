#include "capture/response_body.h"

#include <utility>

#include "wire/message.h"

namespace compactor::capture {
ResponseBody::ResponseBody(const wire::HttpMessage& head, std::size_t kept, bool records,
                           RecordSplitter::OnRecord on_record, std::size_t max_record)
    : kept_(kept) {
  if (const std::string_view* type = head.header("Content-Type")) type_ = *type;
  if (const std::string_view* id = head.header("Mesos-Stream-Id")) stream_id_ = *id;
  if (wire::is_gzip(head)) gunzip_.emplace();
  if (records) splitter_.emplace(std::move(on_record), max_record);
}

ResponseBody::ResponseBody(std::string_view type, std::string_view stream_id, bool records,
                           RecordSplitter::OnRecord on_record, std::size_t max_record)
    : type_(type), stream_id_(stream_id), kept_(0) {
  if (!records) return;
  splitter_.emplace(std::move(on_record), max_record);
  splitter_->mark_resumed();
}

void ResponseBody::feed(std::string_view piece, Time time) {
  if (!gunzip_) return add(piece, time);
  gunzip_->feed(piece, [this, time](std::string_view bytes) { add(bytes, time); });
}

void ResponseBody::find_records() {
  if (splitter_) splitter_->mark_lost();
}

void ResponseBody::begin_chunk(std::uint64_t size) {
  if (splitter_) splitter_->begin_chunk(size);
}

void ResponseBody::skip(std::uint64_t bytes) {
  size_ += bytes;
  kept_ = beginning_.size();
  if (gunzip_) splitter_.reset();  // what follows cannot be decompressed
  if (splitter_) splitter_->skip(bytes);
  gunzip_.reset();
}

void ResponseBody::drop() {
  gunzip_.reset();
  splitter_.reset();
  kept_ = 0;
  std::string().swap(beginning_);
}

void ResponseBody::add(std::string_view bytes, Time time) {
  size_ += bytes.size();
  if (splitter_ && !splitter_->feed(bytes, time)) splitter_.reset();
  if (beginning_.size() < kept_) beginning_.append(bytes.substr(0, kept_ - beginning_.size()));
}

}  // namespace compactor::capture
