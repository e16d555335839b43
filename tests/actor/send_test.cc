// What send() puts on the wire, and what its sender learns.
#include <doctest/doctest.h>

#include <ctime>
#include <future>

#include "support/actors.h"
#include "support/place.h"
#include "support/raw_peer.h"

namespace actor_send_test {

using namespace actors;

namespace {

Pid at(std::uint16_t port, const std::string& id = "peer") {
  return {id, "127.0.0.1", port};
}

/// A Context with one sender, and a raw peer to send to.
struct Sending {
  explicit Sending(const Options& options = loopback())
      : context(options), sender(spawned<Recorder>(context, "sender")) {}
  Pid to() const { return at(listener.port()); }
  SendResult send(const std::string& body) {
    return sender->send(to(), "n", body, deliveries.callback());
  }

  raw::Listener listener;
  Deliveries deliveries;
  Context context;
  std::shared_ptr<Recorder> sender;
};

Delivery outcome_of(const std::string& answer) {
  Sending s;
  REQUIRE(s.send("hello") == SendResult::queued);
  raw::Peer peer = s.listener.accept();
  peer.read_through("0\r\n\r\n");
  peer.write(answer);
  return s.deliveries.wait(1)[0];
}

std::string answer(const std::string& status, const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string wire_bytes(Style style) {
  Options options = loopback();
  options.style = style;
  Sending s(options);
  s.sender->send(s.to(), "ping", "hello");
  s.sender->send({"a b", s.to().host, s.to().port}, "empty");
  raw::Peer peer = s.listener.accept();
  peer.write(raw::kAccepted + raw::kAccepted);
  CHECK(s.context.stop().unanswered == 0);
  return peer.read_to_end();
}

}  // namespace

TEST_CASE("a message goes out as libprocess writes it") {
  Sending s;
  s.sender->send(s.to(), "ping", "hello");
  s.sender->send({"a b(1)", s.to().host, s.to().port}, "empty");
  raw::Peer peer = s.listener.accept();
  const std::string from = s.sender->pid().str(), host = s.to().address();
  const std::string expected = "POST /peer/ping HTTP/1.1\r\nUser-Agent: libprocess/" + from +
                               "\r\nLibprocess-From: " + from +
                               "\r\nConnection: Keep-Alive\r\nHost: " + host +
                               "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                               "POST /a%20b(1)/empty HTTP/1.1\r\nUser-Agent: libprocess/" +
                               from + "\r\nLibprocess-From: " + from +
                               "\r\nConnection: Keep-Alive\r\nHost: " + host + "\r\n\r\n";
  CHECK(peer.read(expected.size()) == expected);
  peer.write(raw::kAccepted + raw::kAccepted);
}

TEST_CASE("the compactor and legacy styles go out as the Python library writes them") {
  const std::string compactor = wire_bytes(Style::compactor);
  CHECK(
      compactor.starts_with("POST /peer/ping HTTP/1.0\r\nConnection: Keep-Alive\r\n"
                            "Content-Length: 5\r\nLibprocess-From: sender@127.0.0.1:"));
  CHECK(compactor.find("\r\n\r\nhelloPOST /a%20b/empty HTTP/1.0\r\nConnection: Keep-Alive\r\n"
                       "Content-Length: 0\r\n") != std::string::npos);
  CHECK(wire_bytes(Style::legacy)
            .starts_with("POST /peer/ping HTTP/1.0\r\nConnection: Keep-Alive\r\n"
                         "Content-Length: 5\r\nUser-Agent: libprocess/sender@127.0.0.1:"));
}

TEST_CASE("messages are pipelined on one connection for all receivers of an address, in order") {
  Sending s;
  for (int i = 0; i < 500; ++i)
    s.sender->send(at(s.listener.port(), i % 2 == 0 ? "a" : "b"), "n", std::to_string(i));
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 500; ++i) {
    const std::string text = peer.read_through("0\r\n\r\n");
    CHECK(text.starts_with(i % 2 == 0 ? "POST /a/n" : "POST /b/n"));
    CHECK(text.ends_with("\r\n" + std::to_string(i) + "\r\n0\r\n\r\n"));
  }
  CHECK(s.listener.nobody_waits());
  for (int i = 0; i < 500; ++i) peer.write(raw::kAccepted);
}

TEST_CASE("200 messages queued while connecting arrive in order") {
  Context receiver(loopback()), sender(loopback());
  const auto target = spawned<Recorder>(receiver);
  for (int i = 0; i < 200; ++i)
    sender.send("me@127.0.0.1:1", target->pid(), "n", std::to_string(i));
  const auto messages = target->messages.wait(200);
  for (std::size_t i = 0; i < 200; ++i) CHECK(messages[i].body == std::to_string(i));
}

TEST_CASE("an answer is told: accepted") {
  const Delivery d = outcome_of(answer("202 Accepted"));
  CHECK(d.outcome == Outcome::accepted);
  CHECK(d.status == 202);
  CHECK(d.fault == Fault::none);
  CHECK(d.ack.count() > 0);
  CHECK(d.reason.empty());
}

TEST_CASE("an answer is told: no such process") {
  const Delivery d = outcome_of(answer("404 Not Found", "404 Not Found."));
  CHECK(d.outcome == Outcome::no_such_process);
  CHECK(d.status == 404);
}

TEST_CASE("an answer is told: not handled") {
  CHECK(outcome_of(answer("405 Method Not Allowed", "<html>")).outcome == Outcome::not_handled);
}

TEST_CASE("an answer is told: refused, with the start of what the peer says") {
  const Delivery d = outcome_of(answer("503 Service Unavailable", "try\r\nlater"));
  CHECK(d.outcome == Outcome::refused);
  CHECK(d.status == 503);
  CHECK(d.reason == "503 Service Unavailable: try");
  CHECK(outcome_of(answer("400 Bad Request")).reason == "400 Bad Request");
}

TEST_CASE("an interim answer is not the answer") {
  CHECK(outcome_of("HTTP/1.1 100 Continue\r\n\r\n" + answer("202 Accepted")).status == 202);
}

TEST_CASE("an answer whose body runs to the end of the connection is told") {
  Sending s;
  s.send("x");
  raw::Peer peer = s.listener.accept();
  peer.read_through("0\r\n\r\n");
  peer.write("HTTP/1.1 500 Oops\r\n\r\nbroken");
  peer.close();
  CHECK(s.deliveries.wait(1)[0].reason == "500 Oops: broken");
}

TEST_CASE("a peer that reads and closes: no answer; what was not written has failed") {
  Sending s;
  // More than the sockets take, so that the last is not written at all.
  const std::string large(std::size_t{20} << 20, 'x');
  on_loop(s.context, [&] {  // so that all are queued before anything is written
    for (const std::string& body : {std::string("first"), large, large})
      CHECK(s.send(body) == SendResult::queued);
  });
  raw::Peer peer = s.listener.accept();
  peer.read_through("first");
  peer.reset();
  const auto deliveries = s.deliveries.wait(3);
  CHECK(deliveries[0].outcome == Outcome::no_answer);
  CHECK(deliveries[1].outcome == Outcome::no_answer);
  CHECK(deliveries[2].outcome == Outcome::failed);
  for (const Delivery& d : deliveries) {
    CHECK(d.fault == Fault::closed);
    CHECK_FALSE(d.reason.empty());
  }
}

TEST_CASE("answers that came before the end of the connection count") {
  Sending s;
  for (int i = 0; i < 3; ++i) s.send(std::to_string(i));
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 3; ++i) peer.read_through("0\r\n\r\n");
  peer.write(raw::kAccepted + raw::kAccepted);
  peer.close();
  const auto deliveries = s.deliveries.wait(3);
  CHECK(deliveries[0].outcome == Outcome::accepted);
  CHECK(deliveries[1].outcome == Outcome::accepted);
  CHECK(deliveries[2].outcome == Outcome::no_answer);
}

