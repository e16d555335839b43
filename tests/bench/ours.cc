#include <future>
#include <memory>
#include <string>
#include <vector>

#include "compactor/compactor.h"
#include "figures.h"
#include "harness.h"

namespace bench::ours {
namespace {

using compactor::Context;
using compactor::Delivery;
using compactor::Outcome;
using compactor::Pid;
using compactor::Process;
using compactor::SendResult;

compactor::Options loopback(const Load& load) {
  compactor::Options options;
  options.ip = "127.0.0.1";
  options.tls.enabled = !load.tls.empty();
  options.tls.key_file = load.tls + "/node.key";
  options.tls.cert_file = load.tls + "/node.pem";
  return options;
}

/// Counts what arrives, and the time from the first to the last.
class Sink : public Process {
 public:
  explicit Sink(std::size_t expected) : Process("sink"), left_(expected), expected_(expected) {
    install("message", &Sink::message);
  }
  std::promise<double> rate;

 private:
  void message(const Pid& /*from*/, std::string_view /*body*/) {
    if (left_ == expected_) first_ = Clock::now();
    if (--left_ == 0) rate.set_value(static_cast<double>(expected_) / seconds_since(first_));
  }

  std::size_t left_;
  const std::size_t expected_;
  Clock::time_point first_;
};

/// Sends as fast as it is let: until the address is full, and again when there is room.
class Flooder : public Process {
 public:
  Flooder(Pid to, const Load& load)
      : Process("source"), to_(std::move(to)), left_(load.messages), body_(load.body, 'x') {}
  std::promise<void> sent;

 private:
  void initialize() override {
    link(to_);
    pump();
  }
  void pump() {
    for (; left_ > 0; --left_) {
      if (send(to_, "message", body_) == SendResult::queued) continue;
      return context().when_room(to_, [this] { pump(); });
    }
    sent.set_value();
  }

  const Pid to_;
  std::size_t left_;
  const std::string body_;
};

/// Round trips, one at a time.
class Timer {
 public:
  explicit Timer(std::size_t count) : left_(count + kWarmUp) { times_.reserve(count); }
  void start() { start_ = Clock::now(); }
  /// False when that was the last one.
  bool stop() {
    const double took = microseconds_since(start_);
    if (times_.size() < times_.capacity() && left_ <= times_.capacity()) times_.push_back(took);
    if (--left_ > 0) return true;
    result.set_value(median(times_));
    return false;
  }
  std::promise<double> result;

 private:
  std::size_t left_;
  std::vector<double> times_;
  Clock::time_point start_;
};

class Poster : public Process {
 public:
  Poster(Pid to, const Load& load)
      : Process("source"), timer(load.messages), to_(std::move(to)), body_(load.body, 'x') {}
  Timer timer;

 private:
  void initialize() override {
    link(to_);
    post();
  }
  void post() {
    timer.start();
    send(to_, "message", body_, [this](const Delivery& delivery) {
      if (delivery.outcome != Outcome::accepted) throw compactor::Error(delivery.reason);
      if (timer.stop()) post();
    });
  }

  const Pid to_;
  const std::string body_;
};

class Pinger : public Process {
 public:
  Pinger(Pid to, const Load& load)
      : Process("source"), timer(load.messages), to_(std::move(to)), body_(load.body, 'x') {
    install("message", &Pinger::pong);
  }
  Timer timer;

 private:
  void initialize() override {
    link(to_);
    ping();
  }
  void ping() {
    timer.start();
    send(to_, "message", body_);
  }
  void pong(const Pid& /*from*/, std::string_view /*body*/) {
    if (timer.stop()) ping();
  }

  const Pid to_;
  const std::string body_;
};

/// Sends every message back, over its own linked connection.
class Echo : public Process {
 public:
  Echo() : Process("sink") { install("message", &Echo::message); }
  std::promise<void> alone;

 private:
  void message(const Pid& from, std::string_view body) {
    link(from);
    send(from, "message", body);
  }
  void exited(const Pid& /*pid*/, compactor::ExitReason /*reason*/) override { alone.set_value(); }
};

}  // namespace

double flood(const Load& load) {
  Pipe address;
  return run_pair(
      [&] {
        Context context(loopback(load));
        const auto sink = std::make_shared<Sink>(load.messages);
        address.put(context.spawn(sink).str());
        return sink->rate.get_future().get();
      },
      [&] {
        Context context(loopback(load));
        const auto flooder = std::make_shared<Flooder>(Pid::parse(address.take()), load);
        context.spawn(flooder);
        flooder->sent.get_future().wait();
      });
}

double post(const Load& load) {
  Pipe address, done;
  return run_pair(
      [&] {
        Context context(loopback(load));
        const auto poster = std::make_shared<Poster>(Pid::parse(address.take()), load);
        context.spawn(poster);
        const double result = poster->timer.result.get_future().get();
        done.put("");
        return result;
      },
      [&] {
        Context context(loopback(load));
        address.put(context.spawn<Sink>(load.messages + kWarmUp).str());
        done.take();
      });
}

double ping_pong(const Load& load) {
  Pipe address;
  return run_pair(
      [&] {
        Context context(loopback(load));
        const auto pinger = std::make_shared<Pinger>(Pid::parse(address.take()), load);
        context.spawn(pinger);
        return pinger->timer.result.get_future().get();
      },
      [&] {
        Context context(loopback(load));
        const auto echo = std::make_shared<Echo>();
        address.put(context.spawn(echo).str());
        echo->alone.get_future().wait();
      });
}

}  // namespace bench::ours
