// Processes: handlers, dispatch, delay, delegation, local messages, spawning.
#include <doctest/doctest.h>

#include <barrier>
#include <future>

#include "support/actors.h"
#include "support/place.h"
#include "support/raw_peer.h"

namespace actor_process_test {

using namespace actors;

namespace {

class Base : public Process {
 public:
  explicit Base(std::string id) : Process(std::move(id)) { install("base", &Base::on_base); }
  Log<std::string> calls;

 protected:
  void on_base(const Pid&, std::string_view body) { calls.add("base " + std::string(body)); }
};

class Derived : public Base {
 public:
  explicit Derived(std::string id) : Base(std::move(id)) {
    install("derived", &Derived::on_derived);
    install("twice", &Derived::on_base);
    install("twice", &Derived::on_derived);
  }
  void add(int a, const std::string& b) { calls.add(std::to_string(a) + b); }

 private:
  void on_derived(const Pid& from, std::string_view body) {
    calls.add("derived " + std::string(body) + " of " + from.id);
  }
};

Pid beside(const Pid& pid, const std::string& id) {
  return {id, pid.host, pid.port};
}

}  // namespace

TEST_CASE("handlers of base classes are kept, the last of a name counts") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  for (const char* name : {"base", "derived", "twice"})
    context.send("me@127.0.0.1:1", p->pid(), name, name);
  CHECK(p->calls.wait(3) ==
        std::vector<std::string>{"base base", "derived derived of me", "derived twice of me"});
}

TEST_CASE("a process has no pid, context or sending before it is spawned") {
  Plain p("p");
  CHECK_THROWS_AS(p.pid(), UnboundProcess);
  CHECK_THROWS_AS(p.context(), UnboundProcess);
  CHECK_THROWS_AS(p.send({"x", "127.0.0.1", 1}, "n"), UnboundProcess);
  CHECK_THROWS_AS(p.link({"x", "127.0.0.1", 1}), UnboundProcess);
  CHECK_THROWS_AS(p.terminate(), UnboundProcess);
}

TEST_CASE("a route must begin with a slash") {
  Plain p("p");
  const auto handler = [](const HttpRequest&) { return HttpResponse{}; };
  CHECK_THROWS_AS(p.route("x", handler), std::invalid_argument);
  Context context(loopback());
  CHECK_THROWS_AS(context.route("", handler), std::invalid_argument);
}

TEST_CASE("a second process of the same id is refused, and the first goes on") {
  Context context(loopback());
  const auto first = spawned<Recorder>(context, "p");
  CHECK_THROWS_AS(context.spawn<Recorder>("p"), InvalidProcess);
  CHECK_THROWS_AS(context.spawn(first), InvalidProcess);
  context.send("me@127.0.0.1:1", first->pid(), "n");
  first->messages.wait(1);
  first->terminate();
  on_loop(context);
  CHECK_NOTHROW(context.spawn<Recorder>("p"));
}

TEST_CASE("an id that cannot be carried is refused") {
  Context context(loopback());
  for (const std::string id : {"a@b", "a\nb", "a\rb"})
    CHECK_THROWS_AS(context.spawn<Recorder>(id), InvalidProcess);
  CHECK_THROWS_AS(context.spawn(std::shared_ptr<Process>()), InvalidProcess);
}

TEST_CASE("initialize() runs on the loop, with a pid, before any message") {
  class Early : public Recorder {
   public:
    using Recorder::Recorder;
    void initialize() override {
      CHECK(context().on_loop());
      send(pid(), "to myself", "");  // not a name, so refused
      send(pid(), "hello", "");
      CHECK(messages.now().empty());
    }
  };
  Context context(loopback());
  const auto p = spawned<Early>(context, "early");
  CHECK(p->messages.wait(1)[0].name == "hello");
}

