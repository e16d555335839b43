// The connections that we opened.
#pragma once

#include <asio.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actor/commons.h"
#include "actor/messages.h"
#include "actor/outbound.h"
#include "actor/registry.h"
#include "actor/reply_connections.h"
#include "compactor/context.h"
#include "net/budget.h"

namespace compactor {

/// A message that another thread has encoded. Its share of the budget is reserved.
struct EncodedMessage {
  Address to;
  std::shared_ptr<Budget> budget;  // what was reserved of it must find it again
  std::string bytes;
  Sent sent;
};

/// One for each address, opened when it is needed. Loop only, unless a function says otherwise.
class OutboundConnections : private OutboundHost {
 public:
  /// `bound` is where we listen ourselves: no reply goes there.
  OutboundConnections(Commons& its_commons, Registry& registry, Address bound);

  /// What is under way to an address may take so much. Any thread.
  std::shared_ptr<Budget> budget(const Address& address);

  /// `bound` is message_size_bound() of the message. Queued, or full.
  SendResult send(const OutgoingMessage& message, std::size_t bound, Sent&& sent);
  void send(EncodedMessage& message);
  /// A reply goes over a connection of its own kind (see ReplyConnections), which is returned. Null
  /// when there can be none to this receiver, and then `why`; otherwise `sent` is moved from.
  std::shared_ptr<Outbound> reply(const OutgoingMessage& message, std::size_t bound, Sent& sent,
                                  std::string& why);

  void link(const std::string& process_id, const Pid& to);
  void unlink(const std::string& process_id, const Pid& to);
  /// The process has ended: its links are forgotten.
  void unlink_all(const std::string& process_id);

  /// Writes the messages of this turn.
  void flush();
  bool needs_flush() const { return !to_flush.empty(); }

  /// No more messages come: threads that wait for room are woken, and each connection is closed
  /// when all that was sent on it is answered.
  void drain();
  /// Nothing is left to be written or answered.
  bool drained();
  /// Gives up what is left.
  void abort(StopReport& report);

 private:
  bool leads_to_us(in_addr ip, std::uint16_t port) const override;
  void need_sweep() override;
  void retired(const std::shared_ptr<Outbound>& connection) override;
  void closed(const std::shared_ptr<Outbound>& connection) override;
  void linked(const std::string& process_id, Outbound& connection) override;
  void unlinked(const std::string& process_id, Outbound& connection) override;
  void exited(const std::string& process_id, const Pid& pid, ExitReason reason) override;

  std::shared_ptr<Outbound> connection_to(const Address& address);
  std::shared_ptr<Outbound> reply_connection_to(const Address& address);
  /// In the table, and not open yet.
  std::shared_ptr<Outbound> make(const Address& address);
  void open(Outbound& connection);
  void append(Outbound& connection, const OutgoingMessage& message, std::size_t bound, Sent&& sent);
  void sweep();
  std::vector<std::shared_ptr<Outbound>> all() const;

  struct AddressHash {
    std::size_t operator()(const Address& address) const noexcept {
      return std::hash<std::string>{}(address.host) * 31 + address.port;
    }
  };
  template <class Value>
  using AddressMap = std::unordered_map<Address, Value, AddressHash>;

  Registry& registry_;
  const Address bound_;
  const std::size_t max_;
  std::mutex budgets_mutex_;
  AddressMap<std::shared_ptr<Budget>> budgets_;
  AddressMap<std::shared_ptr<Outbound>> by_address_;
  std::unordered_set<std::shared_ptr<Outbound>> retired_;
  std::unordered_map<std::string, std::unordered_set<Outbound*>> linked_;  // by process
  std::vector<std::shared_ptr<Outbound>> draining_;  // those that may still be busy
  asio::steady_timer sweep_timer_;
  bool sweep_armed_ = false;
  ReplyConnections reply_connections_;
};

}  // namespace compactor
