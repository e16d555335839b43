// The inside of a Context: the loop thread and all that lives on it. Unless a function says
// otherwise it is called on the loop.
#pragma once

#include <array>
#include <asio.hpp>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "actor/budget.h"
#include "actor/inbound.h"
#include "actor/loop.h"
#include "actor/memory_limit.h"
#include "actor/messages.h"
#include "actor/net.h"
#include "actor/outbound.h"
#include "actor/registry.h"
#include "actor/reply_connections.h"
#include "actor/reporter.h"
#include "actor/resolver.h"
#include "actor/router.h"
#include "compactor/context.h"

namespace compactor {

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept {
    return std::hash<std::string>{}(address.host) * 31 + address.port;
  }
};

class ContextImpl {
 public:
  ContextImpl(Context& context, Options options);  // any thread
  ~ContextImpl();                                  // any thread but the loop's
  ContextImpl(const ContextImpl&) = delete;
  ContextImpl& operator=(const ContextImpl&) = delete;

  // --- any thread
  Pid spawn(std::shared_ptr<Process> process);
  void terminate(const Pid& pid);
  std::shared_ptr<Process> find_local(const Pid& pid) const;
  SendResult send(const OutgoingMessage& message, OnDelivery on_delivery,
                  std::shared_ptr<Process> owner = {});
  SendResult send_wait(const OutgoingMessage& message, Duration timeout,
                       const OnDelivery& on_delivery);
  SendResult reply(const ReturnAddress& address, std::string_view name, std::string_view body,
                   OnDelivery on_delivery);
  void when_room(const Pid& to, std::function<void()> ready);
  void link(const Pid& process, const Pid& to);
  void unlink(const Pid& process, const Pid& to);
  void dispatch(const Pid& pid, std::function<void(Process&)> call);
  TimerId delay(Duration after, const Pid& pid, std::function<void(Process&)> call);
  bool cancel(TimerId timer);
  /// False when the Context has stopped: `task` will not run.
  bool post(std::function<void()> task);
  bool on_loop() const { return loop_.on_loop(); }
  void pause_receiving(bool paused);
  void route(std::string path, RouteHandler handler);
  Statistics statistics() const { return reporter_.counters.snapshot(); }
  StopReport stop(Duration drain);
  void join();

  const Address& address() const { return advertised_; }
  const Address& bound() const { return bound_; }
  const Options& options() const { return options_; }

  // --- for connections
  Loop& loop() { return loop_; }
  Reporter& reporter() { return reporter_; }
  Registry& registry() { return registry_; }
  Resolver& resolver() { return resolver_; }
  /// One for all reads: only what straddles two reads is ever copied out of it.
  std::array<char, std::size_t{256} << 10>& read_buffer() { return *read_buffer_; }
  std::string& write_scratch() { return write_scratch_; }
  std::string_view date();
  /// The connection is flushed when this turn of the loop ends.
  void flush_later(std::shared_ptr<Inbound> connection) {
    inbound_to_flush_.push_back(std::move(connection));
  }
  void flush_later(std::shared_ptr<Outbound> connection) {
    outbound_to_flush_.push_back(std::move(connection));
  }
  Router& router() { return router_; }
  /// Nothing is read before.
  bool receiving_began() const { return receiving_began_; }
  /// Messages wait.
  bool receiving_paused() const { return paused_; }
  /// Receiving is paused, and the process is there and wants this message to wait.
  bool must_wait(std::string_view id, std::string_view name) const;
  /// The connection is resumed, after those held back before it, when receiving goes on.
  void hold_back(const std::shared_ptr<Inbound>& connection) { held_back_.push_back(connection); }
  /// What peers began and did not end; what they asked for, or made us send, and do not take.
  MemoryLimit& incomplete() { return incomplete_; }
  MemoryLimit& unread() { return unread_; }
  ReplyConnections& reply_connections() { return reply_connections_; }
  bool leads_to_us(in_addr ip, std::uint16_t port) const;
  void inbound_closed(const std::shared_ptr<Inbound>& connection);
  /// The connection takes no more messages; a new one is opened for the next.
  void outbound_retired(const std::shared_ptr<Outbound>& connection);
  void outbound_closed(const std::shared_ptr<Outbound>& connection);
  /// The process has its first link, or no link any more, that rests on this connection.
  void linked(const std::string& process_id, Outbound& connection) {
    linked_[process_id].insert(&connection);
  }
  void unlinked(const std::string& process_id, Outbound& connection);
  /// Asks for tick() on connections that wait to be closed.
  void need_sweep();
  bool stopping() const { return stopping_; }