TEST_CASE("an answer with Connection: close ends the connection; the next message opens another") {
  Sending s;
  s.send("1");
  {
    raw::Peer peer = s.listener.accept();
    peer.read_through("0\r\n\r\n");
    peer.write("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    CHECK(peer.read_ending() == 0);
  }
  CHECK(s.deliveries.wait(1)[0].outcome == Outcome::accepted);
  s.send("2");
  raw::Peer peer = s.listener.accept();
  CHECK(peer.read_through("0\r\n\r\n").find("\r\n2\r\n") != std::string::npos);
  peer.write(raw::kAccepted);
  CHECK(s.deliveries.wait(2)[1].outcome == Outcome::accepted);
}

TEST_CASE("a refused port fails the message, and does not poison the address") {
  Deliveries deliveries;
  Context context(loopback());
  const auto sender = spawned<Recorder>(context, "sender");
  const std::uint16_t port = raw::refused_port();
  sender->send(at(port), "n", "1", deliveries.callback());
  const Delivery failed = deliveries.wait(1)[0];
  CHECK(failed.outcome == Outcome::failed);
  CHECK(failed.fault == Fault::connect);
  CHECK(failed.error == std::errc::connection_refused);
  CHECK(failed.reason ==
        "cannot connect to 127.0.0.1:" + std::to_string(port) + ": connection refused");
  raw::Listener listener(port);
  sender->send(at(port), "n", "2", deliveries.callback());
  raw::Peer peer = listener.accept();
  peer.read_through("0\r\n\r\n");
  peer.write(raw::kAccepted);
  CHECK(deliveries.wait(2)[1].outcome == Outcome::accepted);
}

TEST_CASE("an unresolvable host fails the message, and the loop goes on meanwhile") {
  Deliveries deliveries;
  Context context(loopback());
  const auto sender = spawned<Recorder>(context, "sender");
  sender->send({"x", "host.invalid", 1}, "n", "", deliveries.callback());
  sender->send(sender->pid(), "local", "");
  CHECK(sender->messages.wait(1)[0].name == "local");
  const Delivery failed = deliveries.wait(1)[0];
  CHECK(failed.outcome == Outcome::failed);
  CHECK(failed.fault == Fault::resolve);
  CHECK(failed.reason.starts_with("cannot resolve host.invalid: "));
}

TEST_CASE("a host name is looked up") {
  NEEDS(place::localhost());
  Sending s;
  s.sender->send({"peer", "localhost", s.listener.port()}, "n", "", s.deliveries.callback());
  raw::Peer peer = s.listener.accept();
  CHECK(peer.read_through("\r\n\r\n").find("Host: localhost:") != std::string::npos);
  peer.write(raw::kAccepted);
  CHECK(s.deliveries.wait(1)[0].outcome == Outcome::accepted);
}

TEST_CASE("no connection within the connect time-out fails the message") {
  Options options = loopback();
  options.connect_timeout = 50ms;
  Deliveries deliveries;
  Context context(options);
  // TEST-NET-1 (RFC 5737): dropped, or refused by the first router; both fail.
  context.send("me@127.0.0.1:1", {"x", "192.0.2.1", 9}, "n", "", deliveries.callback());
  const Delivery failed = deliveries.wait(1)[0];
  CHECK(failed.outcome == Outcome::failed);
  CHECK(failed.fault == Fault::connect);
}

TEST_CASE("a peer that speaks no HTTP, or TLS, is told apart") {
  CHECK(outcome_of("SSH-2.0-OpenSSH_9.2\r\n").fault == Fault::not_http);
  CHECK(outcome_of(std::string("\x15\x03\x01\x00\x02\x02\x0a", 7)).fault == Fault::tls);
  CHECK(outcome_of("SSH-2.0-OpenSSH_9.2\r\n").outcome == Outcome::no_answer);
}

TEST_CASE("an answer too large to be one is no HTTP, and costs bounded memory") {
  CHECK(outcome_of("HTTP/1.1 500 Oops\r\nContent-Length: 100000000\r\n\r\n").fault ==
        Fault::not_http);
}

TEST_CASE("a peer that never answers: no answer when the context stops") {
  Sending s;
  s.send("1");
  raw::Peer peer = s.listener.accept();
  peer.read_through("0\r\n\r\n");
  const StopReport report = s.context.stop(10ms);
  CHECK(report.unanswered == 1);
  CHECK(report.unsent == 0);
  const Delivery d = s.deliveries.wait(1)[0];
  CHECK(d.outcome == Outcome::no_answer);
  CHECK(d.fault == Fault::stopped);
}

TEST_CASE("what cannot be carried is invalid, at once") {
  Sending s;
  const auto result = [&](const Pid& to, const std::string& name) {
    return s.sender->send(to, name, "", s.deliveries.callback());
  };
  for (const std::string name : {"a b", "a?b", "a#b", "a\r\nX: y", "\xc3\xa9", "a\x01"})
    CHECK(result(s.to(), name) == SendResult::invalid);
  CHECK(result(at(s.listener.port(), ""), "n") == SendResult::invalid);
  CHECK(result(at(s.listener.port(), "a\r\nb"), "n") == SendResult::invalid);
  CHECK(result(at(0), "n") == SendResult::invalid);
  CHECK(result({"x", "", 1}, "n") == SendResult::invalid);
  CHECK(result({"x", "a b", 1}, "n") == SendResult::invalid);
  CHECK(s.send(std::string((std::size_t{64} << 20) + 1, 'x')) == SendResult::invalid);
  CHECK(s.context.send("a\r\nX: y@1.2.3.4:5", s.to(), "n") == SendResult::invalid);
  on_loop(s.context);
  CHECK(s.deliveries.now().empty());
}

TEST_CASE("the compactor style carries an empty id, unlike libprocess") {
  Options options = loopback();
  options.style = Style::compactor;
  Sending s(options);
  CHECK(s.sender->send(at(s.listener.port(), ""), "n", "") == SendResult::queued);
  raw::Peer peer = s.listener.accept();
  CHECK(peer.read_through("\r\n\r\n").starts_with("POST //n HTTP/1.0\r\n"));
  peer.write(raw::kAccepted);
}

TEST_CASE("an address with its limit of unanswered messages is full; room is told once") {
  Options options = loopback();
  options.max_unanswered = 10;
  Sending s(options);
  for (int i = 0; i < 10; ++i) CHECK(s.send("x") == SendResult::queued);
  CHECK(s.send("x") == SendResult::full);
  Log<bool> room;
  s.context.when_room(s.to(), [&] { room.add(s.context.on_loop()); });
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 4; ++i) peer.write(raw::kAccepted);
  s.deliveries.wait(4);
  on_loop(s.context);
  CHECK(room.now().empty());
  for (int i = 0; i < 6; ++i) peer.write(raw::kAccepted);
  CHECK(room.wait(1) == std::vector{true});
  CHECK(s.send("x") == SendResult::queued);
  peer.write(raw::kAccepted);
  s.deliveries.wait(11);
  on_loop(s.context);
  CHECK(room.now().size() == 1);
}

