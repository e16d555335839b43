// Random conversations between an HTTP client and a server, as packets that passed a capture point,
// with the truth about each message: what it was answered.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/mangle.h"

namespace capture_test {

enum class Loss {
  none,
  request,     // packets with request bytes are missing
  answer,      // packets with answer bytes are missing
  late_start,  // the capture begins in the middle
  duplicated,  // packets come twice
  reordered,   // packets overtake each other on their way to the capture
};
constexpr Loss kLosses[] = {Loss::none,       Loss::request,    Loss::answer,
                            Loss::late_start, Loss::duplicated, Loss::reordered};

struct Conversation {
  TcpPackets packets;
  /// By name of the message; nothing when it was never answered.
  std::map<std::string, std::optional<int>> statuses;
};

Conversation converse(Random& random, Loss loss);

}  // namespace capture_test
