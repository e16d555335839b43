#include "compactor/process.h"

#include <stdexcept>

#include "actor/context_impl.h"

namespace compactor {

Process::Process(std::string id) : id_(std::move(id)) {}
Process::~Process() = default;

ContextImpl& Process::bound() const {
  if (impl_ == nullptr) throw UnboundProcess("the process " + id_ + " has not been spawned");
  return *impl_;
}

const Pid& Process::pid() const {
  bound();
  return pid_;
}

Context& Process::context() const {
  bound();
  return *context_;
}

void Process::exited(const Pid& /*pid*/, ExitReason /*reason*/) {}

void Process::receive(const MessageView& message) {
  if (const auto handler = handlers_.find(message.name); handler != handlers_.end()) {
    const std::shared_ptr<const Handler> held = handler->second;
    (*held)(message.from, message.body);
  } else if (const auto delegate = delegates_.find(message.name); delegate != delegates_.end()) {
    const Pid to = delegate->second;
    const SendResult result =
        bound().send({message.sender, to, message.name, message.body, message.reply_depth}, {});
    if (result != SendResult::queued) {
      throw Error("cannot pass it on to " + to.str() + ": " + std::string(to_string(result)));
    }
  }
}

void Process::install(std::string name, Handler handler) {
  handlers_.insert_or_assign(std::move(name), std::make_shared<const Handler>(std::move(handler)));
}

void Process::route(std::string path, RouteHandler handler) {
  if (path.empty() || path.front() != '/')
    throw std::invalid_argument("a route must start with '/': " + path);
  routes_.insert_or_assign(std::move(path),
                           std::make_shared<const RouteHandler>(std::move(handler)));
}

std::vector<std::string> Process::route_paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, handler] : routes_) paths.push_back(path);
  return paths;
}

void Process::delegate(std::string name, Pid to) {
  delegates_.insert_or_assign(std::move(name), std::move(to));
}

SendResult Process::send(const Pid& to, std::string_view name, std::string_view body,
                         OnDelivery on_delivery) {
  ContextImpl& impl = bound();
  // The callback may refer to this process: it lives until it was called.
  std::shared_ptr<Process> owner = on_delivery ? self_.lock() : nullptr;
  return impl.send({pid_text_, to, name, body}, std::move(on_delivery), std::move(owner));
}

void Process::link(const Pid& to) {
  bound().link(pid(), to);
}

void Process::terminate() {
  bound().terminate(pid());
}

}  // namespace compactor
