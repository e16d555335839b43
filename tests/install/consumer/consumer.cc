// What somebody writes first: a process that pings another over TCP and says when it got its pong.
#include <compactor/compactor.h>

#include <iostream>

struct Pinger : compactor::Process {
  explicit Pinger(compactor::Pid to) : Process("pinger"), to_(std::move(to)) {
    install("pong", &Pinger::pong);
  }
  void initialize() override { send(to_, "ping", "hello"); }
  void pong(const compactor::Pid& from, std::string_view body) {
    std::cout << "pong from " << from.id << ": " << body << std::endl;
    context().stop();
  }
  compactor::Pid to_;
};

struct Ponger : compactor::Process {
  Ponger() : Process("ponger") { install("ping", &Ponger::ping); }
  void ping(const compactor::Pid& from, std::string_view body) { send(from, "pong", body); }
};

int main() {
  compactor::Options options;
  options.ip = "127.0.0.1";
  compactor::Context here(options), there(options);
  here.spawn<Pinger>(there.spawn<Ponger>());
  here.join();
}
