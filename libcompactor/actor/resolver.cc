#include "actor/resolver.h"

#include <netdb.h>

#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "actor/net.h"

namespace compactor {
namespace {

// One slow name server must not hold up every name, nor a peer that makes us ask for many.
constexpr std::size_t kMaxWorkers = 4;
constexpr std::size_t kMaxWaiting = 1024;

}  // namespace

struct Resolver::State {
  std::mutex mutex;
  std::deque<std::pair<std::string, Callback>> queue;
  std::size_t workers = 0;
  bool closed = false;
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->queue.clear();
}

void Resolver::resolve(const std::string& host, const Callback& done) {
  std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= kMaxWaiting) return done({EAI_AGAIN, resolve_category()}, {});
  state_->queue.emplace_back(host, done);
  if (state_->workers == kMaxWorkers) return;
  try {
    std::thread(work, state_).detach();
    ++state_->workers;
  } catch (const std::system_error&) {
    // The workers there are will come to it.
    if (state_->workers > 0) return;
    state_->queue.clear();
    done({EAI_AGAIN, resolve_category()}, {});
  }
}

void Resolver::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->queue.empty()) {
    const auto [host, done] = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    in_addr address{};
    const std::error_code error = resolve_once(host, address);
    lock.lock();
    // Under the lock: the destructor waits for it, so `done` and what it refers to are still there.
    if (!state->closed) done(error, address);
  }
  --state->workers;
}

}  // namespace compactor
