#include "body/line_splitter.h"

#include <utility>

namespace tool {

namespace {

constexpr std::size_t start_of_long_line = 100;
// A long line must not cost its memory for the rest of a long run.
constexpr std::size_t kept_line_capacity = std::size_t{1} << 20;

}  // namespace

void LineSplitter::add(std::string_view bytes) {
  if (begin_ == buffer_.size() && buffer_.capacity() > kept_line_capacity) buffer_ = std::string();
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_ += bytes;
}

LineSplitter::Found LineSplitter::next(std::string_view& line) {
  for (;;) {
    const auto end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) return rest(line);
    if (!std::exchange(passing_over_, false)) return take(end - begin_, end + 1 - begin_, line);
    begin_ = scanned_ = end + 1;
  }
}

/// Hands out so many bytes, and goes on after so many.
LineSplitter::Found LineSplitter::take(std::size_t size, std::size_t with_end,
                                       std::string_view& line) {
  line = std::string_view(buffer_).substr(begin_, size);
  begin_ = scanned_ = begin_ + with_end;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() <= longest_) return Found::line;
  line = line.substr(0, start_of_long_line);
  return Found::too_long;
}

/// There is no line end in what there is.
LineSplitter::Found LineSplitter::rest(std::string_view& line) {
  const auto size = buffer_.size() - begin_;
  scanned_ = buffer_.size();
  if (passing_over_) {
    begin_ = scanned_;
    return Found::nothing;
  }
  if (ended_ && size > 0) return take(size, size, line);
  if (size <= longest_) return Found::nothing;
  passing_over_ = true;
  return take(size, size, line);
}

}  // namespace tool
