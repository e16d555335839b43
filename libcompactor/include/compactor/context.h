// Context: a libprocess node. One listening address, one loop thread, the processes spawned on it,
// and its connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "compactor/error.h"
#include "compactor/export.h"
#include "compactor/message.h"
#include "compactor/pid.h"
#include "compactor/process.h"
#include "compactor/tls.h"

namespace compactor {

using Duration = std::chrono::nanoseconds;

/// An IPv4 address, or a host name, and a port.
struct COMPACTOR_API Address {
  std::string host;
  std::uint16_t port = 0;
  std::string str() const;
  bool operator==(const Address&) const = default;
};

/// Sees what happens on the connections. Every call is made on the loop thread, must be short and
/// must not throw; views are valid during the call only. The defaults do nothing, except warning(),
/// which writes a line to stderr.
class COMPACTOR_API Observer {
 public:
  virtual ~Observer() = default;
  /// An outgoing connection was established; `local` is our end.
  virtual void connected(const Address& /*peer*/, const Address& /*local*/, Duration /*took*/) {}
  virtual void connect_failed(const Address& /*peer*/, std::error_code /*error*/,
                              Duration /*took*/) {}
  /// TCP is connected, and the TLS handshake begins. One of tls_failed(), secured() and
  /// downgraded() follows.
  virtual void handshaking(const Address& /*peer*/) {}
  virtual void tls_failed(const Address& /*peer*/, std::error_code /*error*/,
                          std::string_view /*reason*/) {}
  /// It speaks TLS, which took so long; called before connected(), whose time is that of TCP alone.
  virtual void secured(const Address& /*peer*/, const TlsPeer& /*tls*/, Duration /*took*/) {}
  /// A connection was accepted whose handshake is done.
  virtual void accepted_tls(const Address& /*peer*/, const TlsPeer& /*tls*/) {}
  /// There is no TLS with it, for this reason, and what follows goes in plain, as
  /// TlsOptions::support_downgrade allows. It is a warning() too.
  virtual void downgraded(const Address& /*peer*/, std::string_view /*why*/) {}
  /// An outgoing connection has ended.
  virtual void disconnected(const Address& /*peer*/, ExitReason /*reason*/) {}
  /// The head of a message as it goes out (also to be shown by `-v`); only when wants_heads().
  virtual void request_out(const Address& /*peer*/, std::string_view /*head*/) {}
  /// Status line and headers of a response as they came; only when wants_heads().
  virtual void response_in(const Address& /*peer*/, std::string_view /*head*/) {}
  virtual bool wants_heads() const { return false; }
  /// A peer sent what is not HTTP, or is over a limit: its connection is closed. Or a message was
  /// answered with 400 or 500. At most 100 calls in a second; Statistics::messages_rejected counts
  /// all.
  virtual void rejected(const Address& /*peer*/, std::string_view /*why*/) {}
  /// Something that the user should know: a sender that is no PID, a limit reached, a handler that
  /// threw. At most 100 in a second; then one that says that the rest is left out.
  virtual void warning(std::string_view text);
};

/// What a Context is made of. Defaults are those of the class; from_environment() takes
/// LIBPROCESS_IP, _PORT, _ADVERTISE_IP, _ADVERTISE_PORT and _REQUIRE_PEER_ADDRESS_IP_MATCH (an
/// empty variable counts as unset), and LIBPROCESS_SSL_* (see TlsOptions).
struct COMPACTOR_API Options {
  std::string ip;            // to bind; empty: all interfaces. A name is resolved
  std::uint16_t port = 0;    // 0: any free one
  std::string advertise_ip;  // in our PIDs; empty: the bound ip; when that is all interfaces, the
                             // source address of the default route, else the first non-loopback
                             // one, else 127.0.0.1
  std::uint16_t advertise_port = 0;  // 0: the bound port
  std::string
      delegate;  // plain requests whose first segment names no process go to the process of this id
  bool start_paused = false;  // nothing is read before the first resume_receiving(): so that no
                              // message or request comes before what it is for
  bool require_peer_ip_match = false;  // 400 to a message whose sender's ip is not its connection's
  Style style = Style::libprocess;

