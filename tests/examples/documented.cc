// Two programs of the documentation of the Python compactor, either side of each by itself; the
// third is leader.cc. The other side can be in Python.
//
//   documented pinged              a process that waits for a ping; prints its PID …
//   documented ping PID            … and the client that sends it one
//   documented service             a service whose messages are protobuf types; prints its PID …
//   documented request PID         … and its client
#include <compactor/compactor.h>
#include <google/protobuf/descriptor.pb.h>

#include <iostream>

using google::protobuf::DescriptorProto;  // a type that Python and C++ have from the start

class PingProcess : public compactor::Process {
 public:
  PingProcess() : Process("ping_process") { install("ping", &PingProcess::ping); }

 private:
  void ping(const compactor::Pid& from, std::string_view /*body*/) {
    std::cout << "pinged by " << from.id << std::endl;
    context().stop();
  }
};

class Client : public compactor::Process {
 public:
  explicit Client(compactor::Pid to) : Process("client"), to_(std::move(to)) {}

 private:
  void initialize() override {
    send(to_, "ping", {}, [this](const compactor::Delivery& delivery) {
      std::cout << to_string(delivery.outcome) << std::endl;
      context().stop();
    });
  }

  compactor::Pid to_;
};

class Service : public compactor::ProtobufProcess {
 public:
  Service() : ProtobufProcess("service") { install(&Service::request); }

 private:
  void request(const compactor::Pid& from, const DescriptorProto& message) {
    DescriptorProto response = message;
    response.set_name("reply:" + message.name());
    send(from, response, [this](const compactor::Delivery& /*delivery*/) { context().stop(); });
  }
};

class Customer : public compactor::ProtobufProcess {
 public:
  explicit Customer(compactor::Pid service)
      : ProtobufProcess("customer"), service_(std::move(service)) {
    install(&Customer::response);
  }

 private:
  void initialize() override {
    DescriptorProto message;
    message.set_name("Foo");
    send(service_, message);
  }

  void response(const compactor::Pid& from, const DescriptorProto& message) {
    std::cout << from.id << " says " << message.name() << std::endl;
    context().stop();
  }

  compactor::Pid service_;
};

int main(int count, char** words) {
  const std::string role = count > 1 ? words[1] : "";
  const auto pid = [&] { return compactor::Pid::parse(count > 2 ? words[2] : ""); };
  compactor::Context context;
  if (role == "pinged") std::cout << context.spawn<PingProcess>() << std::endl;
  if (role == "ping") context.spawn<Client>(pid());
  if (role == "service") std::cout << context.spawn<Service>() << std::endl;
  if (role == "request") context.spawn<Customer>(pid());
  context.join();
}
