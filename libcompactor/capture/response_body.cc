#include "capture/response_body.h"

#include <utility>

#include "wire/message.h"

namespace compactor::capture {
ResponseBody::ResponseBody(const wire::HttpMessage& head, std::size_t kept, bool records,
                           RecordSplitter::OnRecord on_record, std::size_t max_record)
    : kept_(kept) {
  if (const std::string_view* type = head.header("Content-Type")) type_ = *type;
  if (wire::is_gzip(head)) gunzip_.emplace();
  if (records) splitter_.emplace(std::move(on_record), max_record);
}

void ResponseBody::feed(std::string_view piece) {
  if (!gunzip_) return add(piece);
  gunzip_->feed(piece, [this](std::string_view bytes) { add(bytes); });
}

void ResponseBody::skip(std::uint64_t bytes) {
  size_ += bytes;
  kept_ = beginning_.size();
  splitter_.reset();
  gunzip_.reset();
}

void ResponseBody::drop() {
  skip(0);
  kept_ = 0;
  std::string().swap(beginning_);
}

void ResponseBody::add(std::string_view bytes) {
  size_ += bytes.size();
  if (splitter_ && !splitter_->feed(bytes)) splitter_.reset();
  if (beginning_.size() < kept_) beginning_.append(bytes.substr(0, kept_ - beginning_.size()));
}

}  // namespace compactor::capture
