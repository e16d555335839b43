// The processes of a Context, their mailboxes, and the links between them.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "actor/local_links.h"
#include "actor/loop.h"
#include "actor/messages.h"
#include "actor/reporter.h"
#include "compactor/context.h"
#include "net/budget.h"

namespace compactor {

class ContextImpl;

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// By path. Shared with the call under way.
using Routes = std::map<std::string, std::shared_ptr<const RouteHandler>, std::less<>>;

/// Where a process lives: what it learns when it is spawned.
struct Home {
  Address address;  // of its PID
  Context* context = nullptr;
  ContextImpl* impl = nullptr;
};

/// Knows no sockets: a message of a peer comes by deliver(), one of our own by send(). Loop only,
/// unless a function says otherwise.
class Registry {
 public:
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

  /// `budget` bounds all local messages that wait. `ended` is told the id of a process that gets no
  /// more calls, before those linked to it learn that.
  Registry(Loop& loop, Reporter& reporter, std::shared_ptr<Budget> budget,
           std::function<void(const std::string&)> ended);

  /// Registers the process and runs its initialize(). As Context::spawn().
  void add(const std::shared_ptr<Process>& process, Home home);
  /// Runs its finalize(). No such process: nothing happens.
  void end(std::string_view id);
  /// Ends all; no other is added any more, and threads that wait for the budget are woken.
  void close();

  /// Null when there is none. Any thread.
  std::shared_ptr<Process> find(std::string_view id) const;
  const StringMap<std::shared_ptr<Slot>>& processes() const { return processes_; }
  static const Routes& routes(const Process& process) { return process.routes_; }
  static const Pid& pid(const Process& process) { return process.pid_; }

  /// Calls receive() at once. False when no process has that id.
  bool deliver(const IncomingMessage& message);
  /// The process is there and wants messages of that name to wait while receiving is paused.
  bool must_wait(std::string_view id, std::string_view name) const;

  /// Of the budget: shared with threads that send. Any thread.
  const std::shared_ptr<Budget>& budget() const { return budget_; }
  /// Puts the message, for which room was reserved in the budget, into its receiver's mailbox.
  /// False when there is none; otherwise the message is moved from.
  bool send(LocalMessage& message);
  /// Gives back its share of the budget and tells its sender.
  void complete(const LocalMessage& message, const Delivery& delivery);

  /// Calls it later, unless the process has ended by then. Null: nothing happens.
  void dispatch(const std::shared_ptr<Process>& process, std::function<void(Process&)> call);

  /// `to` is one of ours; when there is no such process, the linker learns that at once.
  void link(const std::string& linker, const Pid& to);
  void unlink(const std::string& linker, const Pid& to) { links_.remove(linker, to.id); }
  /// One that `linker` is linked to is gone.
  void exited(const std::string& linker, const Pid& pid, ExitReason reason);

  /// Handles what waits now, and what that leads to; after so many rounds it gives up.
  void run_until_idle(int rounds);
  /// Messages that were not handled before close().
  std::size_t unsent() const { return unsent_; }

 private:
  const std::shared_ptr<Slot>* find_slot(std::string_view id) const;
  void end(const std::shared_ptr<Slot> slot);
  /// It gets no more events, and those linked to it learn it.
  void forget(Slot& slot);
  void drop_events(Slot& slot);
  void enqueue(const std::shared_ptr<Slot>& slot, Event event);
  void run_mailboxes();
  void handle(Slot& slot, Event& event);
  void handle(Slot& slot, LocalMessage& message);
  template <class F>
  void guarded(const Process& process, std::string_view what, F&& call);

  Loop& loop_;
  Reporter& reporter_;
  const std::shared_ptr<Budget> budget_;
  const std::function<void(const std::string&)> ended_;
  // Written on the loop under the mutex, read by others under it.
  StringMap<std::shared_ptr<Slot>> processes_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Slot>> ready_;
  bool posted_ = false, closed_ = false;
  std::size_t unsent_ = 0;
  LocalLinks links_;
};

}  // namespace compactor
