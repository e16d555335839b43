// What many hold of memory that is bounded for all of them together, and who of them has not moved
// for longest: that one is given up first, so that whoever stalls does not crowd out the others.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <utility>

namespace compactor::capture {

template <class Holder>
class Holdings {
 private:
  struct Entry {
    Holder holder;
    std::size_t bytes;
  };

 public:
  /// Where a holder stands; nothing while it holds nothing. Kept by the holder, who sets it back to
  /// 0 bytes before it goes away.
  using Place = std::optional<typename std::list<Entry>::iterator>;

  /// It holds so many bytes now. `moved`: it also got on with what it holds them for.
  void set(Place& place, const Holder& holder, std::size_t bytes, bool moved) {
    if (!place && bytes > 0) place = entries_.insert(entries_.end(), {holder, 0});
    if (!place) return;
    bytes_ = bytes_ - (*place)->bytes + bytes;
    (*place)->bytes = bytes;
    if (bytes == 0) {
      entries_.erase(*std::exchange(place, std::nullopt));
    } else if (moved) {
      entries_.splice(entries_.end(), entries_, *place);
    }
  }

  /// Of all together.
  std::size_t bytes() const { return bytes_; }
  /// The one that has not moved for longest. Some must hold something.
  Holder stalled() const { return entries_.front().holder; }

 private:
  std::list<Entry> entries_;  // in the order of their last move
  std::size_t bytes_ = 0;
};

}  // namespace compactor::capture
