// What has to be looked at from time to time, not with every packet.
#pragma once

#include <chrono>

#include "capture/packet.h"

namespace compactor::capture {

/// Says once in a while, by the clock of the capture, that it is time again. A clock that was set
/// back counts as time passed: else nothing would be looked at until it has caught up.
class Pace {
 public:
  bool due(Time now) {
    if (now < next_ && next_ - now <= kInterval) return false;
    next_ = now + kInterval;
    return true;
  }

 private:
  static constexpr std::chrono::milliseconds kInterval{50};
  Time next_{};
};

}  // namespace compactor::capture