TEST_CASE("a peer that never reads fills the queue to its limit and no more") {
  Options options = loopback();
  options.max_queued_bytes = 1'000'000;
  Sending s(options);
  const std::string body(10'000, 'x');
  std::size_t queued = 0;
  // The sockets take some; when nothing moves any more it stays full.
  while (s.send(body) == SendResult::queued) ++queued;
  CHECK(queued >= 90);
  CHECK(queued < 5000);
  raw::Peer peer = s.listener.accept();
  const std::size_t more_than_sockets_hold = 20'000;
  while (s.context.send("a@127.0.0.1:1", s.to(), "n", body, s.deliveries.callback()) ==
             SendResult::queued &&
         queued < more_than_sockets_hold) {
    ++queued;
  }
  CHECK(queued < more_than_sockets_hold);
  s.context.stop(0s);
  CHECK(s.deliveries.wait(queued).size() == queued);
}

TEST_CASE("when there is room already it is told at once, on the loop") {
  Sending s;
  Log<bool> room;
  s.context.when_room(s.to(), [&] { room.add(s.context.on_loop()); });
  CHECK(room.wait(1)[0]);
}

TEST_CASE("the waiting form waits for room, and gives up after its time") {
  Options options = loopback();
  options.max_unanswered = 2;
  Sending s(options);
  const auto send_wait = [&](Duration timeout) {
    return s.context.send_wait("a@127.0.0.1:1", s.to(), "n", "x", timeout, s.deliveries.callback());
  };
  CHECK(send_wait(0s) == SendResult::queued);
  CHECK(send_wait(Duration::max()) == SendResult::queued);
  CHECK(send_wait(1ms) == SendResult::full);
  auto waiting = std::async(std::launch::async, [&] { return send_wait(Duration::max()); });
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 3; ++i) {
    peer.read_through("0\r\n\r\n");
    peer.write(raw::kAccepted);
  }
  CHECK(waiting.get() == SendResult::queued);
  s.deliveries.wait(3);
  Log<int> refused;
  s.context.post([&] {
    try {
      send_wait(1s);
    } catch (const Error&) {
      refused.add(0);
    }
  });
  refused.wait(1);
}

