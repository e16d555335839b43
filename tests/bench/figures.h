// The things measured, each twice: through the library, and by a floor program that moves the same
// bytes over the same sockets with nothing in between.
#pragma once

#include <cstddef>
#include <string>

namespace bench {

/// How many messages of what size one run moves.
struct Load {
  std::size_t messages;
  std::size_t body;      // bytes
  std::string tls = {};  // a folder with node.key and node.pem; empty: plain
};

/// Round trips at the start that are not counted.
inline constexpr std::size_t kWarmUp = 1000;

namespace ours {
/// Messages per second that arrive in a process of another OS process, linked to it.
double flood(const Load& load);
/// Median microseconds from a send to its 202, one at a time.
double post(const Load& load);
/// Median microseconds from a message to the message that answers it, both sides linked.
double ping_pong(const Load& load);
}  // namespace ours

/// The same by single-threaded, non-blocking epoll loops that read and write precomputed bytes.
namespace floor {
double flood(const Load& load);
double post(const Load& load);
double ping_pong(const Load& load);
/// One connection to 127.0.0.1:port, one message to `id`, its answer; for a process of its own.
void post_once(const std::string& id, const std::string& port);
}  // namespace floor

}  // namespace bench
