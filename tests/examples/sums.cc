// A service whose messages are protobuf types: it is sent Numbers and answers their Sum.
#include <compactor/compactor.h>

#include <iostream>
#include <numeric>

#include "sums.pb.h"

class Adder : public compactor::ProtobufProcess {
 public:
  Adder() : ProtobufProcess("adder") { install(&Adder::add); }

 private:
  void add(const compactor::Pid& from, const examples::Numbers& numbers) {
    examples::Sum sum;
    sum.set_value(std::accumulate(numbers.number().begin(), numbers.number().end(), 0L));
    send(from, sum);
  }
};

class Customer : public compactor::ProtobufProcess {
 public:
  explicit Customer(compactor::Pid adder) : ProtobufProcess("customer"), adder_(std::move(adder)) {
    install(&Customer::show);
  }

 private:
  void initialize() override {
    examples::Numbers numbers;
    for (const int n : {1, 2, 39}) numbers.add_number(n);
    send(adder_, numbers);
  }

  void show(const compactor::Pid& from, const examples::Sum& sum) {
    std::cout << from.id << " says " << sum.value() << std::endl;
    context().stop();
  }

  compactor::Pid adder_;
};

int main() {
  compactor::Context server, client;
  client.spawn<Customer>(server.spawn<Adder>());
  client.join();
}
