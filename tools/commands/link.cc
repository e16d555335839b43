// compactor link: links processes, tells when they are gone.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "body/mailbox_names.h"
#include "cli/command_line.h"
#include "cli/signals.h"
#include "commands/program.h"
#include "compactor/process.h"
#include "node/node.h"
#include "node/process_options.h"
#include "node/run.h"
#include "output/options.h"

namespace tool {

namespace {

constexpr Duration first_backoff = std::chrono::milliseconds(250);
constexpr Duration longest_backoff = std::chrono::seconds(30);

struct LinkOptions {
  OutputOptions output;
  ProcessOptions process;
  std::vector<std::string> targets;
  Duration probe = std::chrono::seconds(10);
  std::optional<Duration> lasting;  // --for
  bool reconnect = false;
};

CommandLine declare(LinkOptions& options) {
  CommandLine line(
      "link", "Links processes, as libprocess does, and says when they are no longer there.",
      "  compactor link master@10.0.0.5:5050\n"
      "  compactor link 'slave(1)@10.0.0.7:5051' --probe 2s --for 1m && echo still up\n"
      "  compactor link a@10.0.0.5:5050 b@10.0.0.6:5050 --reconnect --json\n");
  line.positionals("TARGET", options.targets, "processes to link, as in master@10.0.0.5:5050");
  line.group("Link");
  line.duration("--probe", options.probe,
                "ask this often whether the process is still there (10s; 0: never)");
  line.duration("--for", options.lasting,
                "exit 0 if all are still up after DUR, 1 at the first exit");
  line.flag("--reconnect", options.reconnect, "link again after an exit, with growing pauses");
  add_output_options(line, options.output);
  add_process_options(line, options.process);
  return line;
}

class LinkObserver : public ConsoleObserver {
 public:
  using ConsoleObserver::ConsoleObserver;

  void connected(const compactor::Address& peer, const compactor::Address& local,
                 compactor::Duration took) override {
    ConsoleObserver::connected(peer, local, took);
    if (on_connected) on_connected(peer.str());
  }
  void disconnected(const compactor::Address& peer, compactor::ExitReason reason) override {
    ConsoleObserver::disconnected(peer, reason);
    if (on_disconnected) on_disconnected(peer.str());
  }

  void tls_failed(const compactor::Address& peer, std::error_code error,
                  std::string_view reason) override {
    if (on_tls_failed) on_tls_failed(peer.str(), error, std::string(reason));
  }

  // Set before the first connection, called on the loop.
  std::function<void(const std::string&, std::error_code, const std::string&)> on_tls_failed;
  std::function<void(const std::string&)> on_connected;
  std::function<void(const std::string&)> on_disconnected;
};

struct Watched {
  compactor::Pid pid;
  bool linked = false;
  bool ever_linked = false;
  bool over = false;             // exited for good
  bool away = false;             // its exit is told: that it is still not back is no other one
  unsigned attempt = 0;          // failed ones in a row
  std::uint64_t generation = 0;  // timers and answers of an earlier link are of no interest
  bool awaiting = false;         // a probe is out
  int silent = 0;                // intervals without an answer
  bool unknown_told = false;
  bool ever_answered = false;  // a probe, with any status
  bool strange_told = false;
  std::string last_reason{};
  compactor::Fault last_fault = compactor::Fault::none;  // of a probe
  std::error_code last_error{};                          // … of it, or of a handshake
  std::string tls_trouble{};                             // why there was no TLS

  /// It only ever met the first probe with something else than an answer: a TLS server says so, or
  /// just closes.
  bool strange() const {
    using compactor::Fault;
    bool cut_short =
        last_fault == Fault::closed && (last_reason == "closed" || last_reason == "reset");
    return !ever_answered &&
           (last_fault == Fault::tls || last_fault == Fault::not_http || cut_short);
  }
};

class Linker : public compactor::Process {
 public:
  Linker(std::string id, const LinkOptions& options, const std::vector<compactor::Pid>& pids,
         std::shared_ptr<LinkObserver> observer, Console& console, Waiter& waiter)
      : Process(std::move(id)),
        options_(options),
        observer_(std::move(observer)),
        console_(console),
        waiter_(waiter) {
    for (const auto& pid : pids) {
      by_pid_[pid] = targets_.size();
      by_address_[pid.address()].push_back(targets_.size());
      targets_.push_back({.pid = pid});
    }
    remaining_ = targets_.size();
  }

  const std::vector<Watched>& targets() const { return targets_; }
  const LinkSummary& summary() const { return summary_; }
  /// After the run began.
  bool speaks_tls() const { return speaks_tls_; }
  /// From here on nothing is told any more: the run is being judged.
  void freeze() { frozen_ = true; }

 protected:
  void initialize() override {
    speaks_tls_ = context().options().tls.enabled;
    observer_->on_connected = [this](const std::string& address) { connected(address); };
    observer_->on_tls_failed = [this](const std::string& address, std::error_code error,
                                      const std::string& reason) {
      tls_failed(address, error, reason);
    };
    observer_->on_disconnected = [this](const std::string& address) {
      connections_.erase(address);
    };
    for (std::size_t i = 0; i < targets_.size(); ++i) connect(i);
  }

