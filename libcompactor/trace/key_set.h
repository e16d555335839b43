// A set of keys that is bounded: the oldest is forgotten, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_set>

#include "trace/key.h"

namespace compactor::trace {

class KeySet {
 public:
  explicit KeySet(std::size_t most) : most_(most) {}

  /// False when it was there.
  bool insert(const Key& key) {
    if (!keys_.insert(key).second) return false;
    order_.push_back(key);
    if (order_.size() <= most_) return true;
    keys_.erase(order_.front());
    order_.pop_front();
    ++forgotten_;
    return true;
  }
  bool contains(const Key& key) const { return keys_.contains(key); }
  std::uint64_t forgotten() const { return forgotten_; }

 private:
  std::size_t most_;
  std::unordered_set<Key> keys_;
  std::deque<Key> order_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace compactor::trace
