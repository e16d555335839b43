#include "node/node.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "cli/values.h"
#include "net/clock.h"
#include "net/net.h"
#include "net/resolver.h"
#include "wire/encode.h"

namespace tool {

namespace {

std::vector<std::string> look_up(const std::string& host, int family, std::string_view of,
                                 Duration time) {
  const auto deadline = compactor::in(time);
  // The first look-ups come before the Waiter of the run. It is made before the thread of the
  // look-up, which would be killed by the signal otherwise, and the process with it.
  Waiter waiter;
  compactor::Lookup lookup(host, family);
  switch (waiter.wait(deadline, lookup.descriptor())) {
    case Waiter::Reason::signal:
      throw waiter.interrupted();
    case Waiter::Reason::deadline:
      throw Failure(Exit::deadline, "timeout",
                    "cannot resolve " + std::string(of) + ": no answer in " + duration_text(time),
                    "is the name server reachable? an IPv4 address needs none");
    default:
      break;
  }
  if (lookup.error()) {
    throw Failure(Exit::unreachable, "resolve",
                  "cannot resolve " + std::string(of) + ": " + lookup.error().message(),
                  "check the name, or give the IPv4 address");
  }
  return lookup.addresses();
}

}  // namespace

std::vector<std::string> look_up(const std::string& host, std::string_view of, Duration time) {
  return look_up(host, AF_UNSPEC, of, time);
}

std::string resolve_host(const std::string& host, std::string_view of, Duration time) {
  in_addr numeric{};
  if (compactor::parse_ipv4(host, numeric)) return host;
  return look_up(host, AF_INET, of, time).front();
}

namespace {

bool any_interface(const std::string& ip) {
  return ip.empty() || ip == "0.0.0.0";
}

void refuse_ipv6(const std::string& ip, const char* option) {
  if (ip.find(':') == std::string::npos) return;
  throw Failure(Exit::usage, "usage", std::string(option) + " " + ip + " is an IPv6 address",
                "libprocess has only IPv4 in its PIDs");
}

std::string source_to(const compactor::Pid& target) {
  auto source = compactor::source_address_to(target.host);
  return source ? *source : compactor::default_source_address();
}

/// With all interfaces bound a PID has to say one address: the one that the targets can reach.
std::string address_for(const std::vector<compactor::Pid>& targets, Console& console) {
  if (targets.empty()) {
    auto ip = compactor::default_source_address();
    console.note("all interfaces are bound; peers are told " + ip + " (--advertise-ip changes it)");
    return ip;
  }
  auto ip = source_to(targets.front());
  for (std::size_t i = 1; i < targets.size(); ++i) {
    auto other = source_to(targets[i]);
    if (other == ip) continue;
    console.warning(targets[i].str() + " is reached from " + other + ", but is told " + ip +
                    " (--advertise-ip): it may not be able to answer");
  }
  return ip;
}

std::string peer_text(const compactor::Address& peer) {
  return peer.str() + ": ";
}

void show_head(Console& console, const char* direction, std::string_view head) {
  while (!head.empty()) {
    auto end = head.find('\n');
    auto line = head.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.empty()) console.detail(1, direction + std::string(line));
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
  }
}

}  // namespace

compactor::Pid resolve_pid(std::string_view typed, Console& console, Duration time) {
  auto pid = parse_pid(typed);
  check_id(pid.id);
  auto ip = resolve_host(pid.host, "the host of " + pid.str(), time);
  if (ip != pid.host) console.detail(1, pid.host + " is " + ip);
  pid.host = ip;
  return pid;
}

std::string typed_host(std::string_view typed) {
  const std::string host = parse_pid(typed).host;
  in_addr numeric{};
  return compactor::parse_ipv4(host, numeric) ? "" : host;
}

std::vector<compactor::Pid> resolve_pids(const std::vector<std::string>& typed, Console& console,
                                         Duration time) {
  // All are checked before the first is looked up: a mistake in the last should not wait for a
  // resolver.
  for (const auto& text : typed) parse_pid(text);
  std::vector<compactor::Pid> pids;
  pids.reserve(typed.size());
  for (const auto& text : typed) pids.push_back(resolve_pid(text, console, time));
  return pids;
}

void check_sendable(compactor::Style style, std::string_view from, const compactor::Pid& to,
                    std::string_view name) {
  const char* why = compactor::wire::why_not_sendable(style, from, to, name);
  if (why == nullptr) return;
  throw Failure(Exit::usage, "usage",
                "\"" + std::string(name) + "\" to " + to.str() + " cannot be sent: " + why);
}

const char* hint_for(compactor::Fault fault, const std::error_code& error, const Heard& heard) {
  if (error.category() == compactor::tls_category()) return tls_hint(error);
  switch (fault) {
    case compactor::Fault::tls:
      return "this port seems to speak TLS: --tls, or LIBPROCESS_SSL_ENABLED=true, speaks it too";
    case compactor::Fault::closed:
      if (heard.answered) return "was it stopped?";
      if (heard.tls) {
        return "it may not take our certificate (with the scheme legacy it has to be for what our "
               "address is called), or not such a message";
      }
      return "this port seems to speak TLS (--tls), or does not take such a message";
    case compactor::Fault::not_http:
      return "is this the port of a libprocess?";
    case compactor::Fault::connect:
      return "is anything listening there?";
    case compactor::Fault::resolve:
      return "check the name, or give the IPv4 address";
    default:
      return "";
  }
}

