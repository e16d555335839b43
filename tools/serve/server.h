// What serve does with messages: shows, counts, answers.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compactor/process.h"
#include "node/node.h"
#include "node/run.h"
#include "serve/actor.h"

namespace tool {

struct Reply {
  std::string glob;  // messages that are answered
  std::string name;
  std::string body;
};

/// NAME=REPLY[:BODY], BODY as of send. Throws Failure (exit 2; 6 for a file).
Reply parse_reply(const std::string& text, TypeCodec* types);

struct ServerSettings {
  bool pong = true;
  bool echo = false;
  std::vector<Reply> replies;
  std::vector<compactor::Pid> links;
  TypeCodec* types = nullptr;
  std::optional<std::uint64_t> count;  // end after so many
  std::optional<std::string> expect;   // of this name (glob)
};

/// From start() to stop(), which the owner's thread calls; everything between happens on the loop.
class Server {
 public:
  Server(const ServerSettings& settings, Node& node, Console& console, Waiter& waiter);
  ~Server();  // stop()
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Spawns the processes and, unless `words` is empty, the child of --exec. Throws Failure.
  void start(const std::vector<std::string>& ids, const std::vector<std::string>& words);
  /// Answers what was received, ends the child, stops the node.
  void stop();

  /// Any thread but the loop's.
  ServeSummary summary();
  /// How the child of --exec ended, or left us, by itself; empty when it did not.
  std::string child_end() const;

  // Called by the processes, on the loop.
  /// Messages of that name print nothing, so that they need not wait while output is not read.
  bool is_silent(std::string_view name) const;
  void received(const compactor::MessageView& message);
  void exited(const compactor::Pid& pid, compactor::ExitReason reason);

 private:
  void count(const compactor::MessageView& message);
  void check_goal(const compactor::MessageView& message);
  void answer(const compactor::MessageView& message);
  void reply(const compactor::MessageView& message, std::string_view name, std::string_view body);
  void failed(std::string_view to, std::string_view name, std::string_view why);

  const ServerSettings& settings_;
  Node& node_;
  Console& console_;
  Waiter& waiter_;
  const Steady::time_point started_ = Steady::now();
  std::vector<compactor::Pid> pids_;
  std::unique_ptr<Actor> actor_;

  ServeSummary counts_;     // on the loop
  std::uint64_t goal_ = 0;  // messages that count for it
  bool done_ = false;

  mutable std::mutex end_mutex_;
  std::string child_end_;
};

}  // namespace tool
