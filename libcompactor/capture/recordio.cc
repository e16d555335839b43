#include "capture/recordio.h"

#include <utility>

namespace compactor::capture {

RecordSplitter::RecordSplitter(OnRecord on_record, std::size_t max_record)
    : on_record_(std::move(on_record)), max_record_(max_record) {}

bool RecordSplitter::feed(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    if (in_record_) {
      read_record(bytes);
    } else {
      broken_ = !read_length(bytes);
    }
  }
  if (broken_) held_ = {};
  return !broken_;
}

bool RecordSplitter::read_length(std::string_view& bytes) {
  const char c = bytes.front();
  bytes.remove_prefix(1);
  if (c == '\n' && digits_ > 0) {
    in_record_ = length_ > 0;
    if (!in_record_) on_record_({});
    digits_ = 0;
    if (!in_record_) length_ = 0;
    return true;
  }
  if (c < '0' || c > '9') return false;
  ++digits_;
  length_ = length_ * 10 + static_cast<std::uint64_t>(c - '0');
  return length_ <= max_record_;
}

void RecordSplitter::read_record(std::string_view& bytes) {
  const std::size_t missing = length_ - held_.size();
  const std::string_view piece = bytes.substr(0, missing);
  bytes.remove_prefix(piece.size());
  const bool whole = piece.size() == missing;
  if (whole && held_.empty()) {
    on_record_(piece);
  } else {
    held_.append(piece);
    if (whole) on_record_(held_);
  }
  if (!whole) return;
  held_.clear();
  length_ = 0;
  in_record_ = false;
}

}  // namespace compactor::capture
