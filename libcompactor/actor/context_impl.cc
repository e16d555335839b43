#include "actor/context_impl.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <exception>
#include <utility>

#include "actor/builtin_routes.h"
#include "actor/clock.h"
#include "text/time.h"
#include "wire/encode.h"
#include "wire/message.h"

namespace compactor {
namespace {

constexpr auto kSweepEvery = std::chrono::milliseconds(250);
constexpr int kMailboxRoundsAtStop = 100;

Delivery not_delivered(Outcome outcome, Fault fault, int status, std::string reason) {
  Delivery delivery;
  delivery.outcome = outcome;
  delivery.fault = fault;
  delivery.status = status;
  delivery.reason = std::move(reason);
  return delivery;
}

Delivery stopped_first() {
  return not_delivered(Outcome::failed, Fault::stopped, 0, "stopped before it was sent");
}

/// What was asked for; else what the descriptors allow.
std::size_t connection_limit(std::size_t asked) {
  if (asked > 0) return asked;
  const std::size_t descriptors = raise_descriptor_limit();
  return descriptors > 128 ? descriptors - 64 : descriptors / 2;
}

std::size_t reply_connection_limit(const Options& options, std::size_t outgoing) {
  constexpr std::size_t kMost = 1024;
  if (options.max_reply_connections > 0) return options.max_reply_connections;
  return std::clamp<std::size_t>(outgoing / 4, 1, kMost);
}

Address listening_address(const Options& options) {
  if (options.ip.find(':') != std::string::npos)
    throw Error("libprocess has no IPv6: " + options.ip);
  return {options.ip.empty() ? "0.0.0.0" : resolve_ipv4(options.ip, options.connect_timeout),
          options.port};
}

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

/// The part of a mailbox event's text that people can do something with.
std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

/// The longest registered path that is the path itself or ends at one of its segments.
template <class Routes>
typename Routes::mapped_type longest_prefix(const Routes& routes, std::string_view path) {
  while (path.starts_with('/')) {
    if (const auto found = routes.find(path); found != routes.end()) return found->second;
    if (path == "/") return nullptr;
    path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  }
  return nullptr;
}

}  // namespace

ContextImpl::ContextImpl(Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      observer_(options_.observer ? options_.observer : std::make_shared<Observer>()),
      max_connections_(connection_limit(options_.max_connections)),
      max_outgoing_(connection_limit(options_.max_outgoing)),
      incomplete_(options_.max_incomplete, MemoryLimit::Single::bounded),
      unread_(options_.max_unread, MemoryLimit::Single::allowed),
      local_budget_(std::make_shared<Budget>(options_.max_queued_bytes, options_.max_unanswered)),
      reply_connections_(io_, reply_connection_limit(options_, max_outgoing_),
                         options_.reply_timeout),
      posted_replies_(options_.max_queued_bytes, options_.max_unanswered),
      read_buffer_(std::make_unique<std::array<char, std::size_t{256} << 10>>()) {
  receiving_began_ = !options_.start_paused;
  const Address wanted = listening_address(options_);
  listener_.assign(listen_on(wanted.host, wanted.port));
  bound_ = local_of(listener_.native_handle());
  advertised_ = advertised_address(options_, bound_);
  for (auto& [path, handler] : builtin_routes(*this))
    routes_.emplace(path, std::make_shared<const RouteHandler>(std::move(handler)));
  thread_ = std::thread([this] {
    loop_id_ = std::this_thread::get_id();
    run();
  });
}

ContextImpl::~ContextImpl() {
  stop(std::chrono::seconds(5));
}

void ContextImpl::run() {
  accept();
  io_.run();
  std::lock_guard lock(stopped_mutex_);
  stopped_ = true;
  stopped_changed_.notify_all();
}

// --- Tasks of other threads

bool ContextImpl::post_task(Task task) {
  std::lock_guard lock(tasks_mutex_);
  if (tasks_closed_) return false;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) asio::post(io_, [this] { run_tasks(); });
  return true;
}

bool ContextImpl::post(std::function<void()> task) {
  return post_task(std::move(task));
}

void ContextImpl::run_tasks() {
  const Turn turn(*this);
  {
    std::lock_guard lock(tasks_mutex_);
    tasks_running_.swap(tasks_);
  }
  for (Task& task : tasks_running_) {
    if (auto* call = std::get_if<std::function<void()>>(&task)) {
      if (!finished_) run_call(*call);
    } else if (auto* remote = std::get_if<RemoteSend>(&task)) {
      run_send(*remote);
    } else {
      run_send(std::get<LocalSend>(task));
    }
  }
  tasks_running_.clear();
}

void ContextImpl::run_call(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    count(counters.handler_exceptions);
    warn("a posted call threw: " + text_of(std::current_exception()));
  }
}

