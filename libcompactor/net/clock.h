// The clock of the loop.
#pragma once

#include <algorithm>
#include <chrono>

#include "compactor/context.h"

namespace compactor {

using Clock = std::chrono::steady_clock;

/// In `wait` from `start`; less than nothing counts as nothing, and for ever as years:
/// Duration::max() must not run over.
inline Clock::time_point in(Duration wait, Clock::time_point start = Clock::now()) {
  constexpr Duration kForEver = std::chrono::hours(24 * 365 * 10);
  return start +
         std::chrono::duration_cast<Clock::duration>(std::clamp(wait, Duration::zero(), kForEver));
}

}  // namespace compactor