TEST_CASE("an initialize() that throws comes out of spawn and leaves nothing behind") {
  class Failing : public Recorder {
   public:
    Failing(Pid remote, Pid local)
        : Recorder("failing"), remote_(std::move(remote)), local_(std::move(local)) {}
    void initialize() override {
      link(remote_);
      link(local_);
      send(pid(), "n", "", deliveries_->callback());
      throw std::runtime_error("not today");
    }
    void finalize() override { FAIL("must not be called"); }
    void collect(Deliveries& deliveries) { deliveries_ = &deliveries; }

   private:
    Pid remote_, local_;
    Deliveries* deliveries_ = nullptr;
  };
  Deliveries deliveries;
  raw::Listener listener;
  Context context(loopback());
  const auto other = spawned<Recorder>(context, "other");
  auto failing = std::make_shared<Failing>(Pid{"x", "127.0.0.1", listener.port()}, other->pid());
  failing->collect(deliveries);
  CHECK_THROWS_WITH_AS(context.spawn(failing), "not today", std::runtime_error);
  CHECK_THROWS_AS(failing->pid(), UnboundProcess);
  CHECK_FALSE(context.is_local(beside(other->pid(), "failing")));
  CHECK(context.statistics().links == 0);
  CHECK(deliveries.wait(1)[0].fault == Fault::terminated);
  const auto next = spawned<Recorder>(context, "failing");
  other->terminate();
  on_loop(context);
  on_loop(context);
  CHECK(next->exits.now().empty());
}

TEST_CASE("a process may spawn another and end itself in a handler") {
  Deliveries deliveries;
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  auto child = std::make_shared<Recorder>("child");
  p->install("go", [&, self = p.get()](const Pid&, std::string_view) {
    context.spawn(child);
    self->terminate();
    CHECK_FALSE(context.is_local(self->pid()));
    CHECK(self->send(child->pid(), "last", "words") == SendResult::queued);
  });
  context.spawn(p);
  raw::Peer peer(context.bound().port);
  context.post([&] {
    for (int i = 0; i < 3; ++i) context.send(p->pid(), p->pid(), "go", "", deliveries.callback());
  });
  const auto outcomes = deliveries.wait(3);
  CHECK(child->messages.wait(1)[0].name == "last");
  // Ended in the middle of the first: the others were not handled.
  std::size_t terminated = 0;
  for (const Delivery& d : outcomes) terminated += d.fault == Fault::terminated ? 1 : 0;
  CHECK(terminated == 2);
  peer.write(raw::message("p", "go", ""));
  CHECK(peer.read_status() == 404);
}

TEST_CASE("a handler may replace itself while it runs") {
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  Log<int> calls;
  p->install("n", [&, self = p.get(), text = std::string(100, 'x')](const Pid&, std::string_view) {
    self->install("n", [&](const Pid&, std::string_view) { calls.add(2); });
    CHECK(text == std::string(100, 'x'));
    calls.add(1);
  });
  context.spawn(p);
  context.send("me@127.0.0.1:1", p->pid(), "n");
  context.send("me@127.0.0.1:1", p->pid(), "n");
  CHECK(calls.wait(2) == std::vector{1, 2});
}

TEST_CASE("a handler that throws is counted and warned of; the process lives") {
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  Log<int> calls;
  p->install("n", [&](const Pid&, std::string_view) {
    calls.add(0);
    throw std::runtime_error("oh dear");
  });
  context.spawn(p);
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("p", "n", "") + raw::message("p", "n", ""));
  CHECK(peer.read_statuses(2) == std::vector{202, 202});
  CHECK(context.statistics().handler_exceptions == 2);
  CHECK(watcher(context).warnings.wait(2)[0] == "p: the handler of n threw: oh dear");
}