  void finalize() override {
    observer_->on_tls_failed = nullptr;
    observer_->on_connected = nullptr;
    observer_->on_disconnected = nullptr;
  }

  void exited(const compactor::Pid& pid, compactor::ExitReason reason) override {
    auto found = by_pid_.find(pid);
    if (found != by_pid_.end() && !targets_[found->second].over)
      left(found->second, std::string(compactor::to_string(reason)));
  }

  void receive(const compactor::MessageView& message) override {
    console_.detail(
        1, "got a message " + std::string(message.name) + " from " + std::string(message.sender));
  }

 private:
  void connect(std::size_t index) {
    auto& target = targets_[index];
    ++target.generation;
    link(target.pid);
    if (connections_.contains(target.pid.address())) linked(index);
  }

  void connected(const std::string& address) {
    connections_.insert(address);
    auto found = by_address_.find(address);
    if (found == by_address_.end()) return;
    for (auto index : found->second) {
      if (!targets_[index].linked && !targets_[index].over) linked(index);
    }
  }

  /// It is told, and judged, when the exits of these targets come.
  void tls_failed(const std::string& address, std::error_code error, const std::string& reason) {
    auto found = by_address_.find(address);
    if (found == by_address_.end()) return;
    for (auto index : found->second) {
      targets_[index].last_error = error;
      targets_[index].tls_trouble = reason;
    }
  }

  void linked(std::size_t index) {
    if (frozen_) return;
    auto& target = targets_[index];
    target.linked = true;
    target.away = false;
    target.awaiting = false;
    target.silent = 0;
    if (target.ever_linked) ++summary_.reconnects;
    target.ever_linked = true;
    ++summary_.linked;
    console_.print(LinkedEvent{target.pid.str()});
    if (options_.probe.count() > 0) {
      probe(index, target.generation);
    } else {
      target.attempt = 0;
    }
  }

  void left(std::size_t index, std::string reason) {
    if (frozen_) return;
    auto& target = targets_[index];
    ++target.generation;
    target.linked = false;
    if (std::exchange(target.away, true)) {
      console_.detail(1, target.pid.str() + ": " + reason + " again");
    } else {
      ++summary_.exited;
      if (reason == "gone") ++summary_.gone;
      console_.print(ExitedEvent{target.pid.str(), reason});
    }
    target.last_reason = std::move(reason);
    if (options_.reconnect) {
      tell_if_strange(target);
      reconnect_later(index);
      return;
    }
    target.over = true;
    if (--remaining_ == 0 || options_.lasting) waiter_.finish();
  }

  /// Once: a port of something else will hardly become one of libprocess.
  void tell_if_strange(Watched& target) {
    const bool no_tls = target.last_reason == "tls";
    if ((!no_tls && !target.strange()) || std::exchange(target.strange_told, true)) return;
    console_.warning(
        target.pid.str() + ": " +
        (no_tls ? target.tls_trouble + ": " + tls_hint(target.last_error)
                : std::string("it ended the connection at the first bytes: ") +
                      hint_for(target.last_fault, target.last_error, {.tls = speaks_tls_})));
  }

  void reconnect_later(std::size_t index) {
    auto& target = targets_[index];
    auto shift = std::min(target.attempt++, 16U);
    auto pause = std::min<Duration>(first_backoff * (1 << shift), longest_backoff);
    // Half to one and a half of it: many of us that lost the same peer must not come back all at
    // once.
    std::uniform_real_distribution<double> jitter(0.5, 1.5);
    pause =
        Duration(static_cast<std::int64_t>(static_cast<double>(pause.count()) * jitter(random_)));
    console_.detail(1, target.pid.str() + ": linking again in " + duration_text(pause));
    auto generation = target.generation;
    context().delay(pause, pid(), [this, index, generation](Process&) {
      if (targets_[index].generation == generation && !frozen_) connect(index);
    });
  }

  void probe(std::size_t index, std::uint64_t generation) {
    auto& target = targets_[index];
    if (target.generation != generation || frozen_) return;
    if (target.awaiting && ++target.silent >= 2) {
      context().unlink(pid(), target.pid);
      left(index, "timed_out");
      return;
    }
    if (target.awaiting) {
      console_.warning(target.pid.str() + " is stalled: no answer to a probe in " +
                       duration_text(options_.probe));
    } else {
      target.awaiting = true;
      send(target.pid, probe_name, {},
           [this, index, generation](const compactor::Delivery& delivery) {
             targets_[index].last_fault = delivery.fault;
             targets_[index].last_error = delivery.error;
             if (targets_[index].generation == generation && !frozen_) answered(index, delivery);
           });
    }
    context().delay(options_.probe, pid(),
                    [this, index, generation](Process&) { probe(index, generation); });
  }

