// gzip (RFC 1952), decompressed piece by piece or as a whole. Several members in a row are one
// text.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;  // zlib's

namespace compactor::text {

class Gunzip {
 public:
  Gunzip();
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  /// Reads from the front of `in`, which is shortened by what was read, and writes at most `size`
  /// bytes to `out`. Returns how many: none, and nothing read, when only more input or more room
  /// would help, or when it is broken.
  std::size_t run(std::string_view& in, char* out, std::size_t size);

  /// Reads all of `bytes` and calls `on_bytes` with each piece of the text. False when it is
  /// broken.
  template <class OnBytes>
  bool feed(std::string_view bytes, OnBytes&& on_bytes) {
    std::array<char, std::size_t{16} << 10> piece;
    for (;;) {
      const std::size_t made = run(bytes, piece.data(), piece.size());
      if (made > 0) on_bytes(std::string_view(piece.data(), made));
      if (broken() || (bytes.empty() && made < piece.size())) return !broken();
    }
  }

  /// Not gzip, no longer gzip, or no memory for it. All further input is refused.
  bool broken() const { return broken_; }
  bool out_of_memory() const { return out_of_memory_; }
  /// The input may end here.
  bool between_members() const { return between_members_; }

 private:
  std::unique_ptr<z_stream_s> stream_;
  bool broken_ = false;
  bool out_of_memory_ = false;
  bool between_members_ = false;
};

/// Appends the text that all of `in` is. Null, or why that failed, a constant: then what was
/// appended is of no use. `out` never grows over `max` bytes.
const char* gunzip(std::string_view in, std::string& out, std::size_t max);

}  // namespace compactor::text
