#include "capture/recordio.h"

#include <algorithm>
#include <utility>

#include "text/ascii.h"

namespace compactor::capture {

using text::is_digit;

namespace {

/// Of the length of a record that is looked for.
constexpr std::size_t kMostDigits = 10;

}  // namespace

std::optional<std::uint64_t> record_size(std::string_view bytes) {
  std::uint64_t length = 0;
  for (std::size_t at = 0; at < std::min(bytes.size(), kMostDigits + 1); ++at) {
    const char c = bytes[at];
    if (c == '\n' && at > 0) return length + at + 1;
    // A length is written without a zero before it, and of 0 there is nothing to find.
    if (!is_digit(c) || (at == 0 && c == '0') || at == kMostDigits) return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return 0;
}

bool are_records(std::string_view bytes) {
  if (bytes.empty()) return false;
  while (!bytes.empty()) {
    const auto size = record_size(bytes);
    if (!size || *size == 0 || *size > bytes.size()) return false;
    bytes.remove_prefix(*size);
  }
  return true;
}

RecordSplitter::RecordSplitter(OnRecord on_record, std::size_t max_record)
    : on_record_(std::move(on_record)), max_record_(max_record) {}

bool RecordSplitter::feed(std::string_view bytes, Time time) {
  time_ = time;
  if (lost_) {
    collect(bytes);
    return !broken_;
  }
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
    digits_ = 0;
    in_record_ = length_ > 0;
    if (!in_record_) end_record({});
    return true;
  }
  if (!is_digit(c)) return false;
  ++digits_;
  length_ = length_ * 10 + static_cast<std::uint64_t>(c - '0');
  return length_ <= max_record_;
}

void RecordSplitter::read_record(std::string_view& bytes) {
  const std::string_view piece = bytes.substr(0, length_ - read_);
  bytes.remove_prefix(piece.size());
  read_ += piece.size();
  const bool whole = read_ == length_;
  if (whole && held_.empty()) return end_record(piece);
  if (!holed_) held_.append(piece);
  if (whole) end_record(held_);
}

void RecordSplitter::end_record(std::string_view record) {
  if (!holed_) on_record_({record, time_, std::exchange(resumed_, false)});
  held_.clear();
  length_ = read_ = 0;
  in_record_ = holed_ = false;
}

void RecordSplitter::skip(std::uint64_t bytes) {
  if (bytes == 0) return;
  resumed_ = true;
  if (!lost_ && in_record_ && bytes <= length_ - read_) {
    holed_ = true;
    held_.clear();
    read_ += bytes;
    if (read_ == length_) end_record({});
    return;
  }
  mark_lost();
}

void RecordSplitter::mark_lost() {
  lost_ = true;
  held_.clear();
  first_.clear();
  chunk_.clear();
  chunk_left_ = 0;
  digits_ = 0;
  length_ = read_ = 0;
  in_record_ = holed_ = false;
}

void RecordSplitter::begin_chunk(std::uint64_t size) {
  if (!lost_) return;
  const bool fits = size <= max_record_;
  chunk_left_ = fits ? size : 0;
  chunk_.clear();
  if (!fits) first_.clear();
}

/// `bytes` are of one chunk.
void RecordSplitter::collect(std::string_view bytes) {
  if (chunk_left_ == 0) return;
  chunk_left_ -= std::min<std::uint64_t>(chunk_left_, bytes.size());
  chunk_.append(bytes);
  if (chunk_left_ > 0) return;
  if (!are_records(chunk_)) {
    chunk_.clear();
    first_.clear();
  } else if (first_.empty()) {
    first_ = std::exchange(chunk_, {});
    first_time_ = time_;
  } else {
    resume();
  }
}

void RecordSplitter::resume() {
  const Time time = time_;
  lost_ = false;
  feed(std::exchange(first_, {}), first_time_);
  feed(std::exchange(chunk_, {}), time);
}

}  // namespace compactor::capture