TEST_CASE(
    "a message larger than the room there is waits for its own, and gives up after its time") {
  Options options = loopback();
  options.max_queued_bytes = 60'000'000;
  Sending s(options);
  // What sockets hold is far less than is left of these.
  std::string first, second;
  first.resize(28'000'000, 'x');
  second.resize(50'000'000, 'x');
  CHECK(s.send(first) == SendResult::queued);
  auto waiting = std::async(std::launch::async, [&] {
    return s.context.send_wait("a@127.0.0.1:1", s.to(), "n", second, 50ms);
  });
  CHECK(waiting.wait_for(kPatience) == std::future_status::ready);
  CHECK(waiting.get() == SendResult::full);
  Log<bool> room;
  s.context.when_room(s.to(), [&] { room.add(s.send(second) == SendResult::queued); });
  on_loop(s.context);
  CHECK(room.now().empty());
  raw::Peer peer = s.listener.accept();
  peer.read(first.size());
  CHECK(room.wait(1) == std::vector{true});
  s.context.stop(0s);
}

TEST_CASE("a thread that waits for room is let go by stop") {
  Options options = loopback();
  options.max_unanswered = 1;
  Sending s(options);
  s.send("1");
  auto waiting = std::async(std::launch::async, [&] {
    return s.context.send_wait("a@127.0.0.1:1", s.to(), "n", "x", Duration::max());
  });
  s.context.stop(0s);
  CHECK(waiting.get() == SendResult::stopped);
}

