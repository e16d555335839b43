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
#include "actor/local_links.h"
#include "actor/memory_limit.h"
#include "actor/net.h"
#include "actor/outbound.h"
#include "actor/reply_connections.h"
#include "actor/resolver.h"
#include "base/rate_limit.h"
#include "compactor/context.h"

namespace compactor {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept {
    return std::hash<std::string>{}(address.host) * 31 + address.port;
  }
};

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
struct Call {
  std::function<void(Process&)> call;
};
struct Exit {
  Pid pid;
  ExitReason reason;
};
using Event = std::variant<LocalMessage, Call, Exit>;

/// A spawned process and what waits for it.
struct Slot {
  std::shared_ptr<Process> process;
  std::deque<Event> mailbox;
  bool scheduled = false;
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
  bool on_loop() const { return std::this_thread::get_id() == loop_id_; }
  void pause_receiving(bool paused);
  void route(std::string path, RouteHandler handler);
  Statistics statistics() const;
  StopReport stop(Duration drain);
  void join();

  const Address& address() const { return advertised_; }
  const Address& bound() const { return bound_; }
  const Options& options() const { return options_; }

  // --- for connections
  asio::io_context& io() { return io_; }
  Observer& observer() { return *observer_; }
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
  /// False when no process has that id.
  bool deliver(const IncomingMessage& message);
  HttpResponse serve_http(const HttpRequest& request);
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
  void deliver_exit(const std::string& process_id, const Pid& pid, ExitReason reason);
  /// The process has its first link, or no link any more, that rests on this connection.
  void linked(const std::string& process_id, Outbound& connection) {
    linked_[process_id].insert(&connection);
  }
  void unlinked(const std::string& process_id, Outbound& connection);
  /// Asks for tick() on connections that wait to be closed.
  void need_sweep();
  void complete(const OnDelivery& on_delivery, const Delivery& delivery);
  /// At most kToldPerSecond are passed on, so that no peer can fill a disk with them.
  void warn(std::string_view text);
  /// Counts it, and tells the observer, at most kToldPerSecond times.
  void rejected(const Address& peer, std::string_view why);
  bool stopping() const { return stopping_; }

  struct Counters {
    std::atomic<std::uint64_t> messages_received{0}, bytes_received{0}, messages_dropped{0},
        messages_rejected{0}, messages_sent{0}, deliveries_failed{0}, handler_exceptions{0},
        http_requests{0}, connections_accepted{0}, connections_open{0}, links{0};
  };
  /// Only the loop writes, so no atomic addition is needed.
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  Counters counters;

  const StringMap<std::shared_ptr<Slot>>& processes() const { return processes_; }
  /// The paths of the routes that belong to no process.
  std::vector<std::string> context_routes() const;

  /// Everything that enters from the loop runs inside one: at the end what was written is flushed.
  class Turn {
   public:
    explicit Turn(ContextImpl& impl) : impl_(impl) { ++impl_.turn_depth_; }
    ~Turn() {
      if (--impl_.turn_depth_ == 0) impl_.end_turn();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    ContextImpl& impl_;
  };

 private:
  static constexpr std::size_t kToldPerSecond = 100;

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

  void register_process(const std::shared_ptr<Process>& process);
  void end_process(const std::shared_ptr<Slot> slot);
  /// It gets no more events, and those linked to it learn it.
  void forget_process(Slot& slot);
  void enqueue(const std::shared_ptr<Slot>& slot, Event event);
  void enqueue_call(const std::shared_ptr<Process>& process, std::function<void(Process&)> call);
  void run_mailboxes();
  void handle(Slot& slot, Event& event);
  void handle(Slot& slot, LocalMessage& message);
  void drop_events(Slot& slot);
  template <class F>
  bool guarded(const Process& process, std::string_view what, F&& call);

  bool is_our_address(const Pid& pid) const;
  std::shared_ptr<Slot> find_slot(std::string_view id) const;
  std::shared_ptr<Budget> shared_budget(const Address& address);
  SendResult send_local(const OutgoingMessage& message, OnDelivery on_delivery,
                        std::shared_ptr<Process> owner);
  /// Gives back its share of the budget and tells its sender.
  void complete_local(const LocalMessage& message, const Delivery& delivery);
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
  std::shared_ptr<Observer> observer_;
  Address bound_, advertised_;
  const std::size_t max_connections_, max_outgoing_;
  MemoryLimit incomplete_, unread_;  // before what may refer to them until it is destroyed

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::posix::stream_descriptor listener_{io_};
  bool accept_paused_ = false, accept_warned_ = false;

  StringMap<std::shared_ptr<Slot>>
      processes_;  // written on the loop under the mutex, read by others under it
  mutable std::mutex processes_mutex_;
  std::vector<std::shared_ptr<Slot>> ready_;
  bool mailboxes_posted_ = false;
  std::shared_ptr<Budget> local_budget_;

  std::unordered_set<std::shared_ptr<Inbound>> inbound_;
  std::unordered_map<Address, std::shared_ptr<Outbound>, AddressHash> outbound_;
  std::unordered_set<std::shared_ptr<Outbound>> retired_;
  LocalLinks local_links_;
  std::unordered_map<std::string, std::unordered_set<Outbound*>> linked_;  // by process
  ReplyConnections reply_connections_;
  Budget posted_replies_;  // from other threads, which the loop has not come to
  std::vector<std::shared_ptr<Inbound>> inbound_to_flush_;
  std::vector<std::shared_ptr<Outbound>> outbound_to_flush_;
  int turn_depth_ = 0;
  std::atomic<bool> paused_{false};
  bool receiving_began_ = true;
  std::deque<std::weak_ptr<Inbound>> held_back_;

  std::unordered_map<Address, std::shared_ptr<Budget>, AddressHash> budgets_;
  std::mutex budgets_mutex_;

  std::map<std::string, std::shared_ptr<const RouteHandler>, std::less<>> routes_;
  std::map<TimerId, std::unique_ptr<asio::steady_timer>> timers_;
  std::atomic<TimerId> next_timer_{1};

  std::unique_ptr<std::array<char, std::size_t{256} << 10>> read_buffer_;
  std::string write_scratch_;
  std::string date_;
  std::time_t date_second_ = 0;
  RateLimit warnings_{kToldPerSecond}, rejections_{kToldPerSecond};

  asio::steady_timer sweep_timer_{io_};
  bool sweep_armed_ = false;

  std::mutex tasks_mutex_;
  std::vector<Task> tasks_, tasks_running_;
  bool tasks_closed_ = false;

  std::atomic<bool> stopping_{false};  // processes are gone, connections drain
  bool finished_ = false;              // everything is given up
  asio::steady_timer stop_timer_{io_};
  std::vector<std::shared_ptr<Outbound>> draining_;  // those that may still be busy, once stopping
  StopReport report_;
  std::mutex stop_mutex_;  // one stop() joins the thread
  std::mutex stopped_mutex_;
  std::condition_variable stopped_changed_;
  bool stopped_ = false;

  std::thread thread_;
  std::atomic<std::thread::id> loop_id_{};

  Resolver resolver_;  // last: its worker may post until it is gone
};

}  // namespace compactor