TEST_CASE("local messages need no wire, keep their order, and tell their outcome") {
  Deliveries deliveries;
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  for (int i = 0; i < 100; ++i)
    context.send("me@127.0.0.1:1", p->pid(), "n", std::to_string(i), deliveries.callback());
  on_loop(context, [&] {
    for (int i = 100; i < 200; ++i)
      p->send(p->pid(), "n", std::to_string(i), deliveries.callback());
    CHECK(p->messages.now().size() <= 100);  // later, not from within send()
  });
  const auto messages = p->messages.wait(200);
  for (std::size_t i = 0; i < 200; ++i) CHECK(messages[i].body == std::to_string(i));
  for (const Delivery& d : deliveries.wait(200)) {
    CHECK(d.outcome == Outcome::accepted);
    CHECK(d.status == 202);
  }
  CHECK(context.statistics().connections_accepted == 0);
}

TEST_CASE("a local message to nobody is told, later, on the loop") {
  Deliveries deliveries;
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  const Pid nobody = beside(p->pid(), "nobody");
  p->send(nobody, "n", "", deliveries.callback());
  on_loop(context, [&] {
    const std::size_t before = deliveries.now().size();
    p->send(nobody, "n", "", deliveries.callback());
    CHECK(deliveries.now().size() == before);
  });
  for (const Delivery& d : deliveries.wait(2)) {
    CHECK(d.outcome == Outcome::no_such_process);
    CHECK(d.status == 404);
  }
}

TEST_CASE("one's own address in another spelling goes over the wire and arrives") {
  NEEDS(place::localhost());
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  p->send({"p", "localhost", p->pid().port}, "n", "x");
  CHECK(p->messages.wait(1)[0].body == "x");
  CHECK(context.statistics().connections_accepted == 1);
}

TEST_CASE("local messages are bounded too") {
  Options options = loopback();
  options.max_unanswered = 10;
  Context context(options);
  const auto p = spawned<Recorder>(context, "p");
  on_loop(context, [&] {
    for (int i = 0; i < 10; ++i) CHECK(p->send(p->pid(), "n") == SendResult::queued);
    CHECK(p->send(p->pid(), "n") == SendResult::full);
  });
  p->messages.wait(10);
  Log<int> room;
  context.when_room(p->pid(), [&] { room.add(0); });
  room.wait(1);
  CHECK(p->send(p->pid(), "n") == SendResult::queued);
}

TEST_CASE("dispatch calls a member function later, on the loop, in order") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  context.dispatch(p->pid(), &Derived::add, 1, "a");
  context.dispatch(p->pid(), [](Process& self) { dynamic_cast<Derived&>(self).add(2, "b"); });
  context.dispatch(p->pid(), &Derived::add, 3, "c");
  CHECK(p->calls.wait(3) == std::vector<std::string>{"1a", "2b", "3c"});
}

TEST_CASE("dispatch and delay refuse what is not local, and a method of another class") {
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  const Pid stranger{"x", "127.0.0.1", 1};
  const auto nothing = [](Process&) {};
  CHECK_THROWS_AS(context.dispatch(stranger, nothing), InvalidProcess);
  CHECK_THROWS_AS(context.dispatch(beside(p->pid(), "y"), nothing), InvalidProcess);
  CHECK_THROWS_AS(context.dispatch(p->pid(), &Derived::add, 1, "a"), InvalidMethod);
  CHECK_THROWS_AS(context.delay(0s, stranger, nothing), InvalidProcess);
  CHECK_THROWS_AS(context.delay(0s, p->pid(), &Derived::add, 1, "a"), InvalidMethod);
}

TEST_CASE("a dispatched call that throws is counted, the next one runs") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  context.dispatch(p->pid(), [](Process&) { throw 7; });
  context.dispatch(p->pid(), &Derived::add, 1, "a");
  p->calls.wait(1);
  CHECK(context.statistics().handler_exceptions == 1);
  context.post([] { throw std::runtime_error("posted"); });
  on_loop(context);
  CHECK(context.statistics().handler_exceptions == 2);
}

TEST_CASE("a dispatch does not reach another process of the same id") {
  Context context(loopback());
  const auto first = spawned<Recorder>(context, "p");
  Log<int> calls;
  Log<int> done;
  on_loop(context, [&] {
    std::thread([&] { context.dispatch(first->pid(), [&](Process&) { calls.add(0); }); }).join();
    first->terminate();
    context.spawn<Recorder>("p");
  });
  on_loop(context);
  on_loop(context);
  CHECK(calls.now().empty());
}