TEST_CASE("threads that flood an address through broken connections lose no room for good") {
  Options options = loopback();
  options.max_unanswered = 64;
  const std::uint16_t port = raw::refused_port();
  Deliveries deliveries;
  Context context(options);
  std::vector<std::thread> threads;
  std::atomic<std::size_t> queued = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (context.send_wait("a@127.0.0.1:1", at(port), "n", "x", kPatience,
                              deliveries.callback()) == SendResult::queued)
          ++queued;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(queued == 2000);
  CHECK(deliveries.wait(queued).size() == queued);
  // All of the room is there again.
  for (int i = 0; i < 64; ++i) {
    CHECK(context.send("a@127.0.0.1:1", at(port), "n", "x", deliveries.callback()) ==
          SendResult::queued);
  }
}

TEST_CASE("an idle connection without link is drained and closed; the next message opens another") {
  Options options = loopback();
  options.idle_timeout = 1ms;
  Sending s(options);
  s.send("1");
  raw::Peer peer = s.listener.accept();
  peer.read_through("0\r\n\r\n");
  // It is not idle as long as an answer is owed.
  for (int i = 0; i < 20; ++i) on_loop(s.context, [] { std::this_thread::sleep_for(1ms); });
  CHECK(peer.nothing_to_read());
  peer.write(raw::kAccepted);
  CHECK(peer.read_ending() == 0);
  peer.close();
  CHECK(s.deliveries.wait(1)[0].outcome == Outcome::accepted);
  CHECK(watcher(s.context).ends.wait(1)[0].reason == ExitReason::closed);
  s.send("2");
  s.listener.accept().read_through("\r\n2\r\n");
}

