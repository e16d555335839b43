// To whom the child of serve --exec can reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "compactor/message.h"

namespace tool {

/// The senders of the last messages that the child was given. They are texts of peers, so what is
/// kept of them is bounded by its size: a reply to a message before those has to name its receiver.
/// Not thread-safe.
class Conversations {
 public:
  static constexpr std::size_t most_bytes = std::size_t{16} << 20;

  /// The number of the next message; they are counted from 1.
  std::uint64_t next_number() const { return last_number_ + 1; }
  /// Takes that number. `end` is where the line of the message ends in all that was written to the
  /// child, not before the end of the one before.
  void add(std::uint64_t end, compactor::ReturnAddress sender);

  /// Null when there was no message of that number, or it is too long ago. Valid until the next
  /// add().
  const compactor::ReturnAddress* find(std::uint64_t number) const;
  /// That of the last message whose line is among the first `bytes` written to the child.
  const compactor::ReturnAddress* last_within(std::uint64_t bytes) const;

 private:
  struct Conversation {
    std::uint64_t end;
    compactor::ReturnAddress sender;
  };
  static std::size_t size_of(const Conversation& conversation);

  std::deque<Conversation> kept_;  // of consecutive numbers, up to last_number_
  std::uint64_t last_number_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace tool