compactor::Options make_options(const ProcessOptions& process,
                                const std::vector<compactor::Pid>& targets, Console& console,
                                Duration resolve_time) {
  compactor::Options options;
  try {
    options = compactor::Options::from_environment();
  } catch (const compactor::Error& error) {
    throw Failure(Exit::usage, "usage", error.what(), "unset the variable, or correct it");
  }
  if (process.ip) options.ip = *process.ip;
  if (process.port) options.port = static_cast<std::uint16_t>(*process.port);
  if (process.advertise_ip) options.advertise_ip = *process.advertise_ip;
  if (process.advertise_port)
    options.advertise_port = static_cast<std::uint16_t>(*process.advertise_port);
  options.connect_timeout = process.connect_timeout;

  refuse_ipv6(options.ip, "--ip");
  refuse_ipv6(options.advertise_ip, "--advertise-ip");
  if (!options.ip.empty())
    options.ip = resolve_host(options.ip, "--ip " + options.ip, resolve_time);
  if (!options.advertise_ip.empty()) {
    options.advertise_ip =
        resolve_host(options.advertise_ip, "--advertise-ip " + options.advertise_ip, resolve_time);
  } else if (any_interface(options.ip)) {
    options.advertise_ip = address_for(targets, console);
  }
  options.tls = make_tls(process.tls);
  return options;
}

std::string own_id(const ProcessOptions& process, std::string_view command) {
  if (!process.id)
    return "compactor-" + std::string(command) + '(' + std::to_string(::getpid()) + ')';
  check_id(*process.id);
  return *process.id;
}

void ConsoleObserver::connected(const compactor::Address& peer, const compactor::Address& local,
                                compactor::Duration took) {
  auto micros = static_cast<double>(took.count()) / 1e3;
  console_.detail(
      1, peer_text(peer) + "connected from " + local.str() + " in " + human_duration(micros));
}

void ConsoleObserver::connect_failed(const compactor::Address& peer, std::error_code error,
                                     compactor::Duration took) {
  auto micros = static_cast<double>(took.count()) / 1e3;
  console_.detail(1, peer_text(peer) + error.message() + " after " + human_duration(micros));
}

void ConsoleObserver::secured(const compactor::Address& peer, const compactor::TlsPeer& tls,
                              compactor::Duration took) {
  auto micros = static_cast<double>(took.count()) / 1e3;
  console_.detail(1, peer_text(peer) + tls_text(tls) + ", in " + human_duration(micros));
}

void ConsoleObserver::tls_failed(const compactor::Address& peer, std::error_code,
                                 std::string_view reason) {
  // Who makes us connect, as by asking for replies, can make this be told as often as it likes.
  const auto verdict = tls_failures_.ask();
  if (verdict == compactor::RateLimit::Verdict::pass)
    console_.warning(peer_text(peer) + std::string(reason));
  if (verdict == compactor::RateLimit::Verdict::last)
    console_.warning("too many failures of TLS: those of the rest of this second are left out");
}

void ConsoleObserver::accepted_tls(const compactor::Address& peer, const compactor::TlsPeer& tls) {
  console_.detail(1, peer_text(peer) + "accepted, " + tls_text(tls));
}

void ConsoleObserver::disconnected(const compactor::Address& peer, compactor::ExitReason reason) {
  console_.detail(
      1, peer_text(peer) + "connection ended: " + std::string(compactor::to_string(reason)));
}

void ConsoleObserver::request_out(const compactor::Address&, std::string_view head) {
  show_head(console_, "> ", head);
}

void ConsoleObserver::response_in(const compactor::Address&, std::string_view head) {
  show_head(console_, "< ", head);
}

void ConsoleObserver::rejected(const compactor::Address& peer, std::string_view why) {
  console_.warning(peer_text(peer) + std::string(why));
}

Node::Node(compactor::Options options, Console& console, Waiter& waiter) : console_(console) {
  if (options.observer == nullptr) options.observer = std::make_shared<ConsoleObserver>(console);
  auto port = options.port;
  try {
    context_ = std::make_unique<compactor::Context>(std::move(options));
  } catch (const compactor::SocketError& error) {
    const char* hint =
        port == 0                                      ? "--ip takes a local address"
        : error.code() == std::errc::permission_denied ? "ports below 1024 need privileges"
        : error.code() == std::errc::address_in_use    ? "another --port, or 0 for any free one"
                                                       : "--ip takes a local address";
    throw Failure(Exit::unreachable, "bind", error.what(), hint);
  } catch (const compactor::TlsFileError& error) {
    throw tls_failure(error);
  } catch (const compactor::Error& error) {
    throw Failure(Exit::usage, "usage", error.what());
  }
  if (context_->options().tls.enabled)
    waiter.set_on_hangup([this] { reload_tls(console_, [this] { context_->reload_tls(); }); });
  auto hold = [this, &waiter](bool full) {
    full ? this->hold() : release();
    waiter.wake();  // who sends goes on when there is room to tell of it
  };
  console_.watch(hold, [&waiter] { waiter.finish(); });
}

Node::~Node() {
  stop();
}

compactor::Pid Node::spawn(std::shared_ptr<compactor::Process> process) {
  try {
    auto pid = context_->spawn(std::move(process));
    console_.detail(1, "our PID is " + pid.str());
    return pid;
  } catch (const compactor::InvalidProcess& error) {
    throw Failure(Exit::usage, "pid", error.what());
  }
}

void Node::hold() {
  std::lock_guard lock(hold_mutex_);
  if (holds_++ == 0) context_->pause_receiving();
}

void Node::release() {
  std::lock_guard lock(hold_mutex_);
  if (--holds_ == 0) context_->resume_receiving();
}

compactor::StopReport Node::stop(compactor::Duration drain) {
  console_.watch({}, {});
  return context_->stop(drain);
}

}  // namespace tool
