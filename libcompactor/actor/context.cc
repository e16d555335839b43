#include "compactor/context.h"

#include "actor/context_impl.h"

namespace compactor {

Context::Context() : Context(Options::from_environment()) {}
Context::Context(Options options)
    : impl_(std::make_unique<ContextImpl>(*this, std::move(options))) {}
Context::~Context() {
  if (!impl_->on_loop()) return;
  impl_->abandon();
  (void)impl_.release();
}

const Address& Context::address() const {
  return impl_->address();
}
const Address& Context::bound() const {
  return impl_->bound();
}
const Options& Context::options() const {
  return impl_->options();
}
std::string Context::str() const {
  return "Context(" + address().str() + ")";
}

Pid Context::spawn(std::shared_ptr<Process> process) {
  return impl_->spawn(std::move(process));
}
void Context::terminate(const Pid& pid) {
  impl_->terminate(pid);
}
bool Context::is_local(const Pid& pid) const {
  return impl_->find_local(pid) != nullptr;
}

SendResult Context::send(std::string_view from, const Pid& to, std::string_view name,
                         std::string_view body, OnDelivery on_delivery) {
  return impl_->send({from, to, name, body}, std::move(on_delivery));
}

SendResult Context::send_wait(std::string_view from, const Pid& to, std::string_view name,
                              std::string_view body, Duration timeout,
                              const OnDelivery& on_delivery) {
  return impl_->send_wait({from, to, name, body}, timeout, on_delivery);
}

SendResult Context::reply(const ReturnAddress& address, std::string_view name,
                          std::string_view body, OnDelivery on_delivery) {
  return impl_->reply(address, name, body, std::move(on_delivery));
}

void Context::reload_tls() {
  impl_->reload_tls();
}

void Context::when_room(const Pid& to, std::function<void()> ready) {
  impl_->when_room(to, std::move(ready));
}
void Context::link(const Pid& process, const Pid& to) {
  impl_->link(process, to);
}
void Context::unlink(const Pid& process, const Pid& to) {
  impl_->unlink(process, to);
}

void Context::dispatch(const Pid& pid, std::function<void(Process&)> call) {
  impl_->dispatch(pid, std::move(call));
}

TimerId Context::delay(Duration after, const Pid& pid, std::function<void(Process&)> call) {
  return impl_->delay(after, pid, std::move(call));
}

bool Context::cancel(TimerId timer) {
  return impl_->cancel(timer);
}

void Context::check_type(const Pid& pid, const std::function<bool(Process&)>& is_one) const {
  const auto process = impl_->find_local(pid);
  if (!process) throw InvalidProcess(pid.str() + " is no process of this context");
  if (!is_one(*process)) throw InvalidMethod(pid.str() + " is no process of the method's class");
}

void Context::post(std::function<void()> call) {
  impl_->post(std::move(call));
}

bool Context::on_loop() const {
  return impl_->on_loop();
}
void Context::pause_receiving() {
  impl_->pause_receiving();
}
void Context::resume_receiving() {
  impl_->resume_receiving();
}
void Context::route(std::string path, RouteHandler handler) {
  impl_->route(std::move(path), std::move(handler));
}
Statistics Context::statistics() const {
  return impl_->statistics();
}
StopReport Context::stop(Duration drain) {
  return impl_->stop(drain);
}
void Context::join() {
  impl_->join();
}

}  // namespace compactor
