// compactor inspect: what a libprocess node tells of itself over plain HTTP.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/command_line.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "compactor/context.h"
#include "http/introspection.h"
#include "node/node.h"
#include "node/run.h"
#include "node/tls_options.h"
#include "output/options.h"
#include "text/glob.h"

namespace tool {

namespace {

namespace http = compactor::http;

const std::vector<std::string> part_names{"processes", "endpoints", "metrics", "master", "agent"};

struct InspectOptions {
  OutputOptions output;
  BodyMode body = BodyMode::automatic;
  TypeOptions types;
  std::string target;
  std::set<std::string> only;  // of `part_names`; empty: all
  std::string metric = "*";
  std::string auth;
  std::optional<Duration> watch;
  std::optional<std::uint64_t> count;
  Duration timeout = std::chrono::seconds(5);
  std::size_t max_body = std::size_t{64} << 20;
  TlsArguments tls;

  bool wants(const std::string& part) const { return only.empty() || only.contains(part); }
};

CommandLine declare(InspectOptions& options) {
  CommandLine line(
      "inspect",
      "Shows the processes of a libprocess node, what waits in their mailboxes, and its metrics.",
      "  compactor inspect 10.0.0.5:5050\n"
      "  compactor inspect master@10.0.0.5:5050 --only processes\n"
      "  compactor inspect 10.0.0.5:5050 --only metrics --metric 'master/*' --watch 10s\n");
  line.positional("HOST:PORT", options.target, "the node; ID@HOST:PORT: only that process of it");
  line.group("Inspect");
  line.choices(
      "--only", "PART", part_names, [&](const std::string& part) { options.only.insert(part); },
      "only this part; may be given again", Times::often);
  line.text("--metric", "GLOB", options.metric, "only metrics of these names");
  line.text("--auth", "FILE", options.auth,
            "Basic authentication with the line user:password of FILE");
  line.duration("--watch", options.watch,
                "again and again with this pause; each time asks every process of the node");
  line.number("-c,--count", 1, 1'000'000'000, options.count, "end after N rounds of --watch");
  line.duration("--timeout", options.timeout, "to look up the name, and for each answer (5s)");
  line.size("--max-body", options.max_body, "of an answer (64m)");
  add_body_option(line, options.body);
  add_type_options(line, options.types);
  add_output_options(line, options.output);
  add_tls_options(line, options.tls);
  return line;
}

struct Target {
  std::string address;                 // as typed
  std::optional<std::string> process;  // only this one
  http::Server server;
};

/// HOST:PORT, which is a PID but for the id.
compactor::Pid parse_node(const std::string& typed) {
  try {
    return parse_pid("node@" + typed);
  } catch (const Failure&) {
    throw Failure(Exit::usage, "pid", "\"" + typed + "\" is no HOST:PORT", "as in 10.0.0.5:5050");
  }
}

Target read_target(const InspectOptions& options) {
  Target target;
  auto at = options.target.find('@');
  auto pid = at == std::string::npos ? parse_node(options.target) : parse_pid(options.target);
  if (at != std::string::npos) target.process = pid.id;
  target.address = pid.address();
  target.server.ip = resolve_host(pid.host, target.address, options.timeout);
  target.server.port = pid.port;
  target.server.timeout = options.timeout;
  target.server.connect_timeout = options.timeout;
  target.server.max_body = options.max_body;
  auto tls_arguments = options.tls;
  tls_arguments.target_host = pid.host == target.server.ip ? "" : pid.host;
  const auto tls = make_tls(tls_arguments);
  target.server.tls = load_tls(tls);
  target.server.tls_name = tls.hostname;
  if (!options.auth.empty()) {
    target.server.credentials = http::Credentials::parse(read_file(options.auth));
    if (!target.server.credentials) {
      throw Failure(Exit::usage, "usage", options.auth + " holds no credentials",
                    "its first line must be user:password");
    }
  }
  return target;
}

/// slave, or slave(N): a Mesos agent.
bool is_agent(std::string_view id) {
  if (!id.starts_with("slave")) return false;
  id.remove_prefix(5);
  return id.empty() ||
         (id.starts_with('(') && id.find_first_not_of("0123456789", 1) + 1 == id.size() &&
          id.size() > 2 && id.ends_with(')'));
}

/// The status, and what the node says to it if that is meant for people.
std::string status_text(const http::Answer& answer) {
  constexpr std::size_t most_shown = 200;
  auto text = "status " + std::to_string(answer.status);
  auto line = answer.body.substr(0, answer.body.find_first_of("\r\n"));
  if (answer.status < 500 || line.empty() || !answer.content_type.starts_with("text/plain"))
    return text;
  return text + ": " + line.substr(0, most_shown);
}

/// What is wrong with an answer. A 404 is a clear no.
Failure failure_of(const http::Answer& answer, const std::string& url) {
  using http::Fault;
  auto message = url + ": " + (answer.fault == Fault::none ? status_text(answer) : answer.reason);
  switch (answer.fault) {
    case Fault::unreachable:
      return Failure(Exit::unreachable, "connect", "cannot connect to " + message,
                     "is anything listening there?");
    case Fault::timed_out:
      return Failure(Exit::deadline, "timeout", message,
                     "one blocked process holds up /__processes__; --timeout changes the time");
    case Fault::too_large:
      return Failure(Exit::refused, "answer", message, "--max-body changes the limit of a body");
    case Fault::tls:
      return Failure(Exit::refused, "tls", message, hint_for(compactor::Fault::tls, answer.error));
    case Fault::closed:
      return Failure(Exit::refused, "closed", message,
                     !answer.downgraded.empty()
                         ? "there is no TLS with it, as said above, and it takes no plain text"
                     : answer.tls ? hint_for(compactor::Fault::closed, {}, {.tls = true})
                                  : "if this port speaks TLS: --tls does too");
    case Fault::cut:
      return Failure(Exit::refused, "closed", message,
                     "was the node stopped, or does something between give up?");
    case Fault::garbage:
      return Failure(Exit::refused, "answer", message, "is this a libprocess?");
    default:
      break;
  }
  if (answer.status == 401) {
    return Failure(Exit::refused, "authentication", message, "--auth FILE gives user and password");
  }
  if (answer.status == 404) {
    return Failure(Exit::no, "answer",
                   message + (url.ends_with("/master/state") ? ": this is not a Mesos master"
                              : url.ends_with("/state")      ? ": this is not a Mesos agent"
                                                             : ": is this a libprocess?"));
  }
  return Failure(Exit::refused, "answer", message);
}

/// Asks one part after the other and prints it. Lives on its own thread, so that a signal never
/// waits for a peer.
class Inspector {
 public:
  Inspector(const InspectOptions& options, Target& target, Console& console)
      : options_(options), target_(target), console_(console), cancel_(::eventfd(0, EFD_CLOEXEC)) {
    target_.server.cancel_fd = cancel_;
  }
  ~Inspector() { ::close(cancel_); }
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  void run() {
    do {
      round();
    } while (!cancelled_ && !console_.ended() && another_round());
  }

  /// Any thread: run() returns soon.
  void cancel() {
    std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(cancel_, &one, sizeof one);
  }

  // After run().
  const InspectSummary& summary() const { return summary_; }
  const std::optional<Failure>& failure() const { return failure_; }
  bool complete() const { return options_.count && summary_.rounds >= *options_.count; }

 private:
  void round() {
    time_ = now();
    failure_.reset();
    if (options_.wants("processes")) show_processes();
    bool unreachable = failure_ && failure_->exit() == Exit::unreachable;
    if (!unreachable && options_.wants("endpoints")) show_endpoints();
    if (!unreachable && options_.wants("metrics")) show_metrics();
    if (!unreachable && options_.wants("master")) show_master();
    if (!unreachable && options_.wants("agent")) show_agent();
    if (!cancelled_) ++summary_.rounds;
  }

  bool another_round() {
    if (!options_.watch || complete()) return false;
    // At the first time something is wrong with what was asked for; later the node may come back.
    if (failure_ && summary_.rounds == 1) return false;
    if (failure_) console_.warning(failure_->what());
    auto pause = std::chrono::ceil<std::chrono::milliseconds>(*options_.watch).count();
    pollfd cancelled{cancel_, POLLIN, 0};
    return ::poll(&cancelled, 1, static_cast<int>(std::min<long>(pause, 1 << 30))) == 0;
  }

  /// The value, or nothing, and then the first failure of the round is kept, and the others are
  /// told. A part that was not asked for by name may be missing (404).
  template <class T>
  std::optional<T> value_of(http::Told<T> told, const std::string& path, const std::string& part) {
    if (!told.answer.downgraded.empty() && !std::exchange(told_downgrade_, true)) {
      console_.warning(target_.address + ": " + told.answer.downgraded +
                       "; asking in plain (--tls-downgrade)");
    }
    if (told.answer.tls) console_.detail(1, target_.address + ": " + tls_text(*told.answer.tls));
    console_.detail(1,
                    "GET " + url_of(path) + ": " +
                        (told.answer.fault == http::Fault::none ? std::to_string(told.answer.status)
                                                                : told.answer.reason));
    if (told.value) return std::move(told.value);
    if (told.answer.fault == http::Fault::cancelled) {
      cancelled_ = true;
      return std::nullopt;
    }
    bool absent = told.answer.fault == http::Fault::none && told.answer.status == 404;
    bool optional = part != "processes" && !options_.only.contains(part);
    if ((absent && optional) || cancelled_) return std::nullopt;
    const auto failure = failure_of(told.answer, url_of(path));
    if (failure_)
      console_.warning(failure.what());
    else
      failure_ = failure;
    return std::nullopt;
  }

  std::string url_of(const std::string& path) const {
    return (target_.server.tls ? "https://" : "http://") + target_.address + path;
  }

  void show_title(std::string_view title) {
    console_.print(
        SectionEvent{.title = title, .time = options_.watch ? std::optional(time_) : std::nullopt});
  }

  void show_processes() {
    auto processes = value_of(http::get_processes(target_.server), "/__processes__", "processes");
    if (!processes) return;
    auto agent = std::find_if(processes->begin(), processes->end(),
                              [](const auto& process) { return is_agent(process.id); });
    agent_ = agent == processes->end() ? std::string() : agent->id;
    if (target_.process) keep_only(*processes);
    auto busier = [](const auto& a, const auto& b) {
      return a.events.size() != b.events.size() ? a.events.size() > b.events.size() : a.id < b.id;
    };
    std::sort(processes->begin(), processes->end(), busier);
    summary_.told_processes = true;
    summary_.processes = processes->size();
    summary_.queued = 0;
    summary_.by_name.clear();
    show_title("Processes");
    for (const auto& process : *processes) show_process(process);
  }

  void keep_only(std::vector<http::ProcessState>& processes) {
    std::erase_if(processes,
                  [this](const auto& process) { return process.id != *target_.process; });
    if (!processes.empty()) return;
    failure_ =
        Failure(Exit::no, "process", "no process " + *target_.process + " at " + target_.address);
  }

  void show_process(const http::ProcessState& process) {
    console_.print(ProcessEvent{.time = time_, .id = process.id, .queued = process.events.size()});
    std::size_t position = 0;
    for (const auto& event : process.events) {
      console_.print(QueuedEvent{
          .time = time_, .process = process.id, .position = ++position, .event = &event});
      ++summary_.queued;
      ++summary_.by_name[event.is_message() ? event.name : event.kind];
    }
  }

  void show_endpoints() {
    auto endpoints =
        value_of(http::get_endpoints(target_.server), "/help?format=json", "endpoints");
    if (!endpoints) return;
    if (target_.process)
      std::erase_if(*endpoints, [this](const auto& e) { return e.process != *target_.process; });
    if (!endpoints->empty()) show_title("Endpoints");
    for (const auto& endpoint : *endpoints)
      console_.print(EndpointEvent{.time = time_, .endpoint = &endpoint});
  }

  void show_metrics() {
    auto metrics = value_of(http::get_metrics(target_.server), "/metrics/snapshot", "metrics");
    if (!metrics) return;
    std::erase_if(*metrics, [this](const auto& m) {
      return !compactor::text::glob_matches(options_.metric, m.name);
    });
    if (metrics->empty() && options_.metric != "*" && !failure_) {
      failure_ =
          Failure(Exit::no, "metric", "no metric " + options_.metric + " at " + target_.address);
    }
    if (!metrics->empty()) show_title("Metrics");
    for (const auto& metric : *metrics)
      console_.print(MetricEvent{.time = time_, .metric = &metric});
  }

  void show_master() {
    auto state = value_of(http::get_master_state(target_.server), "/master/state", "master");
    if (!state) return;
    show_title("Master");
    console_.print(MasterEvent{.time = time_, .state = &*state});
  }

  void show_agent() {
    if (target_.process && is_agent(*target_.process)) agent_ = *target_.process;
    if (agent_.empty() && !options_.only.contains("agent")) return;
    auto id = agent_.empty() ? "slave(1)" : agent_;
    auto state = value_of(http::get_agent_state(target_.server, id), '/' + id + "/state", "agent");
    if (!state) return;
    show_title("Agent");
    console_.print(AgentEvent{.time = time_, .state = &*state});
  }

  const InspectOptions& options_;
  Target& target_;
  bool told_downgrade_ = false;
  Console& console_;
  std::string agent_;  // the id of the node's agent, if it is known to have one
  int cancel_;
  WallTime time_{};
  bool cancelled_ = false;
  InspectSummary summary_;
  std::optional<Failure> failure_;  // of this round, the first
};

int judge(const InspectOptions& options, const Inspector& inspector, const Waiter& waiter) {
  bool open_end = options.watch && !options.count;
  if (waiter.signal() != 0 && !open_end && !inspector.complete()) throw waiter.interrupted();
  if (!inspector.failure()) return 0;
  if (inspector.failure()->exit() != Exit::no) throw *inspector.failure();
  return 1;
}

}  // namespace

Outline outline_inspect() {
  InspectOptions options;
  return declare(options).outline();
}

int run_inspect(const Arguments& arguments) {
  InspectOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  SchemaCodec types(options.types);
  Console console(options.output, BodyView(options.body, &types));
  if (options.count && !options.watch) {
    throw Failure(Exit::usage, "usage", "--count is for --watch", "compactor help inspect");
  }
  if (options.timeout <= Duration::zero()) {
    throw Failure(Exit::usage, "usage", "--timeout has to be longer than 0", "as in 5s");
  }
  auto target = read_target(options);

  Waiter waiter;
  console.watch(nullptr, [&waiter] { waiter.finish(); });
  Inspector inspector(options, target, console);
  std::exception_ptr error;
  std::thread thread([&] {
    try {
      inspector.run();
    } catch (...) {
      error = std::current_exception();
    }
    waiter.finish();
  });
  waiter.wait_for_end();
  inspector.cancel();
  thread.join();
  console.watch(nullptr, nullptr);
  if (error) std::rethrow_exception(error);
  if (console.ended()) return 0;
  if (inspector.failure() && inspector.failure()->exit() == Exit::no)
    console.note(inspector.failure()->what());
  console.print(inspector.summary());
  return judge(options, inspector, waiter);
}

}  // namespace tool
