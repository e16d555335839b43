#include <memory>
#include <mutex>

#include "compactor/context.h"

namespace compactor {
namespace {

struct Default {
  // exit() called by a handler: the thread to be joined is this one, and it will not go on.
  ~Default() {
    if (context && context->on_loop()) (void)context.release();
  }
  std::mutex mutex;
  std::unique_ptr<Context> context;
};

Default& the_default() {
  static Default instance;
  return instance;
}

}  // namespace

Context& default_context() {
  Default& held = the_default();
  std::lock_guard lock(held.mutex);
  if (!held.context) held.context = std::make_unique<Context>();
  return *held.context;
}

Context& initialize(Options options) {
  Default& held = the_default();
  std::lock_guard lock(held.mutex);
  if (held.context) throw Error("the default context exists already: " + held.context->str());
  held.context = std::make_unique<Context>(std::move(options));
  return *held.context;
}

Pid spawn(std::shared_ptr<Process> process) {
  return default_context().spawn(std::move(process));
}

void join() {
  default_context().join();
}

}  // namespace compactor
