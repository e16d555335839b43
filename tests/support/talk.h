// A connection in which requests and answers are said one after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "capture/exchange.h"
#include "support/capture_kit.h"

namespace talk {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using capture_test::Listener;

inline std::string message(const std::string& name, const std::string& body = "") {
  std::string head =
      "POST /sink/" + name + " HTTP/1.1\r\nUser-Agent: libprocess/me@1.2.3.4:5\r\nContent-Length: ";
  return head + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline std::string answer(int status, const std::string& body = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " Word\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// One connection, in which each side has received all that was said before.
class Talk {
 public:
  explicit Talk(const ExchangeOptions& options = {}, bool from_start = true)
      : tracker(listener, options) {
    ConnectionInfo info;
    info.number = 1;
    if (from_start) info.client = Side::a;
    reader = tracker.open(info);
  }
  void say(Side side, const std::string& bytes) {
    time += 1ms;
    reader->on_data(side, bytes, {time, at_[index(side)], acked_[index(side)]});
    at_[index(side)] += bytes.size();
    receive(side);
  }
  void ask(const std::string& bytes) { say(Side::a, bytes); }
  void reply(const std::string& bytes) { say(Side::b, bytes); }
  void lose(Side side, std::uint64_t bytes) {
    reader->on_gap(side, bytes, time);
    at_[index(side)] += bytes;
    receive(side);
  }
  void close() {
    reader->on_close(Close::finished, time);
    reader.reset();
  }
  void end_of_capture() {
    reader->on_close(Close::ended, time);
    reader.reset();
  }
  /// NAME=STATUS of each message, in the order of telling.
  std::string told() const {
    std::string all;
    for (const auto& each : listener.messages)
      all += (all.empty() ? "" : " ") + each.name + "=" +
             (each.status ? std::to_string(*each.status) : "?") + (each.partial ? "~" : "");
    return all;
  }

  Listener listener;
  ExchangeTracker tracker;
  std::unique_ptr<StreamReader> reader;
  Time time{std::chrono::seconds{1'000'000}};
  bool pipelines = false;  // the client acknowledges nothing

 private:
  void receive(Side sender) {
    if (pipelines && sender == Side::b) return;
    acked_[index(other(sender))] = at_[index(sender)];
  }

  std::uint64_t at_[2] = {5'000, 9'000};
  std::uint64_t acked_[2] = {9'000, 5'000};
};

}  // namespace talk
