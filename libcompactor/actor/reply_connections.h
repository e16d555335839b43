// The connections that were opened only to reply.
#pragma once

#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actor/loop.h"
#include "actor/memory_limit.h"
#include "compactor/context.h"

namespace compactor {

/// A connection that brings messages which are replied to.
class ReplySource {
 public:
  /// A message from here was replied to, and its sender has not taken the replies before it:
  /// nothing more is read from here until replies_taken(), as often as this was called.
  virtual void await_replies() = 0;
  virtual void replies_taken() = 0;

 protected:
  ~ReplySource() = default;
};

/// A connection that replies go over.
class ReplyCarrier {
 public:
  /// Grows when the peer takes or acknowledges anything.
  virtual std::uint64_t acknowledged() = 0;
  virtual void give_up_replies(const std::string& why) = 0;

 protected:
  ~ReplyCarrier() = default;
};

struct ReplyTraffic;

/// As ReplyConnections keeps it.
struct ReplyConnection {
  std::shared_ptr<ReplyCarrier> carrier;
  ReplyTraffic* replies;  // the carrier's own
};

/// What a carrier has because replies go over it.
struct ReplyTraffic {
  ReplyTraffic(MemoryLimit& unread, std::function<void()> give_up)
      : held(unread, std::move(give_up)) {}

  /// Of a connection that was opened for replies and is used for nothing else.
  bool only = false;
  MemoryLimit::Holder held;
  // Where it stands in the list of ReplyConnections, and since when nothing has moved.
  std::list<ReplyConnection>::iterator place;
  bool busy = false;
  std::chrono::steady_clock::time_point moved_at{};
  std::uint64_t acknowledged = 0;

  /// The connections that brought the messages replied to: not read further before the replies are
  /// taken.
  std::set<std::weak_ptr<ReplySource>, std::owner_less<>> waiting;
};

/// Anybody can make us open such a connection, to any address, by putting that address on a message
/// as its sender. So there are few of them: for one more than the most, an idle one is closed, or
/// else the one given up that has not moved for longest, which no honest receiver is. One on which
/// nothing moves for the time of patience is given up in any case. Loop only.
class ReplyConnections {
 public:
  ReplyConnections(Loop& loop, std::size_t most, Duration patience);

  /// A connection that is opened, and is idle; `replies` are the carrier's own.
  void add(std::shared_ptr<ReplyCarrier> carrier, ReplyTraffic& replies);
  /// It is closed, or used for something else too from now on.
  void remove(ReplyTraffic& replies);
  /// It is busy or idle now, and perhaps (`moved`) its peer took or acknowledged something.
  void changed(ReplyTraffic& replies, bool busy, bool moved);

 private:
  void make_room();
  void watch();
  void look();
  std::vector<ReplyConnection> find_still();

  Loop& loop_;
  const std::size_t most_;
  const Duration patience_;
  std::list<ReplyConnection> idle_, busy_;  // the one that moved last at the end
  asio::steady_timer timer_;
  bool watching_ = false;
};

}  // namespace compactor
