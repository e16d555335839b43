// Messages on their way through a Context.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "compactor/message.h"
#include "compactor/process.h"

namespace compactor {

/// A message of a peer, to be delivered. Views of the caller's.
struct IncomingMessage {
  std::string_view id;
  const Pid& from;
  std::string_view sender;
  std::string_view name;
  std::string_view body;
  unsigned reply_depth;
  Inbound* connection;
};

/// What is given to send. Views of the caller's.
struct OutgoingMessage {
  std::string_view from;
  const Pid& to;
  std::string_view name;
  std::string_view body;
  unsigned reply_depth = 0;
};

/// Sent by one of ours to one of ours: it waits in the receiver's mailbox.
struct LocalMessage {
  std::string to;  // id
  std::string sender;
  std::string name;
  std::string body;
  unsigned reply_depth;
  std::chrono::steady_clock::time_point sent;
  OnDelivery on_delivery;
  std::shared_ptr<Process> owner;  // keeps alive what on_delivery may refer to
};

}  // namespace compactor
