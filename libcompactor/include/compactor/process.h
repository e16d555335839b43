// Process: an actor. It has a name, mailboxes and routes; it is spawned on a Context, which calls
// it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compactor/error.h"
#include "compactor/export.h"
#include "compactor/http.h"
#include "compactor/message.h"
#include "compactor/pid.h"

namespace compactor {

class Context;
class ContextImpl;

/// Derive from it, install handlers in the constructor or in initialize(), spawn it.
///
/// Threads: once spawned, every virtual function and every handler is called on the loop thread of
/// the Context, one at a time, so a process needs no locks for its own state. send(), link(),
/// terminate() may be called from any thread; install(), route() and delegate() only before
/// spawning or on the loop thread.
///
/// An exception that leaves a handler is logged and counted; the process lives on.
class COMPACTOR_API Process {
 public:
  using Handler = std::function<void(const Pid& from, std::string_view body)>;

  /// The id of the PID. Any bytes but CR, LF and '@'.
  explicit Process(std::string id);
  virtual ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& id() const { return id_; }

  /// Throw UnboundProcess before the process is spawned.
  const Pid& pid() const;
  Context& context() const;

  /// The paths given to route().
  std::vector<std::string> route_paths() const;

 protected:
  /// Called once, when the process can be reached and before its first message. An exception here
  /// comes out of spawn(), and the process is not spawned.
  virtual void initialize() {}

  /// The process will get no more calls. Not called when initialize() failed.
  virtual void finalize() {}

  /// A linked process is no longer there: called once per linked PID; the link is gone then.
  /// A lost connection is reported to every linker of every PID at that address (libprocess does
  /// the same).
  virtual void exited(const Pid& pid, ExitReason reason);

  /// A message for this process. The default calls the handler installed for its name, else passes
  /// it to the delegate of its name, else drops it, as libprocess does. Override it to see every
  /// message.
  virtual void receive(const MessageView& message);

  /// Whether a message of that name may come while the Context's receiving is paused. For those
  /// that cost nothing of what the pause is for; called on the loop, for every one of them.
  virtual bool receives_while_paused(std::string_view /*name*/) const { return false; }

  /// Calls `handler` for messages of that name. The last installation of a name counts; those of
  /// base classes are kept.
  void install(std::string name, Handler handler);

  template <class P>
  void install(std::string name, void (P::*method)(const Pid& from, std::string_view body)) {
    install(std::move(name),
            [self = static_cast<P*>(this), method](const Pid& from, std::string_view body) {
              (self->*method)(from, body);
            });
  }

  /// Serves plain HTTP at /ID/path; the longest path that is a prefix (of whole segments) wins. The
  /// path must begin with '/', else std::invalid_argument. A mailbox of the same name does not get
  /// in its way: a message goes to the mailbox, anything else to the route.
  void route(std::string path, RouteHandler handler);

  /// Messages of that name that have no handler here go to `to`, with their sender unchanged.
  void delegate(std::string name, Pid to);

  /// Never blocks. See Context::send.
  SendResult send(const Pid& to, std::string_view name, std::string_view body = {},
                  OnDelivery on_delivery = {});

  /// See Context::link.
  void link(const Pid& to);

  /// Ends this process; those linked to it learn it. Messages already queued to it are not handled.
  void terminate();

 private:
  friend class Registry;

  ContextImpl& bound() const;

  std::string id_;
  Pid pid_;
  std::string pid_text_;
  std::weak_ptr<Process> self_;
  Context* context_ =
      nullptr;  // set once by spawn(); so a process must not be used after its Context is gone
  ContextImpl* impl_ = nullptr;
  // Shared with the call under way, so that a handler may install another in its own place.
  std::map<std::string, std::shared_ptr<const Handler>, std::less<>> handlers_;
  std::map<std::string, std::shared_ptr<const RouteHandler>, std::less<>> routes_;
  std::map<std::string, Pid, std::less<>> delegates_;
};

}  // namespace compactor
