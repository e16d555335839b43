// What a run tells: the same typed events for the text and the JSON output. Views are valid during
// the call only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "failure.h"
#include "latency.h"

namespace tool {

using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

inline WallTime now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

struct ServingEvent {
  std::string_view pid{};
};

struct MessageEvent {
  WallTime time{};
  std::string_view from{};  // the sender's header as it came
  std::string_view to{};    // decoded id@address
  std::string_view name{};
  std::string_view body{};
  std::optional<std::uint64_t> number{};  // for --exec
};

struct DeliveryEvent {
  std::string_view to{};
  std::string_view name{};
  std::size_t size = 0;
  int status = 0;  // 0: none came
  std::string_view outcome{};
  std::chrono::nanoseconds ack{0};
  std::string_view reason{};
  std::optional<std::uint64_t> line{};  // of --batch, from 1
};

struct ProbeEvent {
  std::uint64_t seq = 0;
  std::string_view target{};
  std::optional<std::chrono::nanoseconds> connect{};
  std::optional<std::chrono::nanoseconds> ack{};
  std::optional<std::chrono::nanoseconds> reply{};
  int status = 0;
  std::string_view outcome{};
  std::string_view reason{};
  bool late = false;
};

struct LinkedEvent {
  std::string_view pid{};
};

struct ExitedEvent {
  std::string_view pid{};
  std::string_view reason{};
};

struct ServeSummary {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t, std::less<>> by_name{};
  std::uint64_t rejected = 0;
  std::uint64_t replies_failed = 0;
  double duration_s = 0;
};

struct SendSummary {
  std::uint64_t sent = 0;  // handed to the connection
  std::uint64_t accepted = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t ignored = 0;  // lines of another type
  std::uint64_t skipped = 0;  // partial ones
  std::uint64_t bytes = 0;    // bodies of those accepted
  double duration_s = 0;
  const Latency* ack = nullptr;
};

struct PingSummary {
  std::string_view target{};
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  double loss_pct = 0;
  double duration_s = 0;
  const Latency* connect = nullptr;
  const Latency* ack = nullptr;
  const Latency* reply = nullptr;
};

struct LinkSummary {
  std::uint64_t linked = 0;
  std::uint64_t exited = 0;
  std::uint64_t gone = 0;
  std::uint64_t reconnects = 0;
};

}  // namespace tool
