// Where send takes its messages from: one of them N times, or the lines of a batch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "compactor/pid.h"
#include "node/run.h"
#include "send/batch.h"

namespace tool {

/// A message to be sent. Shared: a repeated one is held once.
struct Outgoing {
  compactor::Pid to{};
  std::string to_text{};
  std::string name{};
  std::string body{};
  std::string from{};                   // the sender to state; empty: ourselves
  std::optional<std::uint64_t> line{};  // of the batch
  bool skipped = false;                 // not to be sent, only told
};

class Source {
 public:
  virtual ~Source() = default;

  /// Sending begins now: paces and recorded spacings count from here. Called once, before the first
  /// message is sent, though it may have been taken already.
  virtual void begin() {}

  enum class Next { message, wait, end };
  struct Step {
    Next next = Next::end;
    std::shared_ptr<const Outgoing> message{};  // of Next::message
    std::optional<Steady::time_point>
        at{};  // of Next::wait: when to ask again; nothing: when fd() is readable
  };
  /// Never blocks, nor takes long: of much that yields no message it takes a part, and asks to be
  /// asked again now. Throws Failure for a line that cannot be sent; the next call is about the
  /// line after it.
  virtual Step next() = 0;
  /// To be watched for more; -1 when there is nothing to watch.
  virtual int fd() const { return -1; }
  /// How many messages there would have been yet, as far as that is known now: lines are counted,
  /// not read. Ends the source. `goes_on` is asked now and then; with false the counting ends.
  virtual std::uint64_t remaining(const std::function<bool()>& goes_on) = 0;
  virtual std::uint64_t ignored() const { return 0; }
};

/// `rate`: messages per second; nothing: as fast as it goes.
std::unique_ptr<Source> repeat(Outgoing message, std::uint64_t times, std::optional<double> rate);

/// `speed`: the recorded spacing divided by it; nothing: none. Does not own `fd`.
std::unique_ptr<Source> batch(int fd, BatchRules rules, std::optional<double> speed, bool keep_from,
                              Console& console);

}  // namespace tool
