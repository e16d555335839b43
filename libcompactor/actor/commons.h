// What all connections of a Context share.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

#include "actor/loop.h"
#include "actor/memory_limit.h"
#include "actor/reporter.h"
#include "compactor/context.h"

namespace compactor {

/// Between two looks at the connections that wait to be closed.
constexpr auto kSweepEvery = std::chrono::milliseconds(250);

/// Loop only, except for `options` and `stopping`.
struct Commons {
  using ReadBuffer = std::array<char, std::size_t{256} << 10>;

  Commons(Loop& its_loop, Reporter& its_reporter, const Options& its_options)
      : loop(its_loop),
        reporter(its_reporter),
        options(its_options),
        unread(options.max_unread, MemoryLimit::Single::allowed),
        read_buffer(std::make_unique<ReadBuffer>()) {}

  Loop& loop;
  Reporter& reporter;
  const Options& options;
  /// What peers asked for, or made us send, and do not take.
  MemoryLimit unread;
  /// One for all reads: only what straddles two reads is ever copied out of it.
  const std::unique_ptr<ReadBuffer> read_buffer;
  /// The processes are gone, and the connections drain.
  std::atomic<bool> stopping{false};
};

}  // namespace compactor