TEST_CASE("a delay from another thread wakes an idle loop; less than nothing is at once") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  context.delay(0s, p->pid(), &Derived::add, 1, "a");
  p->calls.wait(1);
  context.delay(-5s, p->pid(), &Derived::add, 2, "b");
  p->calls.wait(2);
  const auto before = std::chrono::steady_clock::now();
  context.delay(20ms, p->pid(), &Derived::add, 3, "c");
  p->calls.wait(3);
  CHECK(std::chrono::steady_clock::now() - before >= 20ms);
}

TEST_CASE("delays fire in the order of their times, cancelled ones and for-ever ones never") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  const auto never = context.delay(Duration::max(), p->pid(), &Derived::add, 9, "never");
  const auto cancelled = context.delay(1h, p->pid(), &Derived::add, 8, "cancelled");
  context.delay(10ms, p->pid(), &Derived::add, 2, "");
  context.delay(1ms, p->pid(), &Derived::add, 1, "");
  CHECK(context.cancel(cancelled));
  CHECK_FALSE(context.cancel(cancelled));
  CHECK(p->calls.wait(2) == std::vector<std::string>{"1", "2"});
  CHECK(context.cancel(never));
  CHECK_FALSE(context.cancel(12345));
}

TEST_CASE("of two delays that are due together the first can still cancel the second") {
  Context context(loopback());
  const auto p = spawned<Recorder>(context, "p");
  Log<bool> cancelled;
  Log<int> fired;
  on_loop(context, [&] {
    auto second = std::make_shared<TimerId>();
    // A process' call comes through its mailbox, a post does not: so this is between the two.
    context.delay(0s, p->pid(), [](Process&) {});
    *second = context.delay(1ms, p->pid(), [&](Process&) { fired.add(0); });
    std::this_thread::sleep_for(5ms);
    cancelled.add(context.cancel(*second));
  });
  on_loop(context);
  on_loop(context);
  CHECK(cancelled.now() == std::vector{true});
  CHECK(fired.now().empty());
}

TEST_CASE("cancelling a delay and adding a route do not wait for the loop") {
  Context context(loopback());
  const auto process = spawned<Plain>(context);
  int calls = 0;
  const TimerId timer = context.delay(1ms, process->pid(), [&](Process&) { ++calls; });
  std::promise<void> busy, go_on;
  // Whether or not that delay has run by then, another one is due while the loop is busy.
  context.post([&] {
    busy.set_value();
    go_on.get_future().wait();
  });
  busy.get_future().wait();
  const TimerId due = context.delay(0ms, process->pid(), [&](Process&) { calls += 100; });
  CHECK(context.cancel(due));
  CHECK_FALSE(context.cancel(due));
  context.cancel(timer);
  CHECK_FALSE(context.cancel(timer));
  context.route("/route", [](const HttpRequest&) { return HttpResponse{}; });
  go_on.set_value();
  on_loop(context);
  on_loop(context);
  CHECK(calls <= 1);
  context.stop();
  CHECK_THROWS_AS(context.route("/late", {}), Stopped);
}

TEST_CASE("of contexts whose handlers spawn on each other in a circle one is refused") {
  for (const std::size_t count : {2U, 3U}) {
    std::vector<std::unique_ptr<Context>> contexts;
    for (std::size_t i = 0; i < count; ++i)
      contexts.push_back(std::make_unique<Context>(loopback()));
    std::barrier all_busy(static_cast<std::ptrdiff_t>(count));
    Log<std::string> results;
    for (std::size_t i = 0; i < count; ++i) {
      contexts[i]->post([&, next = contexts[(i + 1) % count].get()] {
        all_busy.arrive_and_wait();
        try {
          next->spawn<Plain>();
          results.add("spawned");
        } catch (const Error& error) {
          results.add(error.what());
        }
      });
    }
    auto told = results.wait(count);
    std::erase(told, "spawned");
    REQUIRE(told.size() == 1);
    CHECK(told[0].find("would wait for ever") != std::string::npos);
    for (const auto& context : contexts) CHECK_NOTHROW(context->spawn<Plain>("later"));
  }
}

