// Messages in the order of their time. They are told when they are answered, which is another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "trace/reading.h"

namespace tool {

/// A message with all that it refers to.
class HeldMessage {
 public:
  HeldMessage(const compactor::trace::Message& message, std::string_view source);
  HeldMessage(const HeldMessage&) = delete;
  HeldMessage& operator=(const HeldMessage&) = delete;

  const compactor::trace::Message& message() const { return message_; }
  void set_status(int status) { message_.status = status; }
  /// The address that it came from, without a port, if that is not its sender's; else empty.
  std::string_view source() const { return source_; }
  std::size_t size() const { return text_.size() + sizeof *this; }

 private:
  std::string text_;
  compactor::trace::Message message_;
  std::string_view source_;
};

/// Bounded: over its limit the earliest is let go before its time, by the next release().
class MessageOrder {
 public:
  using Time = compactor::trace::Time;
  static constexpr std::size_t kMostHeld = std::size_t{64} << 20;

  explicit MessageOrder(std::size_t most_held = kMostHeld) : most_held_(most_held) {}

  bool is_over_limit() const { return bytes_ > most_held_; }
  std::size_t bytes() const { return bytes_; }
  void add(const compactor::trace::Message& message, std::string_view source) {
    const auto place = held_.emplace(std::piecewise_construct, std::forward_as_tuple(message.time),
                                     std::forward_as_tuple(message, source));
    bytes_ += place->second.size();
    if (!message.status) without_status_[key_of(message)] = &place->second;
  }
  /// Of that message, which had none; false when it is not held.
  bool set_status(std::uint64_t conn, std::uint64_t seq, int status) {
    const auto found = without_status_.find({conn, seq});
    if (found == without_status_.end()) return false;
    found->second->set_status(status);
    without_status_.erase(found);
    return true;
  }
  /// Calls `f` for each from before that time, in order, and forgets it.
  template <class F>
  void release(Time before, F&& f) {
    while (!held_.empty() && (held_.begin()->first < before || is_over_limit())) {
      const HeldMessage& first = held_.begin()->second;
      f(first);
      bytes_ -= first.size();
      const auto found = without_status_.find(key_of(first.message()));
      if (found != without_status_.end() && found->second == &first) without_status_.erase(found);
      held_.erase(held_.begin());
    }
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // connection, and place there
  static Key key_of(const compactor::trace::Message& message) {
    return {message.conn, message.seq};
  }

  std::size_t most_held_;
  std::multimap<Time, HeldMessage> held_;
  std::map<Key, HeldMessage*> without_status_;  // of held_
  std::size_t bytes_ = 0;
};

}  // namespace tool
