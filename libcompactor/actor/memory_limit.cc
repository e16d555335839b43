#include "actor/memory_limit.h"

#include <utility>

namespace compactor {

MemoryLimit::Holder::Holder(MemoryLimit& limit, std::function<void()> give_up)
    : limit_(limit), give_up_(std::move(give_up)) {}

MemoryLimit::Holder::~Holder() {
  set(0);
}

void MemoryLimit::Holder::set(std::size_t bytes) {
  if (bytes == bytes_) return;
  const std::size_t before = std::exchange(bytes_, bytes);
  limit_.total_ += bytes - before;
  auto& holders = limit_.holders_;
  if (before == 0) holders.splice(holders.end(), aside_, node_);
  if (bytes == 0) aside_.splice(aside_.end(), holders, node_);
  if (bytes > before) limit_.enforce(*this);
}

void MemoryLimit::Holder::moved() {
  auto& holders = limit_.holders_;
  if (bytes_ > 0) holders.splice(holders.end(), holders, node_);
}

void MemoryLimit::enforce(Holder& taker) {
  while (total_ > max_) {
    const Holder* const stillest = find_stillest(taker);
    if (stillest == nullptr) return;
    const auto give_up = stillest->give_up_;  // a copy, since the holder may end by it
    const bool is_taker = stillest == &taker;
    give_up();
    if (is_taker) return;
  }
}

const MemoryLimit::Holder* MemoryLimit::find_stillest(const Holder& taker) const {
  const std::size_t much = total_ / holders_.size() / 2;
  for (const Holder* holder : holders_) {
    if (holder != &taker && holder->bytes_ >= much) return holder;
  }
  return single_ == Single::bounded ? &taker : nullptr;
}

}  // namespace compactor
