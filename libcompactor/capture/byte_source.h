// The bytes of a capture file or of standard input, decompressed where they are gzip or zstd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace compactor::capture {

class ByteSource {
 public:
  /// Before a read that may block, with the descriptor: false ends the bytes there.
  using Wait = std::function<bool(int descriptor)>;

  /// Owns the descriptor. `wait` may be null.
  ByteSource(int descriptor, Wait wait);
  ~ByteSource();
  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) = delete;

  /// At least `size` of the next bytes, or all that are left; valid until the next call.
  std::string_view peek(std::size_t size);
  /// Passes over bytes that peek() returned.
  void consume(std::size_t size) { front_ += size; }

  /// Why the bytes end, if not because the file does: a read error, damaged compression.
  const std::string& trouble() const { return trouble_; }
  /// Bytes read of the file, before decompression.
  std::uint64_t read_bytes() const { return read_; }
  /// They end because the wait said so.
  bool called_off() const { return called_off_; }

 private:
  class Decompressor;
  class Gzip;
  class Zstd;

  bool fill();
  std::string_view read_raw(std::size_t at_least);
  void choose_decompressor(std::string_view beginning);

  int descriptor_;
  Wait wait_;
  std::string buffer_;  // what is ready to be read, from front_ on
  std::size_t front_ = 0;
  std::unique_ptr<char[]> raw_;  // as it stands in the file
  std::string_view pending_;     // of raw_, not yet decompressed
  std::unique_ptr<Decompressor> decompressor_;
  std::uint64_t read_ = 0;
  std::string trouble_;
  bool started_ = false;
  bool unfinished_ = false;  // the decompressor has more to give of what it was given
  bool ended_ = false;
  bool called_off_ = false;
};

}  // namespace compactor::capture