  std::size_t max_body = std::size_t{64} << 20;       // of a received message, also decompressed
  std::size_t max_incomplete = std::size_t{1} << 30;  // all received messages together that are not
                                                      // complete; over it the connection is closed
                                                      // whose message has not moved for longest
  std::size_t max_unread = std::size_t{512} << 20;    // all answers and replies together that their
                                                      // receivers do not take; over it those go
                                                      // that have not moved for longest
  std::size_t max_connections = 0;        // accepted at once; 0: hard limit of descriptors − 64
  std::size_t max_outgoing = 0;           // opened by us, at once; 0: the same
  std::size_t max_reply_connections = 0;  // of those, opened by reply() and used for nothing else;
                                          // 0: a quarter of them, at most 1024
  Duration reply_timeout =
      std::chrono::seconds(10);  // such a connection is given up when nothing of what it carries is
                                 // acknowledged for so long; also of a receiver that reads slowly
                                 // something is, again and again
  std::size_t max_queued_bytes = std::size_t{64} << 20;  // per address, not yet written
  std::size_t max_unanswered = 65536;  // per address, written or not. A peer that has never
                                       // answered anything, and leaves so many for idle_timeout,
                                       // is sent on: they are no_answer
  Duration connect_timeout = std::chrono::seconds(5);  // of TCP, and again of a TLS handshake
  Duration idle_timeout =
      std::chrono::seconds(60);  // of an outgoing connection without link; drained, then closed
  Duration keepalive_idle =
      std::chrono::seconds(15);  // TCP keep-alive of linked connections: first probe after …
  Duration keepalive_interval = std::chrono::seconds(5);  // … then every …
  int keepalive_count = 3;                                // … and lost after so many unanswered;
                                                          // as long when what was sent is not
  // acknowledged, as TCP does not probe then

  TlsOptions tls;  // of all connections, both ways

  std::shared_ptr<Observer> observer;  // null: warnings to stderr

  /// Throws Error for a port that is none, and as TlsOptions::from_environment().
  static Options from_environment();
};

/// Counters since construction. /metrics/snapshot shows them.
struct Statistics {
  std::uint64_t messages_received = 0;  // delivered to a process
  std::uint64_t bytes_received = 0;     // their bodies
  std::uint64_t messages_dropped = 0;   // 404
  std::uint64_t messages_rejected = 0;  // 400, 500, unparseable
  std::uint64_t messages_sent = 0;      // queued by send()
  std::uint64_t deliveries_failed = 0;  // any outcome but accepted
  std::uint64_t handler_exceptions = 0;
  std::uint64_t http_requests = 0;  // plain ones
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;  // inbound, now
  std::uint64_t links = 0;             // now
};

/// What stop() could not bring to its end.
struct StopReport {
  std::size_t unsent = 0;      // messages of which no byte was written, or that no local process
                               // has handled
  std::size_t unanswered = 0;  // messages written, wholly or in part, without an answer
};

using TimerId = std::uint64_t;

/// Serves from construction to stop(). All public functions may be called from any thread, unless
/// they say otherwise.
class COMPACTOR_API Context {
 public:
  /// Binds, listens, starts the loop thread. Throws SocketError with the address and the reason
  /// (taken port, not a local address, unresolvable name), Error for IPv6, and for TLS that cannot
  /// be: TlsFileError for its files.
  Context();
  explicit Context(Options options);
  /// stop(). On its own loop (in a handler, say) it ends the processes at once and returns; what
  /// they sent is still written and its answers awaited, on the loop thread, which then ends by
  /// itself. The handler that destroys the Context must not use it, or its process, any more.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// What our PIDs say: the advertised ip and port.
  const Address& address() const;
  /// What the socket is bound to.
  const Address& bound() const;
  const Options& options() const;
  std::string str() const;  // Context(ip:port)

