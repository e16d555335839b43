#include "actor/registry.h"

#include <utility>

#include "net/clock.h"

namespace compactor {

Registry::Registry(Loop& loop, Reporter& reporter, std::shared_ptr<Budget> budget,
                   std::function<void(const std::string&)> ended)
    : loop_(loop), reporter_(reporter), budget_(std::move(budget)), ended_(std::move(ended)) {}

// --- Processes

void Registry::add(const std::shared_ptr<Process>& process, Home home) {
  const std::string& id = process->id();
  if (closed_) throw Stopped("the context has been stopped");
  // It keeps what it was told, also after its end.
  if (!process->self_.expired()) throw InvalidProcess(id + " was spawned already");
  if (processes_.contains(id))
    throw InvalidProcess("a process with the id " + id + " exists already");
  auto slot = std::make_shared<Slot>();
  slot->process = process;
  process->pid_ = {id, std::move(home.address.host), home.address.port};
  process->pid_text_ = process->pid_.str();
  process->self_ = process;
  process->impl_ = home.impl;
  process->context_ = home.context;
  {
    std::lock_guard lock(mutex_);
    processes_.emplace(id, slot);
  }
  try {
    process->initialize();
  } catch (...) {
    // It may have ended itself before it threw.
    if (const auto* found = find_slot(id); found && *found == slot) forget(*slot);
    process->self_.reset();
    process->context_ = nullptr;
    process->impl_ = nullptr;
    throw;
  }
}

void Registry::end(std::string_view id) {
  if (const auto* slot = find_slot(id)) end(*slot);
}

// By value: what it refers to is taken out of the table.
void Registry::end(const std::shared_ptr<Slot> slot) {
  forget(*slot);
  guarded(*slot->process, "finalize", [&] { slot->process->finalize(); });
}

void Registry::forget(Slot& slot) {
  const std::string& id = slot.process->id();
  {
    std::lock_guard lock(mutex_);
    processes_.erase(id);
  }
  ended_(id);
  for (const auto& [linker, pid] : links_.end(id)) exited(linker, pid, ExitReason::closed);
  drop_events(slot);
}

void Registry::drop_events(Slot& slot) {
  const Fault fault = closed_ ? Fault::stopped : Fault::terminated;
  const Delivery delivery =
      not_delivered(Outcome::failed, fault, 0, slot.process->id() + " ended first");
  for (const Event& event : std::exchange(slot.mailbox, {})) {
    if (const auto* message = std::get_if<LocalMessage>(&event)) {
      if (closed_) ++unsent_;
      complete(*message, delivery);
    }
  }
}

void Registry::close() {
  closed_ = true;
  while (!processes_.empty()) end(processes_.begin()->second);
  budget_->close();
}

const std::shared_ptr<Registry::Slot>* Registry::find_slot(std::string_view id) const {
  const auto found = processes_.find(id);
  return found == processes_.end() ? nullptr : &found->second;
}

std::shared_ptr<Process> Registry::find(std::string_view id) const {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (!loop_.on_loop()) lock.lock();
  const auto* slot = find_slot(id);
  return slot ? (*slot)->process : nullptr;
}

// --- Messages of peers

bool Registry::deliver(const IncomingMessage& message) {
  const auto* slot = find_slot(message.id);
  if (!slot) return false;
  // A copy of the owner: the handler may end its own process.
  const std::shared_ptr<Process> process = (*slot)->process;
  count(reporter_.counters.messages_received);
  count(reporter_.counters.bytes_received, message.body.size());
  const MessageView view{message.from, message.sender,      process->pid_,     message.name,
                         message.body, message.reply_depth, message.connection};
  guarded(*process, message.name, [&] { process->receive(view); });
  return true;
}

bool Registry::must_wait(std::string_view id, std::string_view name) const {
  const auto* slot = find_slot(id);
  return slot && !(*slot)->process->receives_while_paused(name);
}

// --- Mailboxes

bool Registry::send(LocalMessage& message) {
  const auto* slot = find_slot(message.to);
  if (!slot) return false;
  enqueue(*slot, std::move(message));
  return true;
}

void Registry::complete(const LocalMessage& message, const Delivery& delivery) {
  budget_->release_bytes(message.body.size());
  budget_->release_messages(1);
  reporter_.complete(message.on_delivery, delivery);
}

void Registry::dispatch(const std::shared_ptr<Process>& process,
                        std::function<void(Process&)> call) {
  const auto* slot = process ? find_slot(process->id()) : nullptr;
  // Another of the same id is not meant.
  if (slot && (*slot)->process == process) enqueue(*slot, Call{std::move(call)});
}

void Registry::enqueue(const std::shared_ptr<Slot>& slot, Event event) {
  slot->mailbox.push_back(std::move(event));
  if (!std::exchange(slot->scheduled, true)) ready_.push_back(slot);
  if (std::exchange(posted_, true)) return;
  loop_.post([this] {
    posted_ = false;
    run_mailboxes();
  });
}

void Registry::run_until_idle(int rounds) {
  for (; rounds > 0 && !ready_.empty(); --rounds) run_mailboxes();
}

void Registry::run_mailboxes() {
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

void Registry::handle(Slot& slot, Event& event) {
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

void Registry::handle(Slot& slot, LocalMessage& message) {
  count(reporter_.counters.messages_received);
  count(reporter_.counters.bytes_received, message.body.size());
  const Pid from = Pid::from_peer(message.sender).value_or(Pid{"", "0.0.0.0", 0});
  const MessageView view{from,         message.sender, slot.process->pid_,
                         message.name, message.body,   message.reply_depth};
  guarded(*slot.process, message.name, [&] { slot.process->receive(view); });
  Delivery delivery;
  delivery.status = 202;
  delivery.ack = Clock::now() - message.sent;
  complete(message, delivery);
}

template <class F>
void Registry::guarded(const Process& process, std::string_view what, F&& call) {
  try {
    call();
  } catch (...) {
    reporter_.threw(process.id() + ": the handler of " + std::string(what));
  }
}

// --- Links

void Registry::link(const std::string& linker, const Pid& to) {
  if (find_slot(to.id)) {
    links_.add(linker, to);
  } else {
    exited(linker, to, ExitReason::closed);
  }
}

void Registry::exited(const std::string& linker, const Pid& pid, ExitReason reason) {
  if (const auto* slot = find_slot(linker)) enqueue(*slot, Exit{pid, reason});
}

}  // namespace compactor
