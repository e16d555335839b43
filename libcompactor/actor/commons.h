// What all connections of a Context share.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "actor/loop.h"
#include "actor/memory_limit.h"
#include "actor/reporter.h"
#include "compactor/context.h"
#include "net/network.h"
#include "tls/config.h"

namespace compactor {

/// Between two looks at the connections that wait to be closed.
constexpr auto kSweepEvery = std::chrono::milliseconds(250);

/// Loop only, except for `options` and `stopping`.
struct Commons {
  using ReadBuffer = std::array<char, std::size_t{256} << 10>;

  /// Runs what it is given later, on the loop; false when that has ended. Any thread.
  using Post = std::function<bool(std::function<void()>)>;

  /// Throws as tls::Config::load().
  Commons(Loop& its_loop, Reporter& its_reporter, const Options& its_options, Post post)
      : loop(its_loop),
        reporter(its_reporter),
        options(its_options),
        unread(options.max_unread, MemoryLimit::Single::allowed),
        read_buffer(std::make_unique<ReadBuffer>()),
        tls(options.tls.enabled ? tls::Config::load(options.tls) : nullptr),
        network{std::move(post)} {}

  Loop& loop;
  Reporter& reporter;
  const Options& options;
  /// What peers asked for, or made us send, and do not take.
  MemoryLimit unread;
  /// One for all reads: only what straddles two reads is ever copied out of it.
  const std::unique_ptr<ReadBuffer> read_buffer;
  /// Of the connections made from now on; null: they are plain.
  std::shared_ptr<const tls::Config> tls;
  Network network;
  /// The processes are gone, and the connections drain.
  std::atomic<bool> stopping{false};
};

}  // namespace compactor