  /// Registers the process, then runs its initialize() on the loop thread, before any message
  /// reaches it, and waits for that (in place when called on the loop). Throws InvalidProcess when
  /// the id is taken or cannot be carried, Stopped after stop(), and what initialize() throws; then
  /// nothing is left behind. Called on the loop of another Context it keeps that one waiting; when
  /// this Context's loop waits for that one in turn, directly or through others, Error is thrown,
  /// as both would wait for ever, and the process is not spawned.
  Pid spawn(std::shared_ptr<Process> process);
  template <class P, class... Args>
  Pid spawn(Args&&... args) {
    return spawn(std::make_shared<P>(std::forward<Args>(args)...));
  }

  /// Ends a local process: linkers get exited(pid, closed), finalize() runs. No such local process:
  /// nothing happens.
  void terminate(const Pid& pid);
  bool is_local(const Pid& pid) const;

  /// Queues a message; never blocks. Messages of one sender to one receiver keep their order. All
  /// messages to one address share one connection, opened when needed; bytes once written are never
  /// sent again. `from` is any text (a PID of this Context, unless a sender is forged on purpose).
  SendResult send(std::string_view from, const Pid& to, std::string_view name,
                  std::string_view body = {}, OnDelivery on_delivery = {});
  SendResult send(const Pid& from, const Pid& to, std::string_view name, std::string_view body = {},
                  OnDelivery on_delivery = {}) {
    return send(from.str(), to, name, body, std::move(on_delivery));
  }

  /// The waiting form, for any thread but the loop's (there: Error): waits until there is room, or
  /// nothing more was taken or acknowledged by the address of `to` for the time of `timeout`.
  SendResult send_wait(std::string_view from, const Pid& to, std::string_view name,
                       std::string_view body, Duration timeout, const OnDelivery& on_delivery = {});

  /// Sends a message only because another was received: to that one's sender, from its receiver.
  /// Who sends can write any address on a message, so what peers can make us do by that is bounded:
  /// - It never goes to ourselves, nor to 0.0.0.0.
  /// - A connection opened for replies is one of at most Options::max_reply_connections, and given
  /// up
  ///   after Options::reply_timeout without progress. (One that is linked, or sent to by send(), is
  ///   not one of them.)
  /// - While the receiver does not take its replies, nothing more is read from the connection that
  ///   the message came on. All others go on.
  /// - It carries its depth (see MessageView::reply_depth), by which two who reply to whatever
  /// comes
  ///   can find an end.
  /// `on_delivery` is told of everything that comes in the way of it, so the result is `queued`, or
  /// `stopped`. On the loop this never blocks; elsewhere it waits while the loop is behind.
  SendResult reply(const ReturnAddress& address, std::string_view name, std::string_view body = {},
                   OnDelivery on_delivery = {});

  /// Calls `ready` once, on the loop, as soon as the address of `to` has less than half of its
  /// limits queued, and room for the message that was refused last (at once when it has now). Not
  /// any more when the Context stops.
  void when_room(const Pid& to, std::function<void()> ready);

  /// `process` (local) learns by exited() when `to` is no longer there. For a remote PID a
  /// connection is opened, unless there is one, and nothing is sent on it; a failed connect is an
  /// exit too. Linking twice is once. A local PID that does not exist exits at once. Throws
  /// InvalidProcess when `process` is not local.
  void link(const Pid& process, const Pid& to);
  void unlink(const Pid& process, const Pid& to);

  /// Calls `call` with the process, later, on the loop, in the order of the calls from one thread.
  /// Throws InvalidProcess when the pid is not local. Nothing happens if it has ended by then.
  void dispatch(const Pid& pid, std::function<void(Process&)> call);
  /// The same with a member function. Throws InvalidMethod when the process is no P.
  template <class P, class R, class... Params, class... Args>
  void dispatch(const Pid& pid, R (P::*method)(Params...), Args&&... args) {
    check_type(pid, [](Process& process) { return dynamic_cast<P*>(&process) != nullptr; });
    dispatch(pid, bind_call<P>(method, std::forward<Args>(args)...));
  }

