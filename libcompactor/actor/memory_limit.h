// Memory of one kind that peers make us hold, all of them together under one limit.
#pragma once

#include <cstddef>
#include <functional>
#include <list>

namespace compactor {

/// Over the limit the holder that has not moved for longest gives up what it holds: an honest
/// peer's message or answer moves, what is there to fill our memory stands still. Those that hold
/// little (less than half of the average) are passed over, since they would free nothing. Loop
/// only.
class MemoryLimit {
 public:
  enum class Single {
    bounded,  // a holder may be told to give up because of what it has just taken itself
    allowed,  // what one holder takes at once is never too much: only others give up
  };

  MemoryLimit(std::size_t max, Single single) : max_(max), single_(single) {}
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  std::size_t total() const { return total_; }

  /// What one peer makes us hold.
  class Holder {
   public:
    /// `give_up` frees everything, so that set(0) is called before it returns. It may end the
    /// holder.
    Holder(MemoryLimit& limit, std::function<void()> give_up);
    ~Holder();
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    std::size_t bytes() const { return bytes_; }
    /// It holds so much now. When that takes all together over the limit, others give up, or (only
    /// when Single::bounded) this one.
    void set(std::size_t bytes);
    /// The peer has done its part: sent more of what we wait for, or taken some of what waits for
    /// it.
    void moved();

   private:
    friend class MemoryLimit;
    MemoryLimit& limit_;
    std::function<void()> give_up_;
    std::size_t bytes_ = 0;
    std::list<Holder*> aside_{this};  // this one's node, while it is not in the limit's list
    const std::list<Holder*>::iterator node_ = aside_.begin();
  };

 private:
  void enforce(Holder& taker);
  const Holder* find_stillest(const Holder& taker) const;

  const std::size_t max_;
  const Single single_;
  std::size_t total_ = 0;
  std::list<Holder*> holders_;  // those that hold something, the one that moved last at the end
};

}  // namespace compactor