  void answered(std::size_t index, const compactor::Delivery& delivery) {
    using compactor::Outcome;
    auto& target = targets_[index];
    // Then the connection has ended, and exited() tells it.
    if (delivery.outcome == Outcome::no_answer || delivery.outcome == Outcome::failed) return;
    target.ever_answered = true;
    if (target.silent > 0) console_.note(target.pid.str() + " answers again");
    target.awaiting = false;
    target.silent = 0;
    if (delivery.outcome == Outcome::no_such_process) {
      context().unlink(pid(), target.pid);
      left(index, "gone");
      return;
    }
    target.attempt = 0;
    if (delivery.outcome == Outcome::accepted || target.unknown_told) return;
    target.unknown_told = true;
    console_.note(target.pid.str() + ": its host answers probes with " +
                  std::to_string(delivery.status) + ", so whether the process is there is unknown");
  }

  const LinkOptions& options_;
  std::shared_ptr<LinkObserver> observer_;
  Console& console_;
  Waiter& waiter_;
  std::vector<Watched> targets_;
  std::unordered_map<compactor::Pid, std::size_t> by_pid_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_address_;
  std::size_t remaining_ = 0;                    // that are not over
  std::unordered_set<std::string> connections_;  // addresses with a connection
  LinkSummary summary_;
  bool frozen_ = false;
  bool speaks_tls_ = false;
  std::mt19937 random_{std::random_device{}()};
};

/// Null when every target was up once, or may still come up.
const Watched* never_linked(const std::vector<Watched>& targets, bool at_the_end) {
  auto never = [&](const Watched& t) {
    return !t.ever_linked && (at_the_end || !t.last_reason.empty());
  };
  auto found = std::find_if(targets.begin(), targets.end(), never);
  return found == targets.end() ? nullptr : &*found;
}

const Watched* not_libprocess(const std::vector<Watched>& targets) {
  auto found =
      std::find_if(targets.begin(), targets.end(), [](const Watched& t) { return t.strange(); });
  return found == targets.end() ? nullptr : &*found;
}

int judge(const LinkOptions& options, const Linker& linker, const Waiter& waiter,
          Waiter::Reason reason) {
  const auto& targets = linker.targets();
  bool over = reason == Waiter::Reason::deadline;
  if (const auto* target = never_linked(targets, over)) {
    if (target->last_reason == "tls") {
      throw Failure(Exit::refused, "tls",
                    "cannot link " + target->pid.str() + ": " + target->tls_trouble,
                    tls_hint(target->last_error));
    }
    auto why = target->last_reason.empty() ? "no connection in time" : target->last_reason;
    throw Failure(Exit::unreachable, "connect", "cannot link " + target->pid.str() + ": " + why,
                  "is anything listening there?");
  }
  if (reason == Waiter::Reason::signal && options.lasting) throw waiter.interrupted();
  if (const auto* target = not_libprocess(targets)) {
    throw Failure(Exit::refused, std::string(compactor::to_string(target->last_fault)),
                  target->pid.str() + " ended the connection at the first bytes",
                  hint_for(target->last_fault, target->last_error, {.tls = linker.speaks_tls()}));
  }
  if (!options.lasting) return 0;
  return std::all_of(targets.begin(), targets.end(), [](const Watched& t) { return t.linked; }) ? 0
                                                                                                : 1;
}

}  // namespace

Outline outline_link() {
  LinkOptions options;
  return declare(options).outline();
}

int run_link(const Arguments& arguments) {
  LinkOptions options;
  if (!parse_or_help(declare(options), arguments)) return 0;
  Console console(options.output, BodyView());
  if (options.targets.empty())
    throw Failure(Exit::usage, "usage", "no target given", "compactor help link");
  auto id = own_id(options.process, "link");
  auto resolve_time =
      std::min(options.process.connect_timeout, options.lasting.value_or(Duration::max()));
  auto pids = resolve_pids(options.targets, console, resolve_time);
  std::sort(pids.begin(), pids.end(),
            [](const auto& a, const auto& b) { return a.str() < b.str(); });
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  if (options.targets.size() == 1) options.process.tls.target_host = typed_host(options.targets[0]);
  auto context_options = make_options(options.process, pids, console, resolve_time);
  if (options.probe.count() > 0) {
    for (const auto& pid : pids) check_sendable(context_options.style, id, pid, probe_name);
  }
  auto observer = std::make_shared<LinkObserver>(console);
  context_options.observer = observer;

  Waiter waiter;
  Node node(std::move(context_options), console, waiter);
  auto linker = std::make_shared<Linker>(id, options, pids, observer, console, waiter);
  auto pid = node.spawn(linker);
  std::optional<Steady::time_point> deadline;
  if (options.lasting) deadline = Steady::now() + *options.lasting;
  auto reason = waiter.wait_for_end(deadline);
  on_loop<Linker>(node.context(), pid, [](Linker& process) { process.freeze(); });
  bool cut_off = console.ended();
  node.stop(Duration(0));
  if (cut_off) return 0;
  console.print(linker->summary());
  return judge(options, *linker, waiter, reason);
}

}  // namespace tool
