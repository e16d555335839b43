// The Context of a command: its address, its observer, and the pausing of its inbound side.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/rate_limit.h"
#include "cli/signals.h"
#include "compactor/context.h"
#include "node/process_options.h"
#include "output/console.h"

namespace tool {

// Names are looked up within `time`, whatever the system's resolver takes, and only until a signal
// ends the run. Each throws Failure: exit 3 for a name that does not resolve, 4 when the time runs
// out, 130 or 143 for the signal.

/// The numeric addresses of a host, IPv4 and IPv6; `of` says in errors what it is the host of.
std::vector<std::string> look_up(const std::string& host, std::string_view of, Duration time);

/// Its first IPv4 address.
std::string resolve_host(const std::string& host, std::string_view of, Duration time);

/// A PID as the user typed it, checked, its host resolved: on the wire stands a numeric address, as
/// libprocess has it. Also throws Failure (exit 2) for what is not a PID.
compactor::Pid resolve_pid(std::string_view typed, Console& console, Duration time);
std::vector<compactor::Pid> resolve_pids(const std::vector<std::string>& typed, Console& console,
                                         Duration time);

/// Its host, if that is a name: whom the certificate of a server is asked to be for. Empty if not.
std::string typed_host(std::string_view typed);

/// Throws Failure (exit 2) when `name` to `to` cannot be carried.
void check_sendable(compactor::Style style, std::string_view from, const compactor::Pid& to,
                    std::string_view name);

/// What to try after such an end of a connection; "" when nothing is known. A TLS server closes at
/// the first bytes of plain HTTP, mostly without a word.
struct Heard {
  bool tls = false;       // the connection spoke TLS
  bool answered = false;  // it had answered before
};
const char* hint_for(compactor::Fault fault, const std::error_code& error = {},
                     const Heard& heard = {});

/// Fills in what the user left open: the LIBPROCESS_* variables, and, with all interfaces bound,
/// the address to advertise: the source address of the route to the first target, with a warning
/// for each other target that sees another one. Names are looked up as above.
compactor::Options make_options(const ProcessOptions& process,
                                const std::vector<compactor::Pid>& targets, Console& console,
                                Duration resolve_time);

/// `--id`, else compactor-COMMAND(PID). Throws Failure (exit 2) for an id that cannot be carried.
std::string own_id(const ProcessOptions& process, std::string_view command);

/// Shows what the Context reports. All calls are made on the loop thread.
class ConsoleObserver : public compactor::Observer {
 public:
  explicit ConsoleObserver(Console& console) : console_(console) {}

  void connected(const compactor::Address& peer, const compactor::Address& local,
                 compactor::Duration took) override;
  void connect_failed(const compactor::Address& peer, std::error_code error,
                      compactor::Duration took) override;
  void secured(const compactor::Address& peer, const compactor::TlsPeer& tls,
               compactor::Duration took) override;
  void tls_failed(const compactor::Address& peer, std::error_code error,
                  std::string_view reason) override;
  void accepted_tls(const compactor::Address& peer, const compactor::TlsPeer& tls) override;
  void disconnected(const compactor::Address& peer, compactor::ExitReason reason) override;
  void request_out(const compactor::Address& peer, std::string_view head) override;
  void response_in(const compactor::Address& peer, std::string_view head) override;
  bool wants_heads() const override { return console_.options().verbose > 0; }
  void rejected(const compactor::Address& peer, std::string_view why) override;
  void warning(std::string_view text) override { console_.warning(text); }

 private:
  Console& console_;
  compactor::RateLimit tls_failures_{10};
};

/// Runs from construction to stop().
class Node {
 public:
  /// Throws Failure: exit 3 when the address cannot be bound, 6 for the files of TLS. When nobody
  /// reads stdout any more, `waiter` finishes. With TLS, SIGHUP reads its files again.
  Node(compactor::Options options, Console& console, Waiter& waiter);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  compactor::Context& context() { return *context_; }
  /// Throws Failure (exit 2) for an id that is taken or cannot be carried.
  compactor::Pid spawn(std::shared_ptr<compactor::Process> process);

  /// As long as anybody holds, nothing more is received; links and timers go on. Any thread.
  void hold();
  void release();

  /// See Context::stop. A second call does nothing.
  compactor::StopReport stop(compactor::Duration drain = std::chrono::seconds(5));

 private:
  Console& console_;
  std::unique_ptr<compactor::Context> context_;
  std::mutex hold_mutex_;
  int holds_ = 0;
};

}  // namespace tool
