// Links and exits.
#include <doctest/doctest.h>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_link_test {

using namespace actors;

namespace {

struct Linked {
  explicit Linked(const Options& options = loopback())
      : context(options), process(spawned<Recorder>(context)), peer(linked()) {}
  raw::Peer linked() {
    process->link(to());
    return listener.accept();
  }
  Pid to(const std::string& id = "peer") const { return {id, "127.0.0.1", listener.port()}; }

  raw::Listener listener;
  Context context;
  std::shared_ptr<Recorder> process;
  raw::Peer peer;
};

}  // namespace

TEST_CASE("a link opens a connection and sends nothing; messages then use it") {
  raw::Listener listener;
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  const Pid to{"peer", "127.0.0.1", listener.port()};
  process->link(to);
  raw::Peer peer = listener.accept();
  watcher(context).connections.wait(1);
  on_loop(context);
  CHECK(peer.nothing_to_read());
  process->send(to, "n", "x");
  CHECK(peer.read_through("\r\n\r\n").starts_with("POST /peer/n"));
  CHECK(listener.nobody_waits());
  CHECK(context.statistics().links == 1);
  peer.write(raw::kAccepted);
}

TEST_CASE("a FIN is an exit: closed") {
  Linked l;
  l.peer.close();
  CHECK(l.process->exits.wait(1)[0] == Gone{l.to().str(), ExitReason::closed});
}

TEST_CASE("a half-close is an exit, and we close too") {
  Linked l;
  l.peer.shut_writing();
  CHECK(l.process->exits.wait(1)[0] == Gone{l.to().str(), ExitReason::closed});
  CHECK(l.peer.read_ending() == 0);
}

TEST_CASE("a RST is an exit: reset") {
  Linked l;
  l.peer.reset();
  CHECK(l.process->exits.wait(1)[0] == Gone{l.to().str(), ExitReason::reset});
}

TEST_CASE("a refused connect is an exit, and the link can be made again") {
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  const Pid to{"peer", "127.0.0.1", raw::refused_port()};
  process->link(to);
  CHECK(process->exits.wait(1)[0] == Gone{to.str(), ExitReason::refused});
  process->link(to);
  CHECK(process->exits.wait(2)[1] == Gone{to.str(), ExitReason::refused});
  raw::Listener listener(to.port);
  process->link(to);
  listener.accept().close();
  CHECK(process->exits.wait(3)[2] == Gone{to.str(), ExitReason::closed});
}

TEST_CASE("an unknown host is an exit: unreachable") {
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  process->link({"peer", "host.invalid", 1});
  CHECK(process->exits.wait(1)[0] == Gone{"peer@host.invalid:1", ExitReason::unreachable});
}

TEST_CASE("over the limit of outgoing connections a link exits at once") {
  Options options = loopback();
  options.max_outgoing = 1;
  Linked l(options);
  raw::Listener other;
  l.process->link({"x", "127.0.0.1", other.port()});
  CHECK(l.process->exits.wait(1)[0].reason == ExitReason::unreachable);
}

TEST_CASE("every linker of every PID at a lost address is told once for each PID") {
  Linked l;
  const auto second = spawned<Recorder>(l.context, "second");
  second->link(l.to("a"));
  second->link(l.to("b"));
  second->link(l.to("b"));
  on_loop(l.context);
  CHECK(l.context.statistics().links == 3);
  l.peer.close();
  CHECK(l.process->exits.wait(1)[0].pid == l.to().str());
  auto exits = second->exits.wait(2);
  std::sort(exits.begin(), exits.end(), [](auto& x, auto& y) { return x.pid < y.pid; });
  CHECK(exits[0].pid == l.to("a").str());
  CHECK(exits[1].pid == l.to("b").str());
  on_loop(l.context);
  CHECK(second->exits.now().size() == 2);
  CHECK(l.process->exits.now().size() == 1);
  CHECK(l.context.statistics().links == 0);
}

TEST_CASE("after an exit the link is gone") {
  Linked l;
  l.peer.close();
  l.process->exits.wait(1);
  l.process->send(l.to(), "n", "");
  raw::Peer again = l.listener.accept();
  again.close();
  while (watcher(l.context).ends.now().size() < 2) on_loop(l.context);
  on_loop(l.context);
  CHECK(l.process->exits.now().size() == 1);
}

TEST_CASE("an unlinked PID is not told; the others are") {
  Linked l;
  l.process->link(l.to("other"));
  l.context.unlink(l.process->pid(), l.to());
  on_loop(l.context);
  l.peer.close();
  CHECK(l.process->exits.wait(1)[0].pid == l.to("other").str());
  on_loop(l.context);
  CHECK(l.process->exits.now().size() == 1);
}

TEST_CASE("on the loop a link behind an unlink stays") {
  raw::Listener listener;
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  const Pid remote{"peer", "127.0.0.1", listener.port()};
  const auto local = spawned<Recorder>(context, "local");
  on_loop(context, [&] {
    for (const Pid& pid : {remote, local->pid()}) {
      process->link(pid);
      context.unlink(process->pid(), pid);
      process->link(pid);
    }
  });
  listener.accept().close();
  CHECK(process->exits.wait(1)[0] == Gone{remote.str(), ExitReason::closed});
  local->terminate();
  CHECK(process->exits.wait(2)[1] == Gone{local->pid().str(), ExitReason::closed});
}

TEST_CASE("the links of a process end with it") {
  Linked l;
  l.process->terminate();
  on_loop(l.context);
  CHECK(l.context.statistics().links == 0);
  l.peer.close();
  watcher(l.context).ends.wait(1);
  on_loop(l.context);
  CHECK(l.process->exits.now().empty());
}