TEST_CASE("a connection with a link is not closed for being idle") {
  Options options = loopback();
  options.idle_timeout = 1ms;
  Sending s(options);
  s.sender->link(s.to());
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 20; ++i) on_loop(s.context, [] { std::this_thread::sleep_for(1ms); });
  CHECK(peer.nothing_to_read());
  s.context.unlink(s.sender->pid(), s.to());
  CHECK(peer.read_ending() == 0);
}

TEST_CASE("an idle time of nothing closes at once, and does not keep the loop busy with a link") {
  Options options = loopback();
  options.idle_timeout = 0s;
  Sending s(options);
  s.sender->link(s.to());
  raw::Peer peer = s.listener.accept();
  watcher(s.context).connections.wait(1);
  std::clock_t before = 0, after = 0;
  on_loop(s.context, [&] { before = std::clock(); });
  std::this_thread::sleep_for(300ms);
  on_loop(s.context, [&] { after = std::clock(); });
  CHECK(after - before < CLOCKS_PER_SEC / 10);
  s.context.unlink(s.sender->pid(), s.to());
  CHECK(peer.read_ending() == 0);
}

TEST_CASE("a peer that never answers does not stop its senders for good") {
  Options options = loopback();
  options.max_unanswered = 10;
  options.idle_timeout = 20ms;
  Sending s(options);
  s.sender->link(s.to());
  raw::Peer peer = s.listener.accept();
  for (int i = 0; i < 100; ++i) {
    CHECK(s.context.send_wait("a@127.0.0.1:1", s.to(), "n", std::to_string(i), kPatience,
                              s.deliveries.callback()) == SendResult::queued);
  }
  for (int i = 0; i < 100; ++i) peer.read_through("0\r\n\r\n");
  for (const Delivery& delivery : s.deliveries.wait(100)) {
    CHECK(delivery.outcome == Outcome::no_answer);
  }
  // Should it begin to answer, each answer belongs to its message all the same: one of these to
  // none.
  for (int i = 0; i < 101; ++i) peer.write(raw::kAccepted);
  watcher(s.context).warnings.wait(1);
  s.send("last");
  peer.read_through("0\r\n\r\n");
  on_loop(s.context);
  CHECK(s.deliveries.now().size() == 100);
  peer.write(answer("404 Not Found"));
  CHECK(s.deliveries.wait(101)[100].outcome == Outcome::no_such_process);
}

TEST_CASE("over the limit of outgoing connections a message fails, and says so") {
  Options options = loopback();
  options.max_outgoing = 1;
  Sending s(options);
  s.send("1");
  raw::Peer peer = s.listener.accept();
  raw::Listener other;
  s.sender->send(at(other.port()), "n", "", s.deliveries.callback());
  on_loop(s.context, [&] { s.sender->send(at(other.port()), "n", "", s.deliveries.callback()); });
  const auto deliveries = s.deliveries.wait(2);
  CHECK(deliveries[0].outcome == Outcome::failed);
  CHECK(deliveries[0].fault == Fault::connect);
  CHECK(deliveries[0].error == std::errc::too_many_files_open);
  CHECK(deliveries[1].outcome == Outcome::failed);
  peer.write(raw::kAccepted);
  CHECK(s.deliveries.wait(3)[2].outcome == Outcome::accepted);
}

