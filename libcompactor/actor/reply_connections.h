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

#include "actor/memory_limit.h"
#include "compactor/context.h"

namespace compactor {

class Inbound;
class Outbound;

/// What an Outbound has because replies go over it.
struct ReplyTraffic {
  ReplyTraffic(MemoryLimit& unread, std::function<void()> give_up)
      : held(unread, std::move(give_up)) {}

  /// Of a connection that was opened for replies and is used for nothing else.
  bool only = false;
  MemoryLimit::Holder held;
  // Where it stands in the list of ReplyConnections, and since when nothing has moved.
  std::list<std::shared_ptr<Outbound>>::iterator place;
  bool busy = false;
  std::chrono::steady_clock::time_point moved_at{};
  std::uint64_t acknowledged = 0;

  /// The connections that brought the messages replied to: not read further before the replies are
  /// taken.
  std::set<std::weak_ptr<Inbound>, std::owner_less<>> waiting;
};

/// Anybody can make us open such a connection, to any address, by putting that address on a message
/// as its sender. So there are few of them: for one more than the most, an idle one is closed, or
/// else the one given up that has not moved for longest, which no honest receiver is. One on which
/// nothing moves for the time of patience is given up in any case. Loop only.
class ReplyConnections {
 public:
  ReplyConnections(asio::io_context& io, std::size_t most, Duration patience);

  void add(const std::shared_ptr<Outbound>& connection);
  /// It is closed, or used for something else too from now on.
  void remove(Outbound& connection);
  /// It has become busy or idle, or (`moved`) its peer took or acknowledged something.
  void changed(Outbound& connection, bool moved);

 private:
  using Connections = std::list<std::shared_ptr<Outbound>>;

  void make_room();
  void watch();
  void look();

  const std::size_t most_;
  const Duration patience_;
  Connections idle_, busy_;  // the one that moved last at the end
  asio::steady_timer timer_;
  bool watching_ = false;
};

}  // namespace compactor