void ContextImpl::run_send(RemoteSend& send) {
  count(counters.messages_sent);
  if (stopping_) {
    send.budget->release_bytes(send.bytes.size());
    send.budget->release_messages(1);
    ++report_.unsent;
    return complete(send.sent.on_delivery, stopped_first());
  }
  const auto connection = outbound_to(send.to);
  connection->output_for(send.bytes.size()) += send.bytes;
  connection->appended(send.bytes.size(), std::move(send.sent));
}

void ContextImpl::run_send(LocalSend& send) {
  LocalMessage& message = send.message;
  if (!send.undeliverable) {
    count(counters.messages_sent);
    if (const auto slot = find_slot(message.to)) return enqueue(slot, std::move(message));
    if (stopping_) {
      ++report_.unsent;
      return complete_local(message, stopped_first());
    }
    count(counters.messages_dropped);
  }
  complete_local(message, not_delivered(Outcome::no_such_process, Fault::none, 404,
                                        "no process " + message.to));
}

void ContextImpl::call_on_loop(const std::function<void()>& call) {
  if (on_loop()) return call();
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

void ContextImpl::end_turn() {
  // Flushing may end a connection, whose senders may send again: go on until nothing is left.
  ++turn_depth_;
  while (!inbound_to_flush_.empty() || !outbound_to_flush_.empty()) {
    // Answers before messages: who sends a message and is sent one back learns first that his was
    // queued.
    for (const auto& connection : std::exchange(inbound_to_flush_, {})) connection->flush();
    for (const auto& connection : std::exchange(outbound_to_flush_, {})) connection->flush();
  }
  --turn_depth_;
  if (stopping_ && !finished_) finish_stop_when_drained();
}

std::string_view ContextImpl::date() {
  const std::time_t now = ::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    date_ = text::http_date(now);
  }
  return date_;
}

void ContextImpl::warn(std::string_view text) {
  const auto verdict = warnings_.ask();
  if (verdict == RateLimit::Verdict::pass) observer_->warning(text);
  if (verdict == RateLimit::Verdict::last)
    observer_->warning("too many warnings: those of the rest of this second are left out");
}

void ContextImpl::rejected(const Address& peer, std::string_view why) {
  count(counters.messages_rejected);
  const auto verdict = rejections_.ask();
  if (verdict == RateLimit::Verdict::pass) observer_->rejected(peer, why);
  if (verdict == RateLimit::Verdict::last)
    warn("too many rejections: those of the rest of this second are counted, not shown");
}

// --- Accepting

void ContextImpl::accept() {
  if (stopping_) return;
  listener_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code&
                                                                             failed) {
    if (failed) return;
    const Turn turn(*this);
    // A few at a time, so that a storm of connections does not hold up the others.
    for (int i = 0; i < 64; ++i) {
      if (inbound_.size() >= max_connections_) {
        accept_paused_ = true;
        if (!std::exchange(accept_warned_, true)) {
          warn("the limit of " + std::to_string(max_connections_) +
               " connections is reached: new ones wait until others close (see --max-connections)");
        }
        return need_sweep();
      }
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const int socket = ::accept4(listener_.native_handle(), reinterpret_cast<sockaddr*>(&peer),
                                   &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        accepted(socket, peer);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        accept_paused_ = true;
        if (!std::exchange(accept_warned_, true)) {
          warn("cannot accept connections: " + describe({errno, std::system_category()}));
        }
        return need_sweep();
      } else if (errno != ECONNABORTED && errno != EINTR) {
        break;
      }
    }
    accept();
  });
}

