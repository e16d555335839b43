// compactor ping: connect, queue and reply times of a process.
#include <algorithm>
#include <memory>
#include <string>

#include "body/encoding.h"
#include "body/mailbox_names.h"
#include "cli/command_line.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "node/node.h"
#include "node/process_options.h"
#include "node/run.h"
#include "output/options.h"
#include "ping/pinger.h"

namespace tool {

namespace {

using compactor::Fault;

PingMode parse_mode(const std::string& word) {
  if (word == "ack") return PingMode::ack;
  if (word == "reply") return PingMode::reply;
  return word == "agent" ? PingMode::agent : PingMode::automatic;
}

double parse_percent(std::string text) {
  if (text.ends_with('%')) text.pop_back();
  try {
    std::size_t end = 0;
    double value = std::stod(text, &end);
    if (end == text.size() && value >= 0 && value <= 100) return value;
  } catch (const std::logic_error&) {
  }
  throw Failure(Exit::usage, "usage", "--max-loss \"" + text + "\" does not read", "0 to 100");
}

CommandLine declare(PingOptions& options) {
  CommandLine line("ping",
                   "Measures how long a process takes: to connect, to queue (202), to reply.",
                   "  compactor ping echo@10.0.0.5:5050 -c 5\n"
                   "  compactor ping master@10.0.0.5:5050 --wait 1m       wait until it is up\n"
                   "  compactor ping echo@10.0.0.5:5050 -f -c 10000 -q    how fast can it be\n"
                   "  compactor ping 'slave(1)@10.0.0.7:5051' --mode agent\n");
  line.positional("TARGET", options.target, "process to ping, as in echo@10.0.0.5:5050");
  line.group("Ping");
  line.choices(
      "--mode", "MODE", {"auto", "ack", "reply", "agent"},
      [&](const std::string& word) { options.mode = parse_mode(word); }, "what is measured");
  line.text("--name", "NAME", options.name, "message to send in reply mode (ping)");
  line.text("--reply-name", "NAME", options.reply_name, "message to await in reply mode (pong)");
  line.number("-c,--count", 1, UINT64_MAX, options.count, "end after N probes");
  line.duration("-i,--interval", options.interval, "between probes (1s)");
  line.size("-s,--size", options.size, largest_body, "bytes of the body (56)");
  line.duration("-W", options.per_probe, "wait for an answer to each (1s)");
  line.duration("-w,--deadline,--timeout", options.in_all, "end after DUR in all");
  line.flag("-f,--flood", options.flood, "the next as soon as the last has returned");
  line.duration("--wait", options.wait, "retry until it answers, at most DUR");
  line.value(
      "--max-loss", "PCT",
      [&](const std::string& typed) { options.max_loss = parse_percent(typed); },
      "exit 1 when more is lost");
  add_style_option(line, options.style);
  add_output_options(line, options.output);
  add_process_options(line, options.process);
  return line;
}

void check_limits(const PingOptions& options) {
  if (options.mode == PingMode::agent && options.flood) {
    throw Failure(Exit::usage, "usage",
                  "an agent is not to be flooded: each ping restarts its timer",
                  "leave out -f, or use --mode ack");
  }
}

int judge(const PingOptions& options, const Pinger& pinger, Waiter::Reason reason) {
  const auto& tally = pinger.tally();
  auto target = std::string(pinger.summary().target);
  if (tally.answered > 0)
    return options.max_loss && pinger.summary().loss_pct > *options.max_loss ? 1 : 0;
  auto why = tally.last_reason.empty() ? "" : ": " + tally.last_reason;
  bool refused = tally.finished > 0 && tally.refused == tally.finished;
  // Time alone does not make a port speak TLS, or stop to; anything else --wait has waited for.
  if (reason == Waiter::Reason::deadline &&
      (!refused || (options.wait && tally.last_fault != Fault::tls))) {
    throw Failure(Exit::deadline, "timeout", target + " did not answer in time" + why,
                  "is the process there, and can it reach us?");
  }
  if (tally.finished > 0 && tally.unconnected == tally.finished) {
    // The reason says "cannot connect" and names the address.
    throw Failure(Exit::unreachable, "connect", target + why, "is anything listening there?");
  }
  if (refused) {
    bool tls = tally.last_fault == Fault::tls;
    const auto* hint = hint_for(tally.last_fault, tally.last_error, {.tls = pinger.speaks_tls()});
    throw Failure(Exit::refused,
                  tls                                   ? "tls"
                  : tally.last_fault == Fault::not_http ? "not_http"
                                                        : "refused",
                  target + " refused" + why,
                  *hint != 0 ? hint : "is this the port of a libprocess?");
  }
  return 1;
}

}  // namespace

Outline outline_ping() {
  PingOptions options;
  return declare(options).outline();
}

int run_ping(const Arguments& arguments) {
  PingOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  check_limits(options);
  Console console(options.output, BodyView());
  auto id = own_id(options.process, "ping");
  auto limit = options.in_all;
  if (options.wait) limit = limit ? std::min(*limit, *options.wait) : *options.wait;
  auto resolve_time = std::min(options.process.connect_timeout, limit.value_or(Duration::max()));
  auto target = resolve_pid(options.target, console, resolve_time);
  auto name = options.mode == PingMode::ack ? std::string(probe_name) : options.name;
  check_sendable(options.style, id, target, name);
  options.process.tls.target_host = typed_host(options.target);
  auto context_options = make_options(options.process, {target}, console, resolve_time);
  context_options.style = options.style;
  // One connection for the run, however long the pauses are.
  context_options.idle_timeout =
      std::max<Duration>(context_options.idle_timeout, 3 * options.interval);
  auto observer = std::make_shared<PingObserver>(console);
  context_options.observer = observer;
  if (options.mode == PingMode::agent) {
    console.note(
        "each such ping restarts the timer by which the agent notices that it lost its master");
  }

  Waiter waiter;
  Node node(std::move(context_options), console, waiter);
  auto pinger = std::make_shared<Pinger>(id, options, target, observer, console, waiter);
  auto pid = node.spawn(pinger);
  waiter.on_quit = [&] {
    on_loop<Pinger>(node.context(), pid, [&](Pinger& process) {
      auto now_is = process.summary();
      console.note(std::to_string(now_is.sent) + " sent, " + std::to_string(now_is.answered) +
                   " answered, ack p50 " + human_duration(now_is.ack->percentile_us(50)) +
                   ", reply p50 " + human_duration(now_is.reply->percentile_us(50)));
    });
  };
  std::optional<Steady::time_point> deadline;
  if (limit) deadline = Steady::now() + *limit;
  auto reason = waiter.wait_for_end(deadline);
  on_loop<Pinger>(node.context(), pid, [](Pinger& process) { process.freeze(); });
  bool cut_off = console.ended();
  node.stop(Duration(0));
  if (cut_off) return 0;
  console.print(pinger->summary());
  return judge(options, *pinger, reason);
}

}  // namespace tool
