// What a Context counts.
#pragma once

#include <atomic>
#include <cstdint>

#include "compactor/context.h"

namespace compactor {

/// Written by the loop only, read by any thread.
struct Counters {
  std::atomic<std::uint64_t> messages_received{0}, bytes_received{0}, messages_dropped{0},
      messages_rejected{0}, messages_sent{0}, deliveries_failed{0}, handler_exceptions{0},
      http_requests{0}, connections_accepted{0}, connections_open{0}, links{0};

  Statistics snapshot() const;
};

/// Only the loop writes, so no atomic addition is needed. To count down, add a negative number.
inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace compactor