void ContextImpl::accepted(int descriptor, const sockaddr_in& peer) {
  asio::ip::tcp::socket socket(io_);
  asio::error_code error;
  socket.assign(asio::ip::tcp::v4(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return warn("cannot serve a connection: " + describe(error));
  }
  auto connection = std::make_shared<Inbound>(*this, std::move(socket), peer);
  inbound_.insert(connection);
  count(counters.connections_accepted);
  count(counters.connections_open);
  connection->start();
}

void ContextImpl::inbound_closed(const std::shared_ptr<Inbound>& connection) {
  inbound_.erase(connection);
  count(counters.connections_open, std::uint64_t(-1));
}

void ContextImpl::pause_receiving(bool paused) {
  // At once, from whatever thread: not even what is read already is delivered any more.
  paused_ = paused;
  if (!paused) post([this] { go_on_receiving(); });
}

void ContextImpl::go_on_receiving() {
  if (!std::exchange(receiving_began_, true)) {
    for (const auto& connection : std::vector(inbound_.begin(), inbound_.end()))
      connection->resume();
  }
  while (!paused_ && !held_back_.empty()) {
    const auto connection = held_back_.front().lock();
    held_back_.pop_front();
    if (connection) connection->resume();
  }
}

bool ContextImpl::must_wait(std::string_view id, std::string_view name) const {
  if (!paused_) return false;
  const auto slot = find_slot(id);
  return slot && !slot->process->receives_while_paused(name);
}

void ContextImpl::need_sweep() {
  if (std::exchange(sweep_armed_, true)) return;
  sweep_timer_.expires_after(kSweepEvery);
  sweep_timer_.async_wait([this](const asio::error_code& aborted) {
    if (aborted) return;
    sweep_armed_ = false;
    const Turn turn(*this);
    sweep();
  });
}

void ContextImpl::sweep() {
  const auto now = Clock::now();
  bool again = false;
  for (const auto& connection : std::vector(inbound_.begin(), inbound_.end())) {
    if (!connection->lingering()) continue;
    connection->tick(now);
    again = true;
  }
  for (const auto& connection : std::vector(retired_.begin(), retired_.end())) {
    connection->tick(now);
    again = true;
  }
  if (accept_paused_) {
    accept_paused_ = false;
    accept();
  }
  if (again) need_sweep();
}

// --- Processes

Pid ContextImpl::spawn(std::shared_ptr<Process> process) {
  if (!process) throw InvalidProcess("no process was given");
  if (process->id().find_first_of("\r\n@") != std::string::npos) {
    throw InvalidProcess("a process id cannot have '@', CR or LF: " + process->id());
  }
  call_on_loop([&] { register_process(process); });
  return process->pid();
}

void ContextImpl::register_process(const std::shared_ptr<Process>& process) {
  const Turn turn(*this);
  if (stopping_) throw Stopped("the context has been stopped");
  if (process->context_ != nullptr) throw InvalidProcess(process->id() + " was spawned already");
  if (processes_.contains(process->id())) {
    throw InvalidProcess("a process with the id " + process->id() + " exists already");
  }
  auto slot = std::make_shared<Slot>();
  slot->process = process;
  process->pid_ = {process->id(), advertised_.host, advertised_.port};
  process->pid_text_ = process->pid_.str();
  process->self_ = process;
  process->impl_ = this;
  process->context_ = &context_;
  {
    std::lock_guard lock(processes_mutex_);
    processes_.emplace(process->id(), slot);
  }
  try {
    process->initialize();
  } catch (...) {
    // It may have ended itself before it threw.
    if (find_slot(process->id()) == slot) forget_process(*slot);
    process->context_ = nullptr;
    process->impl_ = nullptr;
    throw;
  }
}

void ContextImpl::terminate(const Pid& pid) {
  if (!on_loop()) {
    post([this, pid] { terminate(pid); });
    return;
  }
  const Turn turn(*this);
  if (!is_our_address(pid)) return;
  if (const auto slot = find_slot(pid.id)) end_process(slot);
}

void ContextImpl::end_process(const std::shared_ptr<Slot> slot) {
  forget_process(*slot);
  guarded(*slot->process, "finalize", [&] { slot->process->finalize(); });
}

void ContextImpl::forget_process(Slot& slot) {
  const std::string& id = slot.process->id();
  {
    std::lock_guard lock(processes_mutex_);
    processes_.erase(id);
  }
  if (const auto linked = linked_.extract(id)) {
    for (Outbound* connection : linked.mapped()) connection->unlink_all(id);
  }
  for (const auto& [linker, pid] : local_links_.end(id)) {
    deliver_exit(linker, pid, ExitReason::closed);
  }
  drop_events(slot);
}

void ContextImpl::drop_events(Slot& slot) {
  const Fault fault = stopping_ ? Fault::stopped : Fault::terminated;
  const Delivery delivery =
      not_delivered(Outcome::failed, fault, 0, slot.process->id() + " ended first");
  for (const Event& event : std::exchange(slot.mailbox, {})) {
    if (const auto* message = std::get_if<LocalMessage>(&event)) {
      if (stopping_) ++report_.unsent;
      complete_local(*message, delivery);
    }
  }
}

std::shared_ptr<Slot> ContextImpl::find_slot(std::string_view id) const {
  const auto found = processes_.find(id);
  return found == processes_.end() ? nullptr : found->second;
}

std::shared_ptr<Process> ContextImpl::find_local(const Pid& pid) const {
  if (!is_our_address(pid)) return nullptr;
  std::unique_lock lock(processes_mutex_, std::defer_lock);
  if (!on_loop()) lock.lock();
  const auto slot = find_slot(pid.id);
  return slot ? slot->process : nullptr;
}

bool ContextImpl::is_our_address(const Pid& pid) const {
  return (pid.port == advertised_.port && pid.host == advertised_.host) ||
         (pid.port == bound_.port && pid.host == bound_.host);
}

void ContextImpl::enqueue(const std::shared_ptr<Slot>& slot, Event event) {
  slot->mailbox.push_back(std::move(event));
  if (!std::exchange(slot->scheduled, true)) ready_.push_back(slot);
  if (!std::exchange(mailboxes_posted_, true)) {
    asio::post(io_, [this] {
      const Turn turn(*this);
      mailboxes_posted_ = false;
      run_mailboxes();
    });
  }
}

void ContextImpl::run_mailboxes() {
  for (const auto& slot : std::exchange(ready_, {})) {
    slot->scheduled = false;
    // Only what is there now: what a handler adds comes after everybody else's turn.
    for (std::size_t n = slot->mailbox.size(); n > 0 && !slot->mailbox.empty(); --n) {
      Event event = std::move(slot->mailbox.front());
      slot->mailbox.pop_front();
      handle(*slot, event);
    }
  }
}

void ContextImpl::handle(Slot& slot, Event& event) {
  const std::shared_ptr<Process> process = slot.process;
  if (auto* message = std::get_if<LocalMessage>(&event)) {
    handle(slot, *message);
  } else if (auto* call = std::get_if<Call>(&event)) {
    guarded(*process, "a dispatched call", [&] { call->call(*process); });
  } else {
    const auto& exit = std::get<Exit>(event);
    guarded(*process, "exited", [&] { process->exited(exit.pid, exit.reason); });
  }
}

void ContextImpl::handle(Slot& slot, LocalMessage& message) {
  count(counters.messages_received);
  count(counters.bytes_received, message.body.size());
  const Pid from = Pid::from_peer(message.sender).value_or(Pid{"", "0.0.0.0", 0});
  const MessageView view{from,         message.sender, slot.process->pid(),
                         message.name, message.body,   message.reply_depth};
  guarded(*slot.process, message.name, [&] { slot.process->receive(view); });
  Delivery delivery;
  delivery.status = 202;
  delivery.ack = Clock::now() - message.sent;
  complete_local(message, delivery);
}

template <class F>
bool ContextImpl::guarded(const Process& process, std::string_view what, F&& call) {
  try {
    call();
    return true;
  } catch (...) {
    count(counters.handler_exceptions);
    warn(process.id() + ": the handler of " + std::string(what) +
         " threw: " + text_of(std::current_exception()));
    return false;
  }
}

bool ContextImpl::deliver(const IncomingMessage& message) {
  // A copy of the owner: the handler may end its own process.
  const auto slot = find_slot(message.id);
  if (!slot) return false;
  const std::shared_ptr<Process> process = slot->process;
  count(counters.messages_received);
  count(counters.bytes_received, message.body.size());
  const MessageView view{message.from, message.sender,      process->pid(),    message.name,
                         message.body, message.reply_depth, message.connection};
  guarded(*process, message.name, [&] { process->receive(view); });
  return true;
}

HttpResponse ContextImpl::serve_http(const HttpRequest& request) {
  // The caller has a share in the handler: it may replace itself.
  const auto answer = [&](const std::shared_ptr<const RouteHandler>& handler) {
    try {
      return (*handler)(request);
    } catch (...) {
      count(counters.handler_exceptions);
      const std::string why = text_of(std::current_exception());
      warn("the route of " + std::string(request.path) + " threw: " + why);
      return HttpResponse{500, "text/plain; charset=utf-8", why};
    }
  };
  const std::string_view path = request.path.substr(0, request.path.find_last_not_of('/') + 1);
  const std::size_t slash = path.find('/', 1);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view("/") : path.substr(slash);
  std::string decoded;
  if (!path.empty()) {
    const auto id = wire::decode_id(
        path.substr(1, slash == std::string_view::npos ? slash : slash - 1), decoded);
    if (const auto slot = id ? find_slot(*id) : nullptr) {
      const std::shared_ptr<Process> process = slot->process;
      if (const auto handler = longest_prefix(process->routes_, rest)) return answer(handler);
    }
  }
  const std::string_view whole = path.empty() ? std::string_view("/") : path;
  if (const auto handler = longest_prefix(routes_, whole)) return answer(handler);
  if (const auto slot = options_.delegate.empty() ? nullptr : find_slot(options_.delegate)) {
    const std::shared_ptr<Process> process = slot->process;
    if (const auto handler = longest_prefix(process->routes_, whole)) return answer(handler);
  }
  return {404, "text/plain; charset=utf-8", "404 Not Found."};
}

void ContextImpl::route(std::string path, RouteHandler handler) {
  if (!path.starts_with('/')) throw std::invalid_argument("a route must start with '/': " + path);
  call_on_loop(
      [&] { routes_[std::move(path)] = std::make_shared<const RouteHandler>(std::move(handler)); });
}

std::vector<std::string> ContextImpl::context_routes() const {
  std::vector<std::string> paths;
  for (const auto& [path, handler] : routes_) paths.push_back(path);
  return paths;
}

void ContextImpl::dispatch(const Pid& pid, std::function<void(Process&)> call) {
  const auto process = find_local(pid);
  if (!process) throw InvalidProcess(pid.str() + " is no process of this context");
  if (on_loop()) return enqueue_call(process, std::move(call));
  post([this, weak = std::weak_ptr(process), call = std::move(call)]() mutable {
    enqueue_call(weak.lock(), std::move(call));
  });
}

void ContextImpl::enqueue_call(const std::shared_ptr<Process>& process,
                               std::function<void(Process&)> call) {
  const Turn turn(*this);
  // Another of the same id is not meant.
  const auto slot = process ? find_slot(process->id()) : nullptr;
  if (slot && slot->process == process) enqueue(slot, Call{std::move(call)});
}

// --- Timers

TimerId ContextImpl::delay(Duration after, const Pid& pid, std::function<void(Process&)> call) {
  const auto process = find_local(pid);
  if (!process) throw InvalidProcess(pid.str() + " is no process of this context");
  const TimerId id = next_timer_.fetch_add(1);
  const auto at = in(after);
  auto start = [this, id, at, weak = std::weak_ptr(process), call = std::move(call)]() mutable {
    auto& timer = timers_[id] = std::make_unique<asio::steady_timer>(io_, at);
    timer->async_wait(
        [this, id, weak, call = std::move(call)](const asio::error_code& aborted) mutable {
          // Cancelled when it was due already, perhaps.
          if (aborted || timers_.erase(id) == 0) return;
          enqueue_call(weak.lock(), std::move(call));
        });
  };
  if (on_loop()) {
    start();
  } else {
    post(std::move(start));
  }
  return id;
}

bool ContextImpl::cancel(TimerId timer) {
  bool cancelled = false;
  try {
    call_on_loop([&] { cancelled = timers_.erase(timer) > 0; });
  } catch (const Stopped&) {
    return false;
  }
  return cancelled;
}

// --- Sending

void ContextImpl::complete(const OnDelivery& on_delivery, const Delivery& delivery) {
  if (delivery.outcome != Outcome::accepted) count(counters.deliveries_failed);
  if (!on_delivery) return;
  try {
    on_delivery(delivery);
  } catch (...) {
    count(counters.handler_exceptions);
    warn("the callback of a delivery threw: " + text_of(std::current_exception()));
  }
}

std::shared_ptr<Budget> ContextImpl::shared_budget(const Address& address) {
  std::lock_guard lock(budgets_mutex_);
  auto& budget = budgets_[address];
  if (!budget)
    budget = std::make_shared<Budget>(options_.max_queued_bytes, options_.max_unanswered);
  return budget;
}

SendResult ContextImpl::send(const OutgoingMessage& message, OnDelivery on_delivery,
                             std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  if (stopping_) return SendResult::stopped;
  if (to.port == 0 || to.host.empty() ||
      wire::why_not_sendable(options_.style, from, to, name) != nullptr) {
    return SendResult::invalid;
  }
  if (wire::message_size_bound(from, to, name, body.size()) > options_.max_queued_bytes)
    return SendResult::invalid;
  if (is_our_address(to)) return send_local(message, std::move(on_delivery), std::move(owner));
  return send_remote(message, std::move(on_delivery), std::move(owner));
}

SendResult ContextImpl::send_local(const OutgoingMessage& message, OnDelivery on_delivery,
                                   std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  if (!local_budget_->reserve(body.size())) return SendResult::full;
  LocalSend send{{to.id, std::string(from), std::string(name), std::string(body), depth,
                  Clock::now(), std::move(on_delivery), std::move(owner)}};
  if (on_loop()) {
    count(counters.messages_sent);
    if (const auto slot = find_slot(to.id)) {
      enqueue(slot, std::move(send.message));
      return SendResult::queued;
    }
    count(counters.messages_dropped);
    // Posted, so that nobody is called back before his send() has returned.
    send.undeliverable = true;
  }
  return post_task(std::move(send)) ? SendResult::queued : SendResult::stopped;
}

void ContextImpl::complete_local(const LocalMessage& message, const Delivery& delivery) {
  local_budget_->release_bytes(message.body.size());
  local_budget_->release_messages(1);
  complete(message.on_delivery, delivery);
}

SendResult ContextImpl::send_remote(const OutgoingMessage& message, OnDelivery on_delivery,
                                    std::shared_ptr<Process> owner) {
  const auto& [from, to, name, body, depth] = message;
  const std::size_t bound = wire::message_size_bound(from, to, name, body.size());
  Sent sent{std::move(on_delivery), std::move(owner), {}, 0};
  if (sent.on_delivery) sent.at = Clock::now();
  if (!on_loop()) {
    const auto budget = shared_budget({to.host, to.port});
    if (!budget->reserve(bound)) return SendResult::full;
    RemoteSend task{{to.host, to.port}, budget, {}, std::move(sent)};
    task.bytes.reserve(bound);
    wire::append_message(task.bytes, options_.style, from, to, name, body, depth);
    budget->correct(bound - task.bytes.size());
    return post_task(std::move(task)) ? SendResult::queued : SendResult::stopped;
  }
  const Turn turn(*this);
  const auto connection = outbound_to({to.host, to.port});
  if (!connection->budget()->reserve(bound)) return SendResult::full;
  count(counters.messages_sent);
  std::string& output = connection->output_for(bound);
  const std::size_t before = output.size();
  wire::append_message(output, options_.style, from, to, name, body, depth);
  const std::size_t bytes = output.size() - before;
  connection->budget()->correct(bound - bytes);
  connection->appended(bytes, std::move(sent));
  return SendResult::queued;
}

SendResult ContextImpl::send_wait(const OutgoingMessage& message, Duration timeout,
                                  const OnDelivery& on_delivery) {
  if (on_loop()) throw Error("send_wait() on the loop thread would wait for itself");
  const Pid& to = message.to;
  const auto budget = is_our_address(to) ? local_budget_ : shared_budget({to.host, to.port});
  while (true) {
    const SendResult result = send(message, on_delivery);
    if (result != SendResult::full || !budget->wait_roomy(timeout)) return result;
  }
}

void ContextImpl::when_room(const Pid& to, std::function<void()> ready) {
  post([this, address = Address{to.host, to.port}, local = is_our_address(to),
        ready = std::move(ready)]() mutable {
    const auto budget = local ? local_budget_ : shared_budget(address);
    if (budget->roomy()) return ready();
    // Posted, not called: room is made while connections are being flushed.
    budget->when_roomy([this, ready = std::move(ready)] { post(ready); });
  });
}

std::shared_ptr<Outbound> ContextImpl::outbound_to(const Address& address) {
  if (const auto found = outbound_.find(address); found != outbound_.end()) {
    found->second->carry_messages();
    return found->second;
  }
  auto connection = make_outbound(address);
  open(*connection);
  return connection;
}

std::shared_ptr<Outbound> ContextImpl::make_outbound(const Address& address) {
  auto connection = std::make_shared<Outbound>(*this, address, shared_budget(address));
  outbound_.emplace(address, connection);
  return connection;
}

void ContextImpl::open(Outbound& connection) {
  if (outbound_.size() + retired_.size() > max_outgoing_) {
    connection.refuse({EMFILE, std::system_category()});
  } else {
    connection.open();
  }
}

void ContextImpl::outbound_retired(const std::shared_ptr<Outbound>& connection) {
  const auto found = outbound_.find(connection->address());
  if (found == outbound_.end() || found->second != connection) return;
  outbound_.erase(found);
  retired_.insert(connection);
}

void ContextImpl::outbound_closed(const std::shared_ptr<Outbound>& connection) {
  outbound_retired(connection);
  retired_.erase(connection);
  std::lock_guard lock(budgets_mutex_);
  const auto found = budgets_.find(connection->address());
  // Held by the table and by this connection only: nobody is about to use it.
  if (found != budgets_.end() && found->second.use_count() == 2 && !stopping_)
    budgets_.erase(found);
}

// --- Links

void ContextImpl::link(const Pid& process, const Pid& to) {
  if (!find_local(process)) throw InvalidProcess(process.str() + " is no process of this context");
  if (on_loop()) return link_on_loop(process.id, to);
  post([this, id = process.id, to] { link_on_loop(id, to); });
}

void ContextImpl::link_on_loop(const std::string& process_id, const Pid& to) {
  const Turn turn(*this);
  if (!processes_.contains(process_id)) return;
  if (is_our_address(to)) {
    if (find_slot(to.id)) {
      local_links_.add(process_id, to);
    } else {
      deliver_exit(process_id, to, ExitReason::closed);
    }
    return;
  }
  // The link is noted first and the connection opened then, so a failed connect is an exit like any
  // other.
  outbound_to({to.host, to.port})->link(process_id, to);
}

void ContextImpl::unlink(const Pid& process, const Pid& to) {
  // In place on the loop, as link() is: of the two the last one called counts.
  if (on_loop()) return unlink_on_loop(process.id, to);
  post([this, id = process.id, to] { unlink_on_loop(id, to); });
}

void ContextImpl::unlink_on_loop(const std::string& process_id, const Pid& to) {
  const Turn turn(*this);
  if (is_our_address(to)) return local_links_.remove(process_id, to.id);
  if (const auto found = outbound_.find({to.host, to.port}); found != outbound_.end())
    found->second->unlink(process_id, to);
  for (const auto& connection : retired_) connection->unlink(process_id, to);
}

void ContextImpl::unlinked(const std::string& process_id, Outbound& connection) {
  const auto found = linked_.find(process_id);
  if (found == linked_.end()) return;
  found->second.erase(&connection);
  if (found->second.empty()) linked_.erase(found);
}

void ContextImpl::deliver_exit(const std::string& process_id, const Pid& pid, ExitReason reason) {
  if (const auto slot = find_slot(process_id)) enqueue(slot, Exit{pid, reason});
}

Statistics ContextImpl::statistics() const {
  const auto get = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  Statistics s;
  s.messages_received = get(counters.messages_received);
  s.bytes_received = get(counters.bytes_received);
  s.messages_dropped = get(counters.messages_dropped);
  s.messages_rejected = get(counters.messages_rejected);
  s.messages_sent = get(counters.messages_sent);
  s.deliveries_failed = get(counters.deliveries_failed);
  s.handler_exceptions = get(counters.handler_exceptions);
  s.http_requests = get(counters.http_requests);
  s.connections_accepted = get(counters.connections_accepted);
  s.connections_open = get(counters.connections_open);
  s.links = get(counters.links);
  return s;
}

// --- Stopping

StopReport ContextImpl::stop(Duration drain) {
  post([this, drain] { begin_stop(drain); });
  if (on_loop()) return {};
  std::lock_guard lock(stop_mutex_);
  if (!thread_.joinable()) return {};
  thread_.join();
  return report_;
}

void ContextImpl::join() {
  std::unique_lock lock(stopped_mutex_);
  stopped_changed_.wait(lock, [this] { return stopped_; });
}

void ContextImpl::begin_stop(Duration drain) {
  if (stopping_) return;
  const Turn turn(*this);
  asio::error_code ignored;
  listener_.close(ignored);
  // What is in the mailboxes now is handled, and so is what that leads to; not an endless
  // conversation with oneself.
  for (int round = 0; round < kMailboxRoundsAtStop && !ready_.empty(); ++round) run_mailboxes();
  stopping_ = true;
  while (!processes_.empty()) end_process(processes_.begin()->second);
  {
    std::lock_guard lock(budgets_mutex_);
    for (const auto& [address, budget] : budgets_) budget->close();
  }
  local_budget_->close();
  posted_replies_.close();
  for (const auto& connection : std::vector(inbound_.begin(), inbound_.end()))
    connection->shut_down();
  draining_ = all_outbound();
  for (const auto& connection : draining_) connection->retire();
  stop_timer_.expires_at(in(drain));
  stop_timer_.async_wait([this](const asio::error_code& aborted) {
    if (!aborted) finish_stop();
  });
}

std::vector<std::shared_ptr<Outbound>> ContextImpl::all_outbound() const {
  std::vector<std::shared_ptr<Outbound>> all(retired_.begin(), retired_.end());
  for (const auto& [address, connection] : outbound_) all.push_back(connection);
  return all;
}

void ContextImpl::finish_stop_when_drained() {
  // None becomes busy again: nothing is sent any more.
  while (!draining_.empty() && !draining_.back()->busy()) draining_.pop_back();
  if (draining_.empty() && inbound_.empty()) finish_stop();
}

void ContextImpl::finish_stop() {
  if (std::exchange(finished_, true)) return;
  for (const auto& connection : std::vector(inbound_.begin(), inbound_.end())) connection->close();
  for (const auto& connection : all_outbound()) connection->abort(report_);
  std::vector<Task> tasks;
  {
    std::lock_guard lock(tasks_mutex_);
    tasks_closed_ = true;
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) {
    if (auto* remote = std::get_if<RemoteSend>(&task)) run_send(*remote);
    if (auto* local = std::get_if<LocalSend>(&task)) run_send(*local);
  }
  io_.stop();
}

}  // namespace compactor
