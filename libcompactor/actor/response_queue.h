// Answers owed on a connection, in order. Runs of the two common ones are counted, not stored, so a
// peer that sends and never reads costs a few bytes however much it sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/encode.h"

namespace compactor {

class ResponseQueue {
 public:
  enum class Common : std::uint8_t { accepted, not_found };

  void add(Common what, wire::Persist persist);
  /// A whole response, as bytes.
  void add(std::string response);

  bool empty() const { return first_ == entries_.size(); }
  /// Bytes held for stored responses.
  std::size_t stored_bytes() const { return stored_bytes_; }
  /// What is allocated for them; one run of common answers counts as nothing.
  std::size_t memory() const {
    return entries() <= 1 && stored_bytes_ == 0 ? 0 : stored_bytes_ + entries() * sizeof(Entry);
  }
  /// Runs and responses waiting.
  std::size_t entries() const { return entries_.size() - first_; }

  /// Moves responses to the end of `out` until it has at least `limit` bytes or the queue is empty.
  void fill(std::string& out, std::size_t limit, std::string_view date);
  void clear();

 private:
  struct Entry {
    Common what;
    wire::Persist persist;
    std::uint64_t count;  // 0: a stored response
    std::string response;
  };
  std::vector<Entry> entries_;
  std::size_t first_ = 0;
  std::size_t stored_bytes_ = 0;
};

}  // namespace compactor