TEST_CASE("a new process of the same id has none of the old one's links") {
  Linked l;
  const auto target = spawned<Recorder>(l.context, "target");
  l.process->link(target->pid());
  l.process->terminate();
  const auto next = spawned<Recorder>(l.context, "recorder");
  target->terminate();
  l.peer.close();
  watcher(l.context).ends.wait(1);
  on_loop(l.context);
  CHECK(next->exits.now().empty());
}

TEST_CASE("an inbound connection that closes is no exit") {
  Linked l;
  raw::Peer inbound(l.context.bound().port);
  inbound.write(raw::message("recorder", "n", "", l.to().str()));
  CHECK(inbound.read_status() == 202);
  inbound.close();
  while (l.context.statistics().connections_open > 0) std::this_thread::yield();
  CHECK(l.process->exits.now().empty());
}

TEST_CASE("the end of a remote process of a living host is not told, and answered 404") {
  Context one(loopback()), other(loopback());
  const auto target = spawned<Recorder>(other, "target");
  const auto process = spawned<Recorder>(one);
  process->link(target->pid());
  target->terminate();
  Deliveries deliveries;
  process->send(target->pid(), "n", "", deliveries.callback());
  CHECK(deliveries.wait(1)[0].outcome == Outcome::no_such_process);
  CHECK(process->exits.now().empty());
  other.stop();
  CHECK(process->exits.wait(1)[0] == Gone{target->pid().str(), ExitReason::closed});
}

TEST_CASE("a local process that ends is an exit for its linkers, once") {
  Context context(loopback());
  const auto a = spawned<Recorder>(context, "a"), b = spawned<Recorder>(context, "b");
  a->link(b->pid());
  a->link(b->pid());
  b->link(b->pid());
  context.terminate(b->pid());
  CHECK(a->exits.wait(1)[0] == Gone{b->pid().str(), ExitReason::closed});
  on_loop(context);
  CHECK(a->exits.now().size() == 1);
  CHECK(b->exits.now().empty());
}

TEST_CASE("a local process that was unlinked is not told") {
  Context context(loopback());
  const auto a = spawned<Recorder>(context, "a"), b = spawned<Recorder>(context, "b");
  a->link(b->pid());
  context.unlink(a->pid(), b->pid());
  b->terminate();
  on_loop(context);
  on_loop(context);
  CHECK(a->exits.now().empty());
}

TEST_CASE("the end of a linker, or of both, is no exit for anybody") {
  Context context(loopback());
  const auto target = spawned<Recorder>(context, "target");
  const auto linker = spawned<Recorder>(context, "linker");
  const auto other = spawned<Recorder>(context, "other");
  for (const auto& process : {linker, other, target}) process->link(target->pid());
  target->link(linker->pid());
  linker->terminate();
  CHECK(target->exits.wait(1)[0].pid == linker->pid().str());
  const auto again = spawned<Recorder>(context, "linker");
  target->terminate();
  CHECK(other->exits.wait(1)[0].pid == target->pid().str());
  on_loop(context);
  CHECK(again->exits.now().empty());
  CHECK(target->exits.now().size() == 1);
}

TEST_CASE("a link to a local process that does not exist exits at once") {
  Context context(loopback());
  const auto a = spawned<Recorder>(context, "a");
  const Pid nobody{"nobody", a->pid().host, a->pid().port};
  a->link(nobody);
  CHECK(a->exits.wait(1)[0] == Gone{nobody.str(), ExitReason::closed});
}

TEST_CASE("only a local process can link") {
  Context context(loopback());
  const Pid stranger{"x", "127.0.0.1", 1};
  CHECK_THROWS_AS(context.link(stranger, stranger), InvalidProcess);
}

TEST_CASE("an exited() that throws does not stop the telling of the others") {
  class Thrower : public Recorder {
   public:
    using Recorder::Recorder;
    void exited(const Pid& pid, ExitReason reason) override {
      Recorder::exited(pid, reason);
      throw std::runtime_error("oh");
    }
  };
  Context context(loopback());
  const auto a = spawned<Thrower>(context, "a"), b = spawned<Thrower>(context, "b");
  const auto target = spawned<Recorder>(context, "target");
  a->link(target->pid());
  b->link(target->pid());
  target->terminate();
  a->exits.wait(1);
  b->exits.wait(1);
  on_loop(context);
  CHECK(context.statistics().handler_exceptions == 2);
}

TEST_CASE("a process may link again in exited()") {
  class Follower : public Recorder {
   public:
    using Recorder::Recorder;
    void exited(const Pid& pid, ExitReason reason) override {
      Recorder::exited(pid, reason);
      if (exits.now().size() < 3) link(pid);
    }
  };
  raw::Listener listener;
  Context context(loopback());
  const auto follower = spawned<Follower>(context, "follower");
  follower->link({"peer", "127.0.0.1", listener.port()});
  for (int i = 0; i < 3; ++i) listener.accept().close();
  CHECK(follower->exits.wait(3).size() == 3);
}

TEST_CASE("the context of a leader that stops is an exit for its follower elsewhere") {
  Context there(loopback()), here(loopback());
  const auto leader = spawned<Recorder>(there, "leader");
  const auto follower = spawned<Recorder>(here, "follower");
  follower->link(leader->pid());
  while (there.statistics().connections_accepted == 0) std::this_thread::yield();
  there.stop();
  CHECK(follower->exits.wait(1)[0] == Gone{leader->pid().str(), ExitReason::closed});
}

}  // namespace actor_link_test
