// Bytes waiting to be written, in blocks: appending never moves what is there, and what has been
// written is freed.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <system_error>

#include "net/transport.h"

namespace compactor {

class OutputBuffer {
 public:
  /// A string with room for `expected` more bytes, to append to.
  std::string& block_for(std::size_t expected);

  bool empty() const { return blocks_.empty(); }

  /// Writes as much as the connection takes without blocking. Returns the bytes written; `error` is
  /// set when it is broken, not when it is merely full.
  std::size_t write_to(Transport& transport, std::error_code& error);

  /// Frees everything.
  void clear();

 private:
  static constexpr std::size_t kBlock = std::size_t{64} << 10;
  void consume(std::size_t bytes);

  std::deque<std::string> blocks_;
  std::size_t head_ = 0;  // written bytes of the first block
};

}  // namespace compactor
