#include "actor/resolver.h"

#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "actor/net.h"

namespace compactor {

struct Resolver::State {
  std::mutex mutex;
  std::deque<std::pair<std::string, Callback>> queue;
  bool working = false;
  bool closed = false;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->queue.clear();
}

void Resolver::resolve(const std::string& host, Callback done) {
  std::lock_guard lock(state_->mutex);
  state_->queue.emplace_back(host, std::move(done));
  if (!std::exchange(state_->working, true)) std::thread(work, state_).detach();
}

void Resolver::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->queue.empty()) {
    auto [host, done] = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    in_addr address{};
    const std::error_code error = resolve_once(host, address);
    lock.lock();
    // Under the lock: the destructor waits for it, so `done` and what it refers to are still there.
    if (!state->closed) done(error, address);
  }
  state->working = false;
}

}  // namespace compactor
