// The seam between where traffic comes from and what is made of it.
#pragma once

#include <cstdint>
#include <optional>

#include "capture/exchange.h"
#include "output/events.h"

namespace tool {

/// What is made of the traffic: sniff prints it, trace tells its stories.
class Traffic : public compactor::capture::ExchangeEvents {
 public:
  /// The time of the first packet, before anything is told of it.
  virtual void begin(WallTime first) = 0;
  /// After which nothing is of interest any more.
  virtual std::optional<WallTime> end() const = 0;
  /// Nothing will be told any more that is about an earlier time.
  virtual void release(WallTime before) = 0;
  /// Nothing will be told at all.
  virtual void release_all() = 0;
  /// How much of it was shown.
  virtual std::uint64_t shown() const = 0;
  /// Prints how far it is, in the middle of a run.
  virtual void print_so_far(const SniffSummary& summary) = 0;
  /// Prints what stands at the end. The exit status.
  virtual int conclude(const SniffSummary& summary) = 0;
};

}  // namespace tool
