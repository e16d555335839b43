// Stopping: what is drained, what is told, what is closed.
#include <dirent.h>
#include <doctest/doctest.h>
#include <malloc.h>

#include <future>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_stop_test {

using namespace actors;

namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

}  // namespace

TEST_CASE("messages queued before stop all arrive") {
  Context receiver(loopback());
  const auto target = spawned<Recorder>(receiver);
  {
    Context sender(loopback());
    for (int i = 0; i < 2000; ++i)
      sender.send("a@127.0.0.1:1", target->pid(), "n", std::string(1000, 'x'));
    const StopReport report = sender.stop(kPatience);
    CHECK(report.unsent == 0);
    CHECK(report.unanswered == 0);
  }
  CHECK(target->messages.now().size() == 2000);
}

TEST_CASE("a large message queued just before the end of its context arrives") {
  Context receiver(loopback());
  const auto target = spawned<Recorder>(receiver);
  {
    Context sender(loopback());
    sender.send("a@127.0.0.1:1", target->pid(), "n", std::string(4'000'000, 'x'));
  }
  CHECK(target->messages.now().size() == 1);
}

TEST_CASE("what waits in local mailboxes is handled before stop") {
  Deliveries deliveries;
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  for (int i = 0; i < 100; ++i)
    context.send("a@127.0.0.1:1", p->pid(), "n", "", deliveries.callback());
  context.stop();
  CHECK(p->messages.now().size() == 100);
  CHECK(deliveries.now().size() == 100);
}

TEST_CASE("an endless conversation with oneself does not keep stop from its end; all are told") {
  Deliveries deliveries;
  Log<int> sent;
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  p->install("n", [&, self = p.get()](const Pid&, std::string_view) {
    if (self->send(self->pid(), "n", "", deliveries.callback()) == SendResult::queued) sent.add(0);
  });
  context.spawn(p);
  p->send(p->pid(), "n");
  sent.wait(10);
  context.stop();
  CHECK(deliveries.now().size() == sent.now().size());
  CHECK(deliveries.now().back().fault == Fault::stopped);
}

TEST_CASE("stop reports what it could not bring to its end, and every sender is told once") {
  raw::Listener listener;
  Deliveries deliveries;
  Context context(loopback());
  const Pid to{"peer", "127.0.0.1", listener.port()};
  const std::string large(std::size_t{20} << 20, 'x');
  on_loop(context, [&] {
    for (const std::string& body : {std::string("a"), large, large})
      CHECK(context.send("a@127.0.0.1:1", to, "n", body, deliveries.callback()) ==
            SendResult::queued);
  });
  raw::Peer peer = listener.accept();
  peer.read_through("\r\na\r\n");
  const StopReport report = context.stop(10ms);
  CHECK(report.unanswered == 2);
  CHECK(report.unsent == 1);
  const auto told = deliveries.now();
  REQUIRE(told.size() == 3);
  CHECK(told[0].outcome == Outcome::no_answer);
  CHECK(told[2].outcome == Outcome::failed);
  for (const Delivery& d : told) CHECK(d.fault == Fault::stopped);
  const StopReport again = context.stop();
  CHECK(again.unanswered + again.unsent == 0);
}

TEST_CASE("every queued message is told exactly once, whenever stop comes") {
  for (int round = 0; round < 20; ++round) {
    Deliveries deliveries;
    std::atomic<std::size_t> queued = 0;
    Context context(loopback()), receiver(loopback());
    const auto target = spawned<Recorder>(receiver);
    const auto local = spawned<Recorder>(context, "local");
    const Pid nobody{"nobody", local->pid().host, local->pid().port};
    const Pid refused{"x", "127.0.0.1", raw::refused_port()};
    std::vector<std::thread> threads;
    for (const Pid& to : {target->pid(), local->pid(), nobody, refused}) {
      threads.emplace_back([&, to] {
        while (true) {
          const SendResult result =
              context.send("a@127.0.0.1:1", to, "n", "x", deliveries.callback());
          if (result == SendResult::stopped) return;
          if (result == SendResult::queued) ++queued;
          std::this_thread::yield();
        }
      });
    }
    deliveries.wait(static_cast<std::size_t>(round) * 10);
    context.stop(round % 2 == 0 ? Duration(0) : kPatience);
    for (std::thread& thread : threads) thread.join();
    CHECK(deliveries.now().size() == queued);
  }
}