  /// dispatch() after a time (not negative; less counts as 0). Not called if the process has ended
  /// by then.
  TimerId delay(Duration after, const Pid& pid, std::function<void(Process&)> call);
  template <class P, class R, class... Params, class... Args>
  TimerId delay(Duration after, const Pid& pid, R (P::*method)(Params...), Args&&... args) {
    check_type(pid, [](Process& process) { return dynamic_cast<P*>(&process) != nullptr; });
    return delay(after, pid, bind_call<P>(method, std::forward<Args>(args)...));
  }
  /// False when it has run, or never was. Does not wait for the loop.
  bool cancel(TimerId timer);

  /// Runs `call` on the loop thread. Nothing after stop(). What it throws is a warning.
  void post(std::function<void()> call);
  bool on_loop() const;

  /// Back-pressure: while paused, messages to our processes wait, unless
  /// Process::receives_while_paused() lets them pass, and a connection is read up to the first that
  /// does. Plain requests are served; links, timers and outgoing messages go on. Takes effect with
  /// the next message.
  void pause_receiving();
  void resume_receiving();

  /// Routes that belong to no process: `/path` and below. Throws std::invalid_argument when the
  /// path does not begin with '/', Stopped after stop(). Does not wait for the loop.
  void route(std::string path, RouteHandler handler);

  /// Reads the files of Options::tls again; connections made from then on are with what is in them.
  /// Throws as the constructor, and then all stays as it was. Nothing without TLS.
  void reload_tls();

  Statistics statistics() const;

  /// Accepts no more, ends every process, writes what is queued and awaits its answers for at most
  /// `drain`, tells the rest to their OnDelivery (failed or no_answer, fault stopped), closes every
  /// socket, ends the loop thread. A second call returns an empty report. Called on the loop it
  /// stops without draining further calls: the thread is joined by the next stop() or the
  /// destructor from elsewhere. The same on the loop of another Context that this one's loop waits
  /// for. The destructor has to wait: not to be called there.
  StopReport stop(Duration drain = std::chrono::seconds(5));

  /// Blocks until stop() was called.
  void join();

 private:
  template <class P, class M, class... Args>
  static std::function<void(Process&)> bind_call(M method, Args&&... args) {
    return [method, bound = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)](
               Process& process) {
      std::apply([&](const auto&... a) { (dynamic_cast<P&>(process).*method)(a...); }, bound);
    };
  }
  void check_type(const Pid& pid, const std::function<bool(Process&)>& is_one) const;

  std::unique_ptr<class ContextImpl> impl_;
};

/// The address that the kernel would send from to reach `ip` (a numeric IPv4); nothing when there
/// is no route.
COMPACTOR_API std::optional<std::string> source_address_to(const std::string& ip);
/// What a PID should say when all interfaces are bound and no peer is known: the source address of
/// the default route, else the first non-loopback IPv4 that is up, else 127.0.0.1.
COMPACTOR_API std::string default_source_address();
/// Resolves a name to its first IPv4 address. Blocks, at most for `timeout`, whatever the system's
/// resolver takes. Throws SocketError; its code() is std::errc::timed_out when the time ran out.
COMPACTOR_API std::string resolve_ipv4(const std::string& host,
                                       Duration timeout = std::chrono::seconds(5));

/// The Context that the free functions below use: made on first use, from the environment, or by
/// initialize().
COMPACTOR_API Context& default_context();
/// Makes it with these options. Throws Error when it exists already.
COMPACTOR_API Context& initialize(Options options);
COMPACTOR_API Pid spawn(std::shared_ptr<Process> process);
template <class P, class... Args>
Pid spawn(Args&&... args) {
  return default_context().spawn<P>(std::forward<Args>(args)...);
}
/// Blocks until the default Context is stopped.
COMPACTOR_API void join();

}  // namespace compactor
