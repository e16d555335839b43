// The inside of a Context: the sum of its parts, and what enters them from other threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "actor/commons.h"
#include "actor/inbound_connections.h"
#include "actor/loop.h"
#include "actor/messages.h"
#include "actor/outbound_connections.h"
#include "actor/registry.h"
#include "actor/reporter.h"
#include "actor/router.h"
#include "actor/task_queue.h"
#include "actor/timers.h"
#include "compactor/context.h"
#include "net/budget.h"

namespace compactor {

/// Public functions may be called from any thread, but the destructor not from the loop's.
class ContextImpl {
 public:
  ContextImpl(Context& context, Options options);
  ~ContextImpl();
  ContextImpl(const ContextImpl&) = delete;
  ContextImpl& operator=(const ContextImpl&) = delete;

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
  bool post(std::function<void()> task) { return post_task(std::move(task)); }
  bool on_loop() const { return loop_.on_loop(); }
  void pause_receiving();
  void resume_receiving();
  void route(std::string path, RouteHandler handler);
  void reload_tls();
  Statistics statistics() const { return reporter_.counters.snapshot(); }
  StopReport stop(Duration drain);
  /// In place of the destructor, on the loop: the processes end now. This object outlives its owner
  /// until the connections have drained, and then deletes itself.
  void abandon();
  void join();

  const Address& address() const { return advertised_; }
  const Address& bound() const { return inbound_.bound(); }
  const Options& options() const { return options_; }

 private:
  struct LocalSend {
    LocalMessage message;
    bool undeliverable = false;  // there was no receiver: only its sender is still to be told
  };
  struct PostedReply {
    ReturnAddress address;
    std::string name, body;
    std::size_t reserved;  // of posted_replies_
    OnDelivery on_delivery;
  };
  /// Its sender is still to be told.
  struct RefusedReply {
    OnDelivery on_delivery;
    Delivery delivery;
  };
  /// Calls are dropped at the end; of every other kind there is somebody to be told what became of
  /// it.
  using Task =
      std::variant<std::function<void()>, EncodedMessage, LocalSend, PostedReply, RefusedReply>;

  void run();
  void warn_of_tls();
  void end_turn();
  bool post_task(Task task);
  void run_tasks();
  void run_task(const std::function<void()>& call);
  void run_task(EncodedMessage& message);
  void run_task(LocalSend& send);
  void run_task(PostedReply& reply);
  void run_task(const RefusedReply& reply);
  /// Runs `call` on the loop and waits for it; throws what it throws, or Stopped.
  void call_on_loop(const std::function<void()>& call);

  bool is_our_address(const Pid& pid) const;
  std::shared_ptr<Process> local_process(const Pid& pid) const;
  /// What bounds that which is under way to it.
  std::shared_ptr<Budget> budget_to(const Pid& to);
  SendResult send_local(const OutgoingMessage& message, OnDelivery on_delivery,
                        std::shared_ptr<Process> owner);
  SendResult send_remote(const OutgoingMessage& message, OnDelivery on_delivery,
                         std::shared_ptr<Process> owner);
  /// Why there can be no reply of about that size; empty when there can, as far as can be known
  /// before its receiver's name is looked up.
  std::string why_no_reply(const ReturnAddress& address, std::string_view name,
                           std::size_t size) const;
  void reply_on_loop(const ReturnAddress& address, std::string_view name, std::string_view body,
                     OnDelivery on_delivery);
  void unsent_at_stop(const OnDelivery& on_delivery);
  void link_on_loop(const std::string& process_id, const Pid& to);
  void unlink_on_loop(const std::string& process_id, const Pid& to);

  void begin_stop(Duration drain);
  void end_processes(Duration drain);
  void finish_stop();

  Context& context_;
  const Options options_;
  Loop loop_;
  TaskQueue<Task> tasks_;
  std::vector<Task> running_;  // taken from there
  Reporter reporter_;
  Commons commons_;
  Registry registry_;
  Router router_;
  InboundConnections inbound_;
  const Address advertised_;
  OutboundConnections outbound_;
  Budget posted_replies_;  // from other threads, which the loop has not come to
  Timers timers_{loop_};

  bool finished_ = false;   // everything is given up
  bool abandoned_ = false;  // deletes itself when the thread ends
  asio::steady_timer stop_timer_{loop_.io()};
  StopReport report_;
  std::mutex stop_mutex_;  // one stop() joins the thread
  // Shared with those who wait for it: when a handler destroys the Context, they may still look at
  // it when all else is gone.
  std::atomic<int> joined_ = 0;
  const std::shared_ptr<std::latch> stopped_ = std::make_shared<std::latch>(1);
  std::thread thread_;
};

}  // namespace compactor
