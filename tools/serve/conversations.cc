#include "serve/conversations.h"

#include <algorithm>
#include <utility>

namespace tool {

std::size_t Conversations::size_of(const Conversation& conversation) {
  const auto& sender = conversation.sender;
  return sizeof conversation + sender.to.id.size() + sender.to.host.size() + sender.from.size();
}

void Conversations::add(std::uint64_t end, compactor::ReturnAddress sender) {
  ++last_number_;
  bytes_ += size_of(kept_.emplace_back(Conversation{end, std::move(sender)}));
  while (bytes_ > most_bytes) {
    bytes_ -= size_of(kept_.front());
    kept_.pop_front();
  }
}

const compactor::ReturnAddress* Conversations::find(std::uint64_t number) const {
  auto before = last_number_ - kept_.size();
  if (number <= before || number > last_number_) return nullptr;
  return &kept_[static_cast<std::size_t>(number - before - 1)].sender;
}

const compactor::ReturnAddress* Conversations::last_within(std::uint64_t bytes) const {
  auto after = std::upper_bound(kept_.begin(), kept_.end(), bytes,
                                [](std::uint64_t end, const auto& one) { return end < one.end; });
  return after == kept_.begin() ? nullptr : &std::prev(after)->sender;
}

}  // namespace tool
