// Bytes as they come -> lines. Without descriptors: who reads a file or a pipe feeds it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tool {

/// The longest line of NDJSON that is read, from a batch or from an --exec child: more than the
/// largest body that peers take by default (64 MiB) has in base64.
inline constexpr std::size_t longest_line = std::size_t{128} << 20;

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t longest = longest_line) : longest_(longest) {}

  void add(std::string_view bytes);
  /// No more will be added: what has no line end yet is a line too.
  void end() { ended_ = true; }

  enum class Found {
    line,      // without its end, LF or CR LF
    too_long,  // the start of a longer one, the rest of which is passed over
    nothing,   // add more; after end(): that was all
  };
  /// `line` is valid until the next call of anything.
  Found next(std::string_view& line);

 private:
  Found take(std::size_t size, std::size_t with_end, std::string_view& line);
  Found rest(std::string_view& line);

  std::size_t longest_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the first line not handed out
  std::size_t scanned_ = 0;  // no line end between begin_ and here
  bool passing_over_ = false;
  bool ended_ = false;
};

}  // namespace tool
