// Small things that the commands share: times of a run, and asking a process for its state.
#pragma once

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <utility>

#include "compactor/context.h"

namespace tool {

using Steady = std::chrono::steady_clock;

inline double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

/// Calls `call(process)` on the loop and waits for it; not to be called on the loop. False when the
/// process has ended.
template <class P, class Call>
bool on_loop(compactor::Context& context, const compactor::Pid& pid, Call&& call) {
  auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  try {
    context.dispatch(pid, [done = std::move(done), &call](compactor::Process& process) {
      call(dynamic_cast<P&>(process));
      done->set_value();
    });
    future.get();
  } catch (const compactor::Error&) {
    return false;  // no such process any more
  } catch (const std::future_error&) {
    return false;  // it ended before its turn came
  }
  return true;
}

}  // namespace tool