TEST_CASE("stop closes every socket: peers see it, and the port can be bound again") {
  const std::size_t before = open_descriptors();
  {
    raw::Listener listener;
    Context context(loopback());
    const auto p = spawned<Recorder>(context, "p");
    p->link({"x", "127.0.0.1", listener.port()});
    raw::Peer linked = listener.accept();
    raw::Peer idle(context.bound().port), reader(context.bound().port), never(context.bound().port);
    reader.write(raw::message("p", "n", ""));
    CHECK(reader.read_status() == 202);
    never.write(raw::message("p", "n", "x").substr(0, 40));  // in the middle of a message
    while (context.statistics().connections_open < 3) std::this_thread::yield();
    context.stop();
    CHECK(idle.read_ending() == 0);
    reader.read_ending();
    never.read_ending();
    CHECK(linked.read_ending() == 0);
    raw::Listener again(context.bound().port);
    CHECK(again.port() == context.bound().port);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("stop closes connections whose peers do not read, when its time is over") {
  Context context(loopback());
  context.route("/large", [](const HttpRequest&) {
    return HttpResponse{200, "text/plain", std::string(8'000'000, 'x')};
  });
  raw::Peer peer(context.bound().port, 4096);
  peer.write("GET /large HTTP/1.1\r\n\r\n");
  while (context.statistics().http_requests == 0) std::this_thread::yield();
  context.stop(10ms);
  CHECK(context.statistics().connections_open == 0);
  CHECK(peer.read_to_end().size() < 8'000'000);
}

TEST_CASE("after stop: send says stopped, spawn throws, nothing is local, join returns") {
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  const Pid pid = p->pid();
  context.stop();
  CHECK(context.send("a@127.0.0.1:1", pid, "n") == SendResult::stopped);
  CHECK(p->send({"x", "127.0.0.1", 1}, "n") == SendResult::stopped);
  CHECK_THROWS_AS(context.spawn<Recorder>("q"), Stopped);
  CHECK_THROWS_AS(context.dispatch(pid, [](Process&) {}), InvalidProcess);
  CHECK_THROWS_AS(context.link(pid, pid), InvalidProcess);
  CHECK_FALSE(context.is_local(pid));
  CHECK_FALSE(context.cancel(1));
  context.terminate(pid);
  context.join();
  context.stop();
}

TEST_CASE("a handler may stop its context; join then returns") {
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  p->install("stop", [&](const Pid&, std::string_view) { context.stop(); });
  context.spawn(p);
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("p", "stop", ""));
  context.join();
  CHECK(peer.read_status() == 202);
  CHECK(peer.read_ending() == 0);
}

namespace {

class Ending : public Plain {
 public:
  Ending() : Plain("ending") {}
  Log<std::string> finalized;

 private:
  void finalize() override { finalized.add(context().address().str()); }
};

}  // namespace

TEST_CASE("a handler may destroy its context: what it sent arrives, and the port is free") {
  Context other(loopback());
  const auto there = spawned<Recorder>(other);
  auto context = std::make_unique<Context>(loopback());
  const Address address = context->bound();
  const auto ending = std::make_shared<Ending>();
  Deliveries told;
  Log<int> handled;
  ending->install("end", [&](const Pid&, std::string_view) {
    ending->send(there->pid(), "last", "words", told.callback());
    context.reset();
    handled.add(0);
  });
  const Pid pid = context->spawn(ending);
  other.send(there->pid(), pid, "end");
  handled.wait(1);
  CHECK(context == nullptr);
  CHECK(ending->finalized.now() == std::vector<std::string>{address.str()});
  CHECK(there->messages.wait(1)[0].body == "words");
  CHECK(told.wait(1)[0].outcome == Outcome::accepted);
  Options same = loopback();
  same.port = address.port;
  CHECK_NOTHROW(Context{same});
}

TEST_CASE(
    "the message whose handler destroys the context is answered, and nothing after it handled") {
  auto context = std::make_unique<Context>(loopback());
  Log<std::string> requested;
  context->route("/path", [&](const HttpRequest& request) {
    requested.add(std::string(request.path));
    return HttpResponse{};
  });
  const auto p = spawned<Plain>(*context, "p");
  p->install("end", [&](const Pid&, std::string_view) { context.reset(); });
  raw::Peer peer(context->bound().port);
  peer.write(raw::message("p", "end", "") + "GET /path HTTP/1.1\r\n\r\n");
  CHECK(peer.read_status() == 202);
  CHECK(peer.read_to_end().empty());
  CHECK(requested.now().empty());
}

TEST_CASE("threads that join a context return when a handler destroys it") {
  constexpr int kThreads = 64;
  ::mallopt(M_PERTURB, 0x5a);  // what is freed is not what it was
  for (int round = 0; round < 20; ++round) {
    auto context = std::make_unique<Context>(loopback());
    Context& joined = *context;
    const auto p = spawned<Plain>(joined, "p");
    p->install("end", [&](const Pid&, std::string_view) { context.reset(); });
    const Pid pid = p->pid();
    std::vector<std::thread> threads;
    std::atomic<int> begun = 0;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        ++begun;
        joined.join();
      });
    }
    while (begun < kThreads) std::this_thread::yield();
    std::this_thread::sleep_for(5ms);  // they wait by now
    joined.send(pid, pid, "end");
    for (std::thread& thread : threads) thread.join();
  }
  ::mallopt(M_PERTURB, 0);
}

