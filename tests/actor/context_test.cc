#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "compactor/compactor.h"

namespace actor_context_test {

using namespace compactor;
using namespace std::chrono_literals;

namespace {

Options local() {
  Options options;
  options.ip = "127.0.0.1";
  return options;
}

class Echo : public Process {
 public:
  Echo() : Process("echo") {
    install("ping", [this](const Pid& from, std::string_view body) { send(from, "pong", body); });
  }
};

class Pinger : public Process {
 public:
  Pinger() : Process("pinger") {
    install("pong", [this](const Pid& from, std::string_view body) {
      if (--left_ == 0) {
        done.set_value(std::string(body));
      } else {
        send(from, "ping", body);
      }
    });
  }
  void start(const Pid& to, int n) {
    left_ = n;
    send(to, "ping", "hello");
  }
  std::promise<std::string> done;

 private:
  int left_ = 0;
};

}  // namespace

TEST_CASE("a message goes to a process of another context and its answer comes back") {
  Context server(local()), client(local());
  const Pid echo = server.spawn<Echo>();
  auto pinger = std::make_shared<Pinger>();
  client.spawn(pinger);
  client.dispatch(pinger->pid(), &Pinger::start, echo, 1000);
  CHECK(pinger->done.get_future().get() == "hello");
}

}  // namespace actor_context_test
