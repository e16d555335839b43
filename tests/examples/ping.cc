// A process that answers every `ping` with a `pong`, and another that calls it.
#include <compactor/compactor.h>

#include <iostream>

class Ponger : public compactor::Process {
 public:
  Ponger() : Process("ponger") { install("ping", &Ponger::ping); }

 private:
  void ping(const compactor::Pid& from, std::string_view body) { send(from, "pong", body); }
};

class Caller : public compactor::Process {
 public:
  explicit Caller(compactor::Pid to) : Process("caller"), to_(std::move(to)) {
    install("pong", &Caller::pong);
  }

 private:
  void initialize() override { send(to_, "ping", "hello"); }

  void pong(const compactor::Pid& from, std::string_view body) {
    std::cout << from.id << " says " << body << std::endl;
    context().stop();
  }

  compactor::Pid to_;
};

int main() {
  compactor::Context server, client;  // each has an address of its own, as two programs would
  const compactor::Pid ponger = server.spawn<Ponger>();
  client.spawn<Caller>(ponger);
  client.join();
}