TEST_CASE("who replied is told that the context stopped first") {
  Deliveries deliveries;
  Log<int> stopping;
  std::promise<void> replied;
  Context context(loopback());
  // Behind the stop, which is behind this call.
  context.post([&] {
    context.stop();
    stopping.add(0);
    replied.get_future().wait();
  });
  stopping.wait(1);
  const ReturnAddress address{{"peer", "127.0.0.1", raw::refused_port()}, "a@127.0.0.1:1", 0, {}};
  CHECK(context.reply(address, "n", "x", deliveries.callback()) == SendResult::queued);
  replied.set_value();
  const StopReport report = context.stop();
  const auto told = deliveries.now();
  REQUIRE(told.size() == 1);
  CHECK(told[0].outcome == Outcome::failed);
  CHECK(told[0].fault == Fault::stopped);
  CHECK(report.unsent == 1);
}

TEST_CASE("who is refused a reply is told, also by the last handler that runs") {
  Deliveries deliveries;
  Context context(loopback());
  const auto p = spawned<Plain>(context, "p");
  p->install("n", [&](const Pid&, std::string_view) {
    const ReturnAddress nobody{{"", "0.0.0.0", 0}, "a@127.0.0.1:1", 0, {}};
    CHECK(context.reply(nobody, "n", "", deliveries.callback()) == SendResult::queued);
  });
  context.post([&] {
    context.stop();
    p->send(p->pid(), "n");  // is handled when the stop begins
  });
  context.stop();
  const auto told = deliveries.now();
  REQUIRE(told.size() == 1);
  CHECK(told[0].reason == "its sender is not a PID");
}

TEST_CASE("callbacks during stop may send, spawn and terminate in vain") {
  raw::Listener listener;
  Log<SendResult> results;
  Context context(loopback());
  const Pid to{"x", "127.0.0.1", listener.port()};
  context.send("a@127.0.0.1:1", to, "n", "", [&](const Delivery&) {
    results.add(context.send("a@127.0.0.1:1", to, "n"));
    context.terminate(to);
    context.spawn<Recorder>("late");
  });
  context.stop(0s);
  CHECK(results.now() == std::vector{SendResult::stopped});
}

TEST_CASE("several threads may stop at once") {
  Context context(loopback());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { context.stop(); });
  for (std::thread& thread : threads) thread.join();
  context.join();
}

TEST_CASE("a context may go while a name is being looked up") {
  Deliveries deliveries;
  {
    Context context(loopback());
    context.send("a@127.0.0.1:1", {"x", "host.invalid", 1}, "n", "", deliveries.callback());
    context.stop(0s);
  }
  CHECK(deliveries.now().size() == 1);
}

// When the end of a process cost something for each of the others, this took several minutes.
TEST_CASE("a context of 100,000 processes and their links to each other ends") {
  Context context(loopback());
  std::vector<std::shared_ptr<Recorder>> some;
  on_loop(context, [&] {
    for (int i = 0; i < 100'000; ++i) {
      auto process = std::make_shared<Recorder>("p" + std::to_string(i));
      context.spawn(process);
      if (i > 0)
        process->link(
            {"p" + std::to_string(i - 1), context.address().host, context.address().port});
      if (i < 3) some.push_back(std::move(process));
    }
  });
  context.terminate(some[0]->pid());
  CHECK(some[1]->exits.wait(1)[0] == Gone{some[0]->pid().str(), ExitReason::closed});
  context.stop();
  CHECK(some[2]->exits.now().empty());  // it ended too, and ended processes are not told
}

}  // namespace actor_stop_test
