// The presentation language of TLS (RFC 8446 §3): numbers, and vectors with their length before
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace compactor::decrypt {

/// Reads from the front. What is not there makes it fail, for good; it then yields nothing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  bool empty() const { return rest_.empty(); }

  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }

  std::string_view take(std::size_t size) {
    failed_ = failed_ || size > rest_.size();
    if (failed_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  /// `size_of_length`: in bytes.
  std::string_view vector(std::size_t size_of_length) { return take(number(size_of_length)); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

/// Appends a number, its highest byte first.
inline void append_number(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i > 0; --i) out += static_cast<char>(value >> (8 * (i - 1)) & 0xff);
}

}  // namespace compactor::decrypt