TEST_CASE("the limit of accepted connections is none of outgoing ones") {
  Options options = loopback();
  options.max_connections = 1;
  Sending s(options);
  raw::Peer accepted(s.context.bound().port);
  std::vector<raw::Listener> others(3);
  for (const auto& other : others)
    s.sender->send(at(other.port()), "n", "", s.deliveries.callback());
  for (auto& other : others) {
    raw::Peer peer = other.accept();
    peer.read_through("\r\n\r\n");
    peer.write(raw::kAccepted);
  }
  for (const auto& delivery : s.deliveries.wait(3)) CHECK(delivery.outcome == Outcome::accepted);
}

TEST_CASE("unsolicited answers are a warning and harm nothing") {
  Sending s;
  s.sender->link(s.to());
  raw::Peer peer = s.listener.accept();
  peer.write(raw::kAccepted);
  CHECK(watcher(s.context).warnings.wait(1).size() == 1);
  s.send("1");
  peer.read_through("0\r\n\r\n");
  peer.write(raw::kAccepted);
  CHECK(s.deliveries.wait(1)[0].outcome == Outcome::accepted);
}

TEST_CASE("a callback is made on the loop, once, also when it throws, and outlives its process") {
  Sending s;
  Log<bool> calls;
  s.sender->send(s.to(), "n", "", [&](const Delivery&) {
    calls.add(s.context.on_loop());
    throw std::runtime_error("oh");
  });
  raw::Peer peer = s.listener.accept();
  s.sender->terminate();
  std::weak_ptr<Process> process = s.sender;
  s.sender.reset();
  on_loop(s.context);
  CHECK_FALSE(process.expired());  // what the callback refers to is still there
  peer.read_through("\r\n\r\n");
  peer.write(raw::kAccepted);
  CHECK(calls.wait(1) == std::vector{true});
  s.context.stop();
  CHECK(calls.now().size() == 1);
  CHECK(process.expired());
  CHECK(s.context.statistics().handler_exceptions == 1);
}

TEST_CASE("the sender may be any text, to forge one on purpose") {
  Sending s;
  s.context.send("nobody in particular", s.to(), "n");
  raw::Peer peer = s.listener.accept();
  CHECK(peer.read_through("\r\n\r\n").find("Libprocess-From: nobody in particular\r\n") !=
        std::string::npos);
  peer.write(raw::kAccepted);
}

TEST_CASE("the heads of messages and answers are shown to an observer that wants them") {
  class Heads : public Watcher {
   public:
    bool wants_heads() const override { return true; }
    void request_out(const Address&, std::string_view head) override { out.add(std::string(head)); }
    void response_in(const Address&, std::string_view head) override { in.add(std::string(head)); }
    Log<std::string> out, in;
  };
  auto heads = std::make_shared<Heads>();
  Options options = loopback();
  options.observer = heads;
  Sending s(options);
  s.send("1");
  raw::Peer peer = s.listener.accept();
  peer.write("HTTP/1.1 202 Accepted\r\nServer: x\r\nContent-Length: 0\r\n\r\n");
  CHECK(heads->in.wait(1)[0] == "HTTP/1.1 202 Accepted\r\nServer: x\r\nContent-Length: 0");
  CHECK(heads->out.wait(1)[0].starts_with("POST /peer/n HTTP/1.1\r\n"));
  CHECK(heads->out.wait(1)[0].ends_with("Transfer-Encoding: chunked"));
}

}  // namespace actor_send_test
