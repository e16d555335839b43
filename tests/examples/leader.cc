// Followers register with a leader, and are told when it exits.
//
//   leader              a leader and a follower in two contexts of one program
//   leader lead         a leader, which prints its PID …
//   leader follow PID   … and its follower in another program, on whatever host
//
// They are those of the documentation of the Python compactor: either side can be in Python.
#include <compactor/compactor.h>

#include <iostream>
#include <random>
#include <string>

std::string make_uuid() {
  std::random_device random;
  std::string bytes(16, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class Leader : public compactor::Process {
 public:
  Leader() : Process("leader") { install("register", &Leader::enlist); }

 private:
  void enlist(const compactor::Pid& follower, std::string_view uuid) {
    std::cout << follower.id << " registers" << std::endl;
    // This leader retires when it knows that its first follower has got the answer.
    send(follower, "registered", uuid,
         [this](const compactor::Delivery& /*delivery*/) { context().stop(); });
  }
};

class Follower : public compactor::Process {
 public:
  explicit Follower(compactor::Pid leader) : Process("follower"), leader_(std::move(leader)) {
    install("registered", &Follower::registered);
  }

 private:
  void initialize() override {
    link(leader_);
    send(leader_, "register", uuid_);
  }

  void registered(const compactor::Pid& from, std::string_view uuid) {
    if (uuid != uuid_) return;  // the answer to another one
    std::cout << "registered with " << from.id << std::endl;
  }

  void exited(const compactor::Pid& pid, compactor::ExitReason /*reason*/) override {
    std::cout << pid.id << " exited" << std::endl;
    context().stop();
  }

  compactor::Pid leader_;
  const std::string uuid_ = make_uuid();
};

int main(int count, char** words) {
  const std::string role = count > 1 ? words[1] : "both";
  if (role == "lead") {
    compactor::Context context;
    std::cout << context.spawn<Leader>() << std::endl;
    context.join();
  } else if (role == "follow" && count == 3) {
    compactor::Context context;
    context.spawn<Follower>(compactor::Pid::parse(words[2]));
    context.join();
  } else {
    compactor::Context leaders, followers;
    followers.spawn<Follower>(leaders.spawn<Leader>());
    followers.join();
  }
}
