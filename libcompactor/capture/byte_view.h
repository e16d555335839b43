// The bytes of a packet, layer by layer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace compactor::capture {

/// What is left of a packet: the captured bytes, and how many there were on the wire (never fewer).
struct ByteView {
  std::string_view bytes;
  std::size_t wire = 0;

  bool has(std::size_t n) const { return bytes.size() >= n; }
  const std::uint8_t* data() const {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());  // NOLINT: bytes are bytes
  }
  unsigned u8(std::size_t at) const { return data()[at]; }
  unsigned u16(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  std::uint32_t u32(std::size_t at) const { return std::uint32_t{u16(at)} << 16 | u16(at + 2); }

  void skip(std::size_t n) {
    bytes.remove_prefix(n);
    wire -= n;
  }
  /// Lower layers pad and add trailers; the upper one knows where it ends. When it says more than
  /// there was, the packet was cut before it was captured.
  void set_length(std::size_t n) {
    wire = n;
    bytes = bytes.substr(0, n);
  }
};

}  // namespace compactor::capture
