#include "actor/context_impl.h"

#include <exception>
#include <future>
#include <utility>

#include "actor/builtin_routes.h"
#include "net/clock.h"

namespace compactor {
namespace {

constexpr int kMailboxRoundsAtStop = 100;
constexpr auto kDrain = std::chrono::seconds(5);  // when a Context is destroyed

Address advertised_address(const Options& options, const Address& bound) {
  if (options.advertise_ip.find_first_of("@: \t\r\n") != std::string::npos)
    throw Error("not an address to advertise: " + options.advertise_ip);
  Address address = bound;
  if (!options.advertise_ip.empty()) {
    address.host = options.advertise_ip;
  } else if (bound.host == "0.0.0.0") {
    address.host = default_source_address();
  }
  if (options.advertise_port != 0) address.port = options.advertise_port;
  return address;
}

}  // namespace

ContextImpl::ContextImpl(Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      loop_([this] { end_turn(); }),
      reporter_(options_.observer),
      commons_(loop_, reporter_, options_,
               [this](std::function<void()> call) { return post(std::move(call)); }),
      registry_(loop_, reporter_,
                std::make_shared<Budget>(options_.max_queued_bytes, options_.max_unanswered),
                [this](const std::string& id) { outbound_.unlink_all(id); }),
      router_(registry_, reporter_, options_.delegate),
      inbound_(commons_, registry_, router_),
      advertised_(advertised_address(options_, inbound_.bound())),
      outbound_(commons_, registry_, inbound_.bound()),
      posted_replies_(options_.max_queued_bytes, options_.max_unanswered) {
  add_builtin_routes(router_, registry_, reporter_.counters);
  thread_ = std::thread([this] {
    run();
    if (abandoned_) delete this;
  });
}

ContextImpl::~ContextImpl() {
  stop(kDrain);
}

void ContextImpl::run() {
  warn_of_tls();
  inbound_.accept();
  loop_.run();
  stopped_->count_down();
}

void ContextImpl::end_turn() {
  // Flushing may end a connection, whose senders may send again: go on until nothing is left.
  while (inbound_.needs_flush() || outbound_.needs_flush()) {
    // Answers before messages: who sends a message and is sent one back learns first that his was
    // queued.
    inbound_.flush();
    outbound_.flush();
  }
  if (commons_.stopping && outbound_.drained() && inbound_.empty()) finish_stop();
}

void ContextImpl::reload_tls() {
  if (!options_.tls.enabled) return;
  post([this, config = tls::Config::load(options_.tls)] {
    commons_.tls = config;
    warn_of_tls();
  });
}

void ContextImpl::warn_of_tls() {
  if (!commons_.tls) return;
  for (const std::string& warning : commons_.tls->warnings()) reporter_.warn(warning);
}

// --- Tasks of other threads

bool ContextImpl::post_task(Task task) {
  return tasks_.push(std::move(task), [this] { loop_.post([this] { run_tasks(); }); });
}

void ContextImpl::run_tasks() {
  tasks_.take(running_);
  for (Task& task : running_) std::visit([this](auto& what) { run_task(what); }, task);
  running_.clear();
}

void ContextImpl::run_task(const std::function<void()>& call) {
  if (finished_) return;
  try {
    call();
  } catch (...) {
    reporter_.threw("a posted call");
  }
}

void ContextImpl::call_on_loop(const std::function<void()>& call) {
  if (on_loop()) return call();
  const Loop::Wait wait(loop_);
  if (!wait.possible()) {
    throw Error("this would wait for ever: the loop of " + advertised_.str() +
                " waits for the loop that it is called on");
  }
  // Shared with the task, so that a task dropped by stop() breaks the promise instead of leaving us
  // waiting.
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> result = done->get_future();
  std::exception_ptr failure;  // ours alone: the loop has let go of it when the promise is kept
  const bool posted = post([done = std::move(done), &call, &failure] {
    try {
      call();
    } catch (...) {
      failure = std::current_exception();
    }
    done->set_value();
  });
  if (!posted) throw Stopped("the context has been stopped");
  try {
    result.get();
  } catch (const std::future_error&) {
    throw Stopped("the context has been stopped");
  }
  if (failure) std::rethrow_exception(failure);
}

// --- Receiving

void ContextImpl::pause_receiving() {
  inbound_.pause();
}

void ContextImpl::resume_receiving() {
  inbound_.end_pause();
  post([this] { inbound_.go_on(); });
}

void ContextImpl::route(std::string path, RouteHandler handler) {
  if (commons_.stopping) throw Stopped("the context has been stopped");
  router_.add(std::move(path), std::move(handler));
}

// --- Processes

Pid ContextImpl::spawn(std::shared_ptr<Process> process) {
  if (!process) throw InvalidProcess("no process was given");
  if (process->id().find_first_of("\r\n@") != std::string::npos) {
    throw InvalidProcess("a process id cannot have '@', CR or LF: " + process->id());
  }
  call_on_loop([&] {
    const Loop::Turn turn(loop_);
    registry_.add(process, {advertised_, &context_, this});
  });
  return process->pid();
}

void ContextImpl::terminate(const Pid& pid) {
  if (!on_loop()) {
    post([this, pid] { terminate(pid); });
    return;
  }
  const Loop::Turn turn(loop_);
  if (is_our_address(pid)) registry_.end(pid.id);
}

std::shared_ptr<Process> ContextImpl::find_local(const Pid& pid) const {
  return is_our_address(pid) ? registry_.find(pid.id) : nullptr;
}

std::shared_ptr<Process> ContextImpl::local_process(const Pid& pid) const {
  auto process = find_local(pid);
  if (!process) throw InvalidProcess(pid.str() + " is no process of this context");
  return process;
}

bool ContextImpl::is_our_address(const Pid& pid) const {
  const Address& bound = inbound_.bound();
  return (pid.port == advertised_.port && pid.host == advertised_.host) ||
         (pid.port == bound.port && pid.host == bound.host);
}

void ContextImpl::dispatch(const Pid& pid, std::function<void(Process&)> call) {
  const auto process = local_process(pid);
  if (on_loop()) return registry_.dispatch(process, std::move(call));
  post([this, weak = std::weak_ptr(process), call = std::move(call)]() mutable {
    registry_.dispatch(weak.lock(), std::move(call));
  });
}

// --- Timers

TimerId ContextImpl::delay(Duration after, const Pid& pid, std::function<void(Process&)> call) {
  const auto process = local_process(pid);
  const TimerId timer = timers_.add();
  auto start = [this, timer, at = in(after), weak = std::weak_ptr(process),
                call = std::move(call)]() mutable {
    timers_.start(timer, at, [this, weak, call = std::move(call)]() mutable {
      registry_.dispatch(weak.lock(), std::move(call));
    });
  };
  if (on_loop()) {
    start();
  } else {
    post(std::move(start));
  }
  return timer;
}

bool ContextImpl::cancel(TimerId timer) {
  if (!timers_.cancel(timer)) return false;
  if (on_loop()) {
    timers_.forget(timer);
  } else {
    post([this, timer] { timers_.forget(timer); });
  }
  return true;
}

// --- Links

void ContextImpl::link(const Pid& process, const Pid& to) {
  local_process(process);
  if (on_loop()) return link_on_loop(process.id, to);
  post([this, id = process.id, to] { link_on_loop(id, to); });
}

void ContextImpl::link_on_loop(const std::string& process_id, const Pid& to) {
  const Loop::Turn turn(loop_);
  if (!registry_.find(process_id)) return;
  if (is_our_address(to)) return registry_.link(process_id, to);
  outbound_.link(process_id, to);
}

void ContextImpl::unlink(const Pid& process, const Pid& to) {
  // In place on the loop, as link() is: of the two the last one called counts.
  if (on_loop()) return unlink_on_loop(process.id, to);
  post([this, id = process.id, to] { unlink_on_loop(id, to); });
}

void ContextImpl::unlink_on_loop(const std::string& process_id, const Pid& to) {
  const Loop::Turn turn(loop_);
  if (is_our_address(to)) return registry_.unlink(process_id, to);
  outbound_.unlink(process_id, to);
}

// --- Stopping

StopReport ContextImpl::stop(Duration drain) {
  post([this, drain] { begin_stop(drain); });
  if (on_loop()) return {};
  const Loop::Wait wait(loop_);
  if (!wait.possible()) return {};
  std::lock_guard lock(stop_mutex_);
  if (!thread_.joinable()) return {};
  thread_.join();
  return report_;
}

void ContextImpl::abandon() {
  // Who has called join() by now has read all that it reads of the Context.
  static_cast<void>(joined_.load(std::memory_order_acquire));
  abandoned_ = true;
  thread_.detach();
  if (commons_.stopping) return;
  // What is in the mailboxes is not handled, since a handler runs already: this one.
  end_processes(kDrain);
  // Posted, since it may be that the message it handles is still to be answered.
  loop_.post([this] { inbound_.shut_down(); });
}

void ContextImpl::join() {
  const auto stopped = stopped_;
  joined_.fetch_add(1, std::memory_order_acq_rel);
  stopped->wait();
}

void ContextImpl::begin_stop(Duration drain) {
  if (commons_.stopping) return;
  const Loop::Turn turn(loop_);
  inbound_.stop_accepting();
  // What is in the mailboxes now is handled, and so is what that leads to; not an endless
  // conversation with oneself.
  registry_.run_until_idle(kMailboxRoundsAtStop);
  // A handler may have destroyed the Context.
  if (commons_.stopping) return;
  end_processes(drain);
  inbound_.shut_down();
}

void ContextImpl::end_processes(Duration drain) {
  const Loop::Turn turn(loop_);
  inbound_.stop_accepting();
  commons_.stopping = true;
  registry_.close();
  posted_replies_.close();
  outbound_.drain();
  stop_timer_.expires_at(in(drain));
  stop_timer_.async_wait([this](const asio::error_code& aborted) {
    if (!aborted) finish_stop();
  });
}

void ContextImpl::finish_stop() {
  if (std::exchange(finished_, true)) return;
  inbound_.close();
  outbound_.abort(report_);
  for (Task& task : tasks_.close()) std::visit([this](auto& what) { run_task(what); }, task);
  timers_.close();
  report_.unsent += registry_.unsent();
  loop_.stop();
}

}  // namespace compactor