 private:
  struct RemoteSend {
    Address to;
    std::shared_ptr<Budget> budget;  // what was reserved of it must find it again
    std::string bytes;
    Sent sent;
  };
  struct LocalSend {
    LocalMessage message;
    bool undeliverable = false;  // there was no receiver: only its sender is still to be told
  };
  /// What other threads hand to the loop, in order.
  using Task = std::variant<std::function<void()>, RemoteSend, LocalSend>;

  void run();
  void end_turn();
  bool post_task(Task task);
  void run_tasks();
  void run_call(const std::function<void()>& call);
  void run_send(RemoteSend& send);
  void run_send(LocalSend& send);
  /// Runs `call` on the loop and waits for it; throws what it throws, or Stopped.
  void call_on_loop(const std::function<void()>& call);

  void go_on_receiving();
  void accept();
  void accepted(int descriptor, const sockaddr_in& peer);

  bool is_our_address(const Pid& pid) const;
  /// Of a process that has ended.
  void forget_links(const std::string& process_id);
  std::shared_ptr<Budget> shared_budget(const Address& address);
  SendResult send_local(const OutgoingMessage& message, OnDelivery on_delivery,
                        std::shared_ptr<Process> owner);
  SendResult send_remote(const OutgoingMessage& message, OnDelivery on_delivery,
                         std::shared_ptr<Process> owner);
  std::shared_ptr<Outbound> outbound_to(const Address& address);
  /// In the table, and not open yet.
  std::shared_ptr<Outbound> make_outbound(const Address& address);
  void open(Outbound& connection);
  /// Why there can be no reply of about that size; empty when there can.
  std::string why_no_reply(const ReturnAddress& address, std::string_view name,
                           std::size_t size) const;
  void reply_on_loop(const ReturnAddress& address, std::string_view name, std::string_view body,
                     OnDelivery on_delivery);
  std::shared_ptr<Outbound> reply_connection(const Address& address);
  void link_on_loop(const std::string& process_id, const Pid& to);
  void unlink_on_loop(const std::string& process_id, const Pid& to);

  std::vector<std::shared_ptr<Outbound>> all_outbound() const;
  void sweep();
  void begin_stop(Duration drain);
  void finish_stop_when_drained();
  void finish_stop();

  Context& context_;
  Options options_;
  Address bound_, advertised_;
  const std::size_t max_connections_, max_outgoing_;
  MemoryLimit incomplete_, unread_;  // before what may refer to them until it is destroyed

  Loop loop_;
  Reporter reporter_;
  Registry registry_;
  Router router_;
  asio::posix::stream_descriptor listener_{loop_.io()};
  bool accept_paused_ = false, accept_warned_ = false;

  std::unordered_set<std::shared_ptr<Inbound>> inbound_;
  std::unordered_map<Address, std::shared_ptr<Outbound>, AddressHash> outbound_;
  std::unordered_set<std::shared_ptr<Outbound>> retired_;
  std::unordered_map<std::string, std::unordered_set<Outbound*>> linked_;  // by process
  ReplyConnections reply_connections_;
  Budget posted_replies_;  // from other threads, which the loop has not come to
  std::vector<std::shared_ptr<Inbound>> inbound_to_flush_;
  std::vector<std::shared_ptr<Outbound>> outbound_to_flush_;
  std::atomic<bool> paused_{false};
  bool receiving_began_ = true;
  std::deque<std::weak_ptr<Inbound>> held_back_;

  std::unordered_map<Address, std::shared_ptr<Budget>, AddressHash> budgets_;
  std::mutex budgets_mutex_;

  std::map<TimerId, std::unique_ptr<asio::steady_timer>> timers_;
  std::atomic<TimerId> next_timer_{1};

  std::unique_ptr<std::array<char, std::size_t{256} << 10>> read_buffer_;
  std::string write_scratch_;
  std::string date_;
  std::time_t date_second_ = 0;

  asio::steady_timer sweep_timer_{loop_.io()};
  bool sweep_armed_ = false;

  std::mutex tasks_mutex_;
  std::vector<Task> tasks_, tasks_running_;
  bool tasks_closed_ = false;

  std::atomic<bool> stopping_{false};  // processes are gone, connections drain
  bool finished_ = false;              // everything is given up
  asio::steady_timer stop_timer_{loop_.io()};
  std::vector<std::shared_ptr<Outbound>> draining_;  // those that may still be busy, once stopping
  StopReport report_;
  std::mutex stop_mutex_;  // one stop() joins the thread
  std::mutex stopped_mutex_;
  std::condition_variable stopped_changed_;
  bool stopped_ = false;

  std::thread thread_;

  Resolver resolver_;  // last: its worker may post until it is gone
};

}  // namespace compactor
