#include "net/output_buffer.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>

namespace compactor {

std::string& OutputBuffer::block_for(std::size_t expected) {
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < expected) {
    blocks_.emplace_back().reserve(std::max(kBlock, expected));
  }
  return blocks_.back();
}

std::size_t OutputBuffer::write_to(Transport& transport, std::error_code& error) {
  std::size_t total = 0;
  while (!empty()) {
    std::array<iovec, 16> vectors;
    std::size_t count = 0, offered = 0, skip = head_;
    for (auto block = blocks_.begin(); block != blocks_.end() && count < vectors.size(); ++block) {
      vectors[count++] = {block->data() + skip, block->size() - skip};
      offered += block->size() - skip;
      skip = 0;
    }
    const Transfer done = transport.write({vectors.data(), count});
    error = done.error;
    total += done.bytes;
    consume(done.bytes);
    if (done.bytes < offered) return total;
  }
  return total;
}

void OutputBuffer::consume(std::size_t bytes) {
  while (bytes > 0) {
    const std::size_t left = blocks_.front().size() - head_;
    if (bytes < left) {
      head_ += bytes;
      return;
    }
    bytes -= left;
    head_ = 0;
    blocks_.pop_front();
  }
  if (blocks_.empty()) blocks_.shrink_to_fit();
}

void OutputBuffer::clear() {
  blocks_.clear();
  blocks_.shrink_to_fit();
  head_ = 0;
}

}  // namespace compactor
