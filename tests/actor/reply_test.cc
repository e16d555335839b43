// Replies: what peers can make a Context do by the senders that they put on messages.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "support/actors.h"
#include "support/place.h"
#include "support/raw_peer.h"

namespace actor_reply_test {

using namespace actors;

namespace {

/// Replies to every message with the same, or with a body of its own.
class Replier : public Recorder {
 public:
  explicit Replier(std::string body = {}) : Recorder("replier"), body_(std::move(body)) {}

  Log<unsigned> depths;
  // Shared with the callbacks: the last ones come when the Context stops, after the process.
  const std::shared_ptr<Deliveries> told = std::make_shared<Deliveries>();
  Deliveries& deliveries = *told;

 protected:
  void receive(const MessageView& message) override {
    Recorder::receive(message);
    depths.add(message.reply_depth);
    context().reply(ReturnAddress::of(message), message.name, body_.empty() ? message.body : body_,
                    [told = told](const Delivery& delivery) { told->add(delivery); });
  }

 private:
  const std::string body_;
};

/// A Context with a Replier, and a raw peer connected to it.
struct Replying {
  explicit Replying(const Options& options = loopback(), const std::string& body = {})
      : context(options), process(spawned<Replier>(context, body)), peer(port()) {}
  std::uint16_t port() const { return context.bound().port; }
  void send(const std::string& from, const std::string& body = "x") {
    peer.write(raw::message("replier", "n", body, from));
    CHECK(peer.read_status() == 202);
  }

