#include "capture/response_body.h"

#include <utility>

namespace compactor::capture {
namespace {

std::string_view value_or_empty(const std::string_view* value) {
  return value == nullptr ? std::string_view() : *value;
}

}  // namespace

ResponseBody::ResponseBody(const wire::HttpMessage& head, std::size_t kept, bool records,
                           RecordSplitter::OnRecord on_record, std::size_t max_record)
    : type_(value_or_empty(head.header("Content-Type"))), kept_(kept) {
  if (value_or_empty(head.header("Content-Encoding")).ends_with("gzip")) gunzip_.emplace();
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

void ResponseBody::add(std::string_view bytes) {
  size_ += bytes.size();
  if (splitter_ && !splitter_->feed(bytes)) splitter_.reset();
  if (beginning_.size() < kept_) beginning_.append(bytes.substr(0, kept_ - beginning_.size()));
}

}  // namespace compactor::capture