TEST_CASE("a delay does not fire for a process that has ended, nor for its successor") {
  Context context(loopback());
  const auto p = spawned<Derived>(context, "p");
  const Pid pid = p->pid();
  context.delay(5ms, pid, &Derived::add, 1, "a");
  context.terminate(pid);
  const auto next = spawned<Derived>(context, "p");
  context.delay(10ms, pid, &Derived::add, 2, "b");
  CHECK(next->calls.wait(1) == std::vector<std::string>{"2b"});
  CHECK(p->calls.now().empty());
}

TEST_CASE("a message is delegated with its sender unchanged, to a local and to a remote process") {
  Context here(loopback()), there(loopback());
  const auto local = spawned<Recorder>(here, "local");
  const auto remote = spawned<Recorder>(there, "remote");
  auto p = std::make_shared<Plain>("p");
  p->delegate("near", local->pid());
  p->delegate("far", remote->pid());
  p->delegate("own", remote->pid());
  Log<int> own;
  p->install("own", [&](const Pid&, std::string_view) { own.add(0); });
  here.spawn(p);
  raw::Peer peer(here.bound().port);
  peer.write(raw::message("p", "near", "1", "asker@10.0.0.1:5") +
             raw::message("p", "far", "2", "asker@10.0.0.1:5") + raw::message("p", "own", ""));
  CHECK(peer.read_statuses(3) == std::vector{202, 202, 202});
  CHECK(local->messages.wait(1)[0] ==
        Seen{"asker@10.0.0.1:5", "asker@10.0.0.1:5", local->pid().str(), "near", "1"});
  CHECK(remote->messages.wait(1)[0] ==
        Seen{"asker@10.0.0.1:5", "asker@10.0.0.1:5", remote->pid().str(), "far", "2"});
  own.wait(1);
}

TEST_CASE("a message that cannot be delegated is a warning, not a silent drop") {
  Context context(loopback());
  auto p = std::make_shared<Plain>("p");
  p->delegate("n", {"x", "no host", 1});
  context.spawn(p);
  context.send("me@127.0.0.1:1", p->pid(), "n");
  CHECK(watcher(context).warnings.wait(1)[0].find("cannot pass it on") != std::string::npos);
}

TEST_CASE("handlers run one at a time, on the loop, whoever sends") {
  Context context(loopback()), other(loopback());
  auto p = std::make_shared<Plain>("p");
  int inside = 0;  // no lock: TSan would tell
  Log<int> calls;
  p->install("n", [&](const Pid&, std::string_view) {
    CHECK(context.on_loop());
    CHECK(++inside == 1);
    --inside;
    calls.add(0);
  });
  context.spawn(p);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i)
        (t % 2 == 0 ? context : other).send("a@1.2.3.4:5", p->pid(), "n");
    });
  }
  for (std::thread& thread : threads) thread.join();
  calls.wait(200);
}

TEST_CASE("finalize() is called once, on the loop; terminating nobody does nothing") {
  class Final : public Recorder {
   public:
    using Recorder::Recorder;
    void finalize() override { ends.add(context().on_loop()); }
    Log<bool> ends;
  };
  Context context(loopback());
  const auto p = spawned<Final>(context, "p");
  context.terminate(beside(p->pid(), "nobody"));
  context.terminate({"p", "127.0.0.1", 1});
  CHECK(context.is_local(p->pid()));
  context.terminate(p->pid());
  context.terminate(p->pid());
  on_loop(context);
  CHECK(p->ends.now() == std::vector{true});
  CHECK_FALSE(context.is_local(p->pid()));
}

}  // namespace actor_process_test