  Context context;
  std::shared_ptr<Replier> process;
  raw::Peer peer;
};

std::string pid_at(std::uint16_t port, const std::string& host = "127.0.0.1") {
  return "peer@" + host + ":" + std::to_string(port);
}

/// Answers everything that comes on it with 202, until it ends.
void acknowledge(raw::Peer& peer, const std::string& end_of_each, int count) {
  for (int i = 0; i < count; ++i) {
    peer.read_through(end_of_each);
    peer.write(raw::kAccepted);
  }
}

}  // namespace

TEST_CASE("a reply goes to the sender as any message does, and says that it is one") {
  raw::Listener listener;
  Replying r;
  r.send(pid_at(listener.port()), "hello");
  raw::Peer receiver = listener.accept();
  const std::string head = receiver.read_through("\r\n\r\n");
  CHECK(head.starts_with("POST /peer/n HTTP/1.1\r\n"));
  CHECK(head.find("Libprocess-From: " + r.process->pid().str() + "\r\n") != std::string::npos);
  CHECK(head.find("\r\nCompactor-Reply-Depth: 1\r\n") != std::string::npos);
  CHECK(receiver.read_through("0\r\n\r\n").starts_with("5\r\nhello"));
  receiver.write(raw::kAccepted);
  CHECK(r.process->deliveries.wait(1)[0].outcome == Outcome::accepted);
}

TEST_CASE("every reply to a reply is one deeper") {
  class Ender : public Replier {
   protected:
    void receive(const MessageView& message) override {
      message.reply_depth < 9 ? Replier::receive(message) : depths.add(message.reply_depth);
    }
  };
  Context one(loopback()), other(loopback());
  const auto replier = spawned<Replier>(one);
  const auto ender = spawned<Ender>(other);
  ender->send(replier->pid(), "n", "x");
  CHECK(ender->depths.wait(5) == std::vector<unsigned>{1, 3, 5, 7, 9});
  CHECK(replier->depths.wait(5) == std::vector<unsigned>{0, 2, 4, 6, 8});
}

TEST_CASE("a message that is passed on to a delegate keeps its depth") {
  Context one(loopback()), other(loopback());
  const auto replier = spawned<Replier>(other);
  const auto plain = spawned<Plain>(one);
  on_loop(one, [&] { plain->delegate("n", replier->pid()); });
  raw::Peer peer(one.bound().port);
  std::string message = raw::message("plain", "n", "");
  message.insert(message.size() - 2, "compactor-reply-depth: 7\r\n");
  peer.write(message);
  CHECK(replier->depths.wait(1)[0] == 7);
}

TEST_CASE("no reply goes to ourselves, in whatever spelling") {
  NEEDS(place::localhost());
  Options options;
  options.ip = "0.0.0.0";
  options.advertise_ip = "10.9.8.7";
  options.observer = std::make_shared<Watcher>();
  Replying r(options);
  const std::string port = std::to_string(r.port());
  const std::vector<std::string> senders = {"replier@10.9.8.7:" + port, "replier@127.0.0.1:" + port,
                                            "replier@127.1.2.3:" + port,
                                            "replier@localhost:" + port, "other@127.0.0.1:" + port};
  for (const std::string& sender : senders) r.send(sender);
  for (const Delivery& delivery : r.process->deliveries.wait(senders.size())) {
    CHECK(delivery.outcome == Outcome::failed);
    CHECK(delivery.reason == "it would go to ourselves");
  }
  CHECK(r.process->messages.now().size() == senders.size());

  Replying bound;
  bound.send(pid_at(bound.port()));
  CHECK(bound.process->deliveries.wait(1)[0].reason == "it would go to ourselves");
}

TEST_CASE("no reply goes to what is no address of a peer, in whatever spelling") {
  raw::Listener listener;  // that 0.0.0.0 leads to, on this host
  Replying r;
  const std::pair<std::string, std::string> refused[] = {
      {"garbage", "its sender is not a PID"},
      {"pe er@127.0.0.1:0", "its sender is not a PID"},
      {pid_at(listener.port(), "0.0.0.0"), "0.0.0.0 is no host's address"},
      {pid_at(listener.port(), "0.1.2.3"), "0.1.2.3 is no host's address"},
      {pid_at(listener.port(), "0"), "0.0.0.0 is no host's address"},
      {pid_at(listener.port(), "0x0"), "0.0.0.0 is no host's address"},
      {pid_at(listener.port(), "0.0"), "0.0.0.0 is no host's address"},
  };
  std::size_t count = 0;
  for (const auto& pair : refused) {
    const std::string& sender = pair.first;
    CAPTURE(sender);
    r.send(sender);
    const Delivery told = r.process->deliveries.wait(++count).back();
    CHECK(told.outcome == Outcome::failed);
    CHECK(told.reason == pair.second);
  }
  CHECK(listener.nobody_waits());
}

TEST_CASE("nor does one go there on a connection that we opened of our own accord") {
  raw::Listener listener;
  Replying r;
  r.process->link({"peer", "0.0.0.0", listener.port()});
  raw::Peer linked = listener.accept();
  watcher(r.context).connections.wait(1);
  r.send(pid_at(listener.port(), "0.0.0.0"));
  CHECK(r.process->deliveries.wait(1)[0].reason == "0.0.0.0 is no host's address");
  CHECK(linked.nothing_to_read());
}

TEST_CASE("for one reply connection too many that one goes which has not moved for longest") {
  Options options = loopback();
  options.max_reply_connections = 2;
  std::vector<raw::Listener> listeners(4);
  Replying r(options);
  r.send(pid_at(listeners[0].port()));
  raw::Peer first = listeners[0].accept();
  acknowledge(first, "0\r\n\r\n", 1);  // so that it is idle
  r.process->deliveries.wait(1);
  r.send(pid_at(listeners[1].port()));
  raw::Peer second = listeners[1].accept();
  r.send(pid_at(listeners[2].port()));
  raw::Peer third = listeners[2].accept();
  CHECK(first.read_ending() == 0);  // the idle one, and nobody is told
  CHECK(r.process->deliveries.now().size() == 1);
  r.send(pid_at(listeners[3].port()));
  raw::Peer fourth = listeners[3].accept();
  second.read_ending();
  acknowledge(third, "0\r\n\r\n", 1);
  acknowledge(fourth, "0\r\n\r\n", 1);
  const auto deliveries = r.process->deliveries.wait(4);
  CHECK(deliveries[1].outcome == Outcome::no_answer);
  CHECK(deliveries[2].outcome == Outcome::accepted);
  CHECK(deliveries[3].outcome == Outcome::accepted);
}

TEST_CASE("a receiver that acknowledges nothing is given up; one that is linked is not") {
  Options options = loopback();
  options.reply_timeout = 1s;
  raw::Listener deaf, linked;
  Replying r(options);
  r.process->link({"peer", "127.0.0.1", linked.port()});
  raw::Peer kept = linked.accept();
  watcher(r.context).connections.wait(1);
  r.send(pid_at(linked.port()));
  r.send(pid_at(deaf.port()));
  raw::Peer given_up = deaf.accept();
  const auto told = r.process->deliveries.wait(1);
  CHECK(told[0].outcome == Outcome::no_answer);
  CHECK(told[0].fault == Fault::timed_out);
  given_up.read_ending();
  acknowledge(kept, "0\r\n\r\n", 1);
  CHECK(r.process->deliveries.wait(2)[1].outcome == Outcome::accepted);
  CHECK(r.process->exits.now().empty());
}

namespace {

ReturnAddress return_to(std::uint16_t port) {
  return {{"peer", "127.0.0.1", port}, "a@127.0.0.1:1", 0, {}};
}

}  // namespace

TEST_CASE("those that were linked because another was given up are not given up with it") {
  constexpr std::size_t kOthers = 20;
  Options options = loopback();
  options.reply_timeout = 1s;
  raw::Listener one;
  std::vector<raw::Listener> others(kOthers);
  Context context(options);
  const auto p = spawned<Recorder>(context, "p");
  Deliveries first, second;
  on_loop(context, [&] {
    context.reply(return_to(one.port()), "n", "x", [&](const Delivery& delivery) {
      for (const auto& other : others) p->link({"peer", "127.0.0.1", other.port()});
      first.add(delivery);
    });
  });
  watcher(context).connections.wait(1);
  on_loop(context, [&] {
    for (const auto& other : others)
      context.reply(return_to(other.port()), "n", "x", second.callback());
  });
  raw::Peer given_up = one.accept();
  CHECK(first.wait(1)[0].fault == Fault::timed_out);
  std::size_t answered = 0;
  for (auto& other : others) {
    raw::Peer kept = other.accept();
    acknowledge(kept, "0\r\n\r\n", 1);
    CHECK(second.wait(++answered).back().outcome == Outcome::accepted);
  }
}

TEST_CASE("answers behind one whose callback ends the connection are nobody's") {
  Options options = loopback();
  options.max_reply_connections = 1;
  raw::Listener one, other;
  Context context(options);
  Deliveries first, second, third;
  on_loop(context, [&] {
    context.reply(return_to(one.port()), "n", "1", [&](const Delivery& delivery) {
      context.reply(return_to(other.port()), "n", "3", third.callback());
      first.add(delivery);
    });
    context.reply(return_to(one.port()), "n", "2", second.callback());
  });
  raw::Peer ended = one.accept();
  ended.read_through("2\r\n0\r\n\r\n");
  ended.write(raw::kAccepted + raw::kAccepted);
  CHECK(first.wait(1)[0].outcome == Outcome::accepted);
  CHECK(second.wait(1)[0].outcome == Outcome::no_answer);
  raw::Peer receiver = other.accept();
  acknowledge(receiver, "0\r\n\r\n", 1);
  CHECK(third.wait(1)[0].outcome == Outcome::accepted);
  CHECK(watcher(context).warnings.now().empty());
}

TEST_CASE("a receiver that reads slowly and steadily gets all of its replies") {
  constexpr int kCount = 60;
  constexpr std::size_t kSize = 200'000;
  Options options = loopback();
  options.reply_timeout = 1s;
  raw::Listener listener(0, 4096);
  Replying r(options, std::string(kSize, 'x'));
  std::thread sender([&] {
    const std::string message = raw::message("replier", "n", "", pid_at(listener.port()));
    for (int i = 0; i < kCount; ++i) r.peer.write(message);
  });
  // For several times as long as it takes to be given up when nothing moves.
  raw::Peer receiver = listener.accept();
  for (int i = 0; i < kCount; ++i) {
    receiver.read_through("\r\n\r\n");
    CHECK(receiver.read_through("0\r\n\r\n").size() > kSize);
    receiver.write(raw::kAccepted);
    std::this_thread::sleep_for(70ms);
  }
  sender.join();
  for (const Delivery& delivery : r.process->deliveries.wait(kCount))
    CHECK(delivery.outcome == Outcome::accepted);
}

TEST_CASE("what one address does not take holds up only who sends in its name") {
  raw::Listener deaf(0, 4096), listener;
  Replying r(loopback(), std::string(100'000, 'x'));
  // Its replies would be 1 GB.
  constexpr int kMany = 10'000;
  std::string many;
  for (int i = 0; i < kMany; ++i) many += raw::message("replier", "n", "", pid_at(deaf.port()));
  raw::Peer attacker(r.port());
  std::thread attack([&] {
    try {
      attacker.write(many);
    } catch (const std::runtime_error&) {  // it is not read to its end, or only when given up
    }
  });
  raw::Peer never_reads = deaf.accept();
  raw::Peer honest(r.port());
  constexpr int kFew = 50;
  std::thread client([&] {
    for (int i = 0; i < kFew; ++i)
      honest.write(raw::message("replier", "n", "", pid_at(listener.port())));
  });
  raw::Peer receiver = listener.accept();
  acknowledge(receiver, "0\r\n\r\n", kFew);
  client.join();
  CHECK(honest.read_statuses(kFew) == std::vector(kFew, 202));
  // Of the attacker's, what fits in the sockets between and a little more.
  CHECK(r.process->messages.now().size() < kFew + 200);
  never_reads.reset();  // and with it what waits: the rest goes on
  deaf.close();
  attack.join();
  r.process->messages.wait(kFew + kMany);
}

TEST_CASE("replies that nobody takes are bounded together") {
  Options options = loopback();
  options.max_unread = 5'000'000;
  std::vector<raw::Listener> deaf(12);
  Replying r(options, std::string(900'000, 'x'));
  std::vector<raw::Peer> connections;
  for (const auto& listener : deaf) {
    for (int i = 0; i < 8; ++i) {
      // Each message on a connection of its own, since a connection is not read on.
      connections.emplace_back(r.port()).write(
          raw::message("replier", "n", "", pid_at(listener.port())));
    }
  }
  for (auto& connection : connections) CHECK(connection.read_status() == 202);
  const auto told = r.process->deliveries.wait(1);
  CHECK(told[0].reason.find("hold too much memory") != std::string::npos);
  raw::Listener listener;
  r.send(pid_at(listener.port()));
  raw::Peer receiver = listener.accept();
  receiver.read_through("0\r\n\r\n");
}

namespace {

/// Where a reply to a message of a peer at that port would go. Its connection is gone by then.
ReturnAddress address_of_peer(Context& context, std::uint16_t port) {
  class Keeper : public Process {
   public:
    Keeper() : Process("keeper") {}
    Log<ReturnAddress> addresses;

   private:
    void receive(const MessageView& message) override { addresses.add(ReturnAddress::of(message)); }
  };
  const auto keeper = spawned<Keeper>(context);
  raw::Peer(context.bound().port).write(raw::message("keeper", "n", "", pid_at(port)));
  return keeper->addresses.wait(1)[0];
}

}  // namespace

TEST_CASE("a reply from another thread that is too large is refused there too, and at once") {
  Options options = loopback();
  options.max_queued_bytes = 100'000;
  Context context(options);
  const ReturnAddress address = address_of_peer(context, raw::refused_port());
  Deliveries deliveries;
  auto result = std::async(std::launch::async, [&] {
    return context.reply(address, "large", std::string(100'000, 'x'), deliveries.callback());
  });
  const bool returned = result.wait_for(kPatience) == std::future_status::ready;
  CHECK(returned);
  if (!returned) context.stop();  // it would wait for an hour
  CHECK(result.get() == SendResult::queued);
  CHECK(deliveries.wait(1)[0].reason == "it is too large");
}

TEST_CASE("a reply from another thread, later; after stop there is none") {
  raw::Listener listener;
  Context context(loopback());
  const ReturnAddress address = address_of_peer(context, listener.port());
  Deliveries deliveries;
  for (int i = 0; i < 100; ++i) {
    CHECK(context.reply(address, "later", std::to_string(i), deliveries.callback()) ==
          SendResult::queued);
  }
  raw::Peer receiver = listener.accept();
  acknowledge(receiver, "0\r\n\r\n", 100);
  for (const auto& delivery : deliveries.wait(100)) CHECK(delivery.outcome == Outcome::accepted);
  context.stop();
  CHECK(context.reply(address, "late", "") == SendResult::stopped);
}

}  // namespace actor_reply_test
