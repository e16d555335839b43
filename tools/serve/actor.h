// serve --exec: an actor written in any language. Messages go to a child process as NDJSON, its
// lines are actions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "compactor/context.h"
#include "node/body_check.h"
#include "output/console.h"
#include "serve/child.h"
#include "serve/conversations.h"

namespace tool {

/// Thread-safe.
class Actor {
 public:
  struct Settings {
    std::vector<std::string> words;  // program and arguments
    compactor::Pid pid;              // that it acts as: sender of its sends, COMPACTOR_PID
    TypeCodec* types = nullptr;
  };
  /// `hold`: the child does not read its messages; `terminate`: it asked for the end; `ended`: it
  /// has ended, or reads no messages any more: how.
  struct Hooks {
    std::function<void(bool)> hold;
    std::function<void()> terminate;
    std::function<void(const std::string& how)> ended;
  };

  /// Throws Failure (exit 6) when the child cannot be started.
  Actor(Settings settings, compactor::Context& context, Console& console, Hooks hooks);
  ~Actor();

  /// Ends the child when it has read and answered what it was given. What it sent may still be
  /// under way. Returns how many messages it is known not to have read.
  std::size_t finish();

  void message(const MessageEvent& event, const compactor::ReturnAddress& sender);
  void exited(const compactor::Pid& pid, std::string_view reason);

 private:
  struct Action;
  struct Told;

  void add_under_way(std::uint64_t end);
  void act(std::string_view line);
  void pass_on(std::string_view error);
  bool is_refused(const Action& action);
  void send(const Action& action);
  void reply(Action& action);
  void not_sent(const Action& action, std::string_view why);
  void report(const Told& told, const compactor::Delivery& delivery);
  compactor::OnDelivery reporting(const Action& action);
  compactor::ReturnAddress sender_of(const Action& action);

  Settings settings_;
  compactor::Context& context_;
  Console& console_;
  Hooks hooks_;
  BodyCheck body_check_;                // used on the thread that reads the child
  std::unique_ptr<Renderer> renderer_;  // used under the lock of the child's input
  std::mutex mutex_;
  Conversations conversations_;
  std::deque<std::uint64_t> under_way_;  // where messages end in what was written
  std::atomic<bool> finishing_ = false;
  std::unique_ptr<Child> child_;
};

}  // namespace tool
