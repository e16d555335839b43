#include "net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "compactor/error.h"
#include "net/clock.h"
#include "net/net.h"

namespace compactor {
namespace {

// One slow name server must not hold up every name, nor a peer that makes us ask for many.
constexpr std::size_t kMaxWorkers = 4;
constexpr std::size_t kMaxWaiting = 1024;

std::string numeric(const addrinfo& entry) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v4 = entry.ai_family == AF_INET;
  const void* address =
      v4 ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(entry.ai_addr)->sin_addr)
         : &reinterpret_cast<const sockaddr_in6*>(entry.ai_addr)->sin6_addr;
  ::inet_ntop(entry.ai_family, address, text, sizeof text);
  return text;
}

std::error_code find_addresses(const std::string& host, int family,
                               std::vector<std::string>& addresses) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); failed != 0) {
    return {failed, resolve_category()};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    std::string address = numeric(*entry);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(std::move(address));
  }
  return {};
}

std::error_code find_name(const std::string& address, std::string& name) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* list = nullptr;
  if (const int failed = ::getaddrinfo(address.c_str(), nullptr, &hints, &list); failed != 0)
    return {failed, resolve_category()};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  char text[NI_MAXHOST] = "";
  const int failed =
      ::getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, nullptr, 0, NI_NAMEREQD);
  if (failed != 0) return {failed, resolve_category()};
  name = text;
  return {};
}

}  // namespace

/// Belongs to the caller and to the thread, whichever is there longer.
struct Lookup::State {
  State() : done(::eventfd(0, EFD_CLOEXEC)) {}
  ~State() {
    if (done >= 0) ::close(done);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Written by the thread before `found` is set and `done` becomes readable, read by the caller
  // after that.
  std::error_code error;
  std::vector<std::string> addresses;
  std::atomic<bool> found = false;
  const int done;
};

Lookup::Lookup(const std::string& host, int family) : state_(std::make_shared<State>()) {
  std::error_code failed;
  if (state_->done < 0) failed = {errno, std::system_category()};
  try {
    if (!failed) {
      std::thread([state = state_, host, family] {
        state->error = find_addresses(host, family, state->addresses);
        state->found.store(true, std::memory_order_release);
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(state->done, &one, sizeof one);
      }).detach();
    }
  } catch (const std::system_error& error) {
    failed = error.code();
  }
  if (failed) throw SocketError("cannot resolve " + host + ": " + describe(failed), failed);
}

Lookup::~Lookup() = default;

int Lookup::descriptor() const {
  return state_->done;
}

bool Lookup::wait(Clock::time_point deadline) const {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{state_->done, POLLIN, 0};
    const auto time = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
    if (::poll(&ready, 1, time) > 0) return true;
    if (left <= 0) return false;
  }
}

std::error_code Lookup::error() const {
  // The descriptor said it already; this is what makes the thread's writes visible here.
  static_cast<void>(state_->found.load(std::memory_order_acquire));
  return state_->error;
}

const std::vector<std::string>& Lookup::addresses() const {
  return state_->addresses;
}

std::string resolve_ipv4(const std::string& host, Duration timeout) {
  in_addr address{};
  if (parse_ipv4(host, address)) return host;
  const Lookup lookup(host, AF_INET);
  std::error_code error = std::make_error_code(std::errc::timed_out);
  if (lookup.wait(in(timeout))) error = lookup.error();
  if (error) throw SocketError("cannot resolve " + host + ": " + describe(error), error);
  return lookup.addresses().front();
}

struct Resolver::State {
  std::mutex mutex;
  std::deque<Task> queue;
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
  const auto task = [host, done]() -> std::function<void()> {
    std::vector<std::string> found;
    const std::error_code error = find_addresses(host, AF_INET, found);
    in_addr address{};
    if (!error) parse_ipv4(found.front(), address);
    return [done, error, address] { done(error, address); };
  };
  queue(task, [done] { done({EAI_AGAIN, resolve_category()}, {}); });
}

void Resolver::reverse(const std::string& address, const NameCallback& done) {
  const auto task = [address, done]() -> std::function<void()> {
    std::string name;
    const std::error_code error = find_name(address, name);
    return [done, error, name] { done(error, name); };
  };
  queue(task, [done] { done({EAI_AGAIN, resolve_category()}, ""); });
}

void Resolver::queue(Task task, const std::function<void()>& refuse) {
  std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= kMaxWaiting) return refuse();
  state_->queue.push_back(std::move(task));
  if (state_->workers == kMaxWorkers) return;
  try {
    std::thread(work, state_).detach();
    ++state_->workers;
  } catch (const std::system_error&) {
    // The workers there are will come to it.
    if (state_->workers > 0) return;
    state_->queue.clear();
    refuse();
  }
}

void Resolver::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->queue.empty()) {
    const Task task = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    const std::function<void()> tell = task();
    lock.lock();
    // Under the lock: the destructor waits for it, so who is told is still there.
    if (!state->closed) tell();
  }
  --state->workers;
}

}  // namespace compactor
