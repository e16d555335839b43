// Errors of a write that no peer can be made to cause: sendmsg() of this program is the one below.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_write_errors_test {

using namespace actors;

namespace {

// Of the next writes so many fail, with that error.
std::atomic<int> failures = 0;
std::atomic<int> failure = 0;

}  // namespace

extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  if (failures > 0) {
    --failures;
    errno = failure;
    return -1;
  }
  return ::syscall(SYS_sendmsg, socket, message, flags);
}

TEST_CASE("a kernel that is short of memory delays a message, and loses nothing") {
  for (const int error : {ENOBUFS, ENOMEM}) {
    raw::Listener listener;
    Context context(loopback());
    const auto sender = spawned<Recorder>(context, "sender");
    Deliveries deliveries;
    failure = error;
    failures = 5;
    for (int i = 0; i < 3; ++i) {
      sender->send({"peer", "127.0.0.1", listener.port()}, "n", std::to_string(i),
                   deliveries.callback());
    }
    raw::Peer peer = listener.accept();
    for (const char* body : {"\r\n0\r\n", "\r\n1\r\n", "\r\n2\r\n"}) peer.read_through(body);
    for (int i = 0; i < 3; ++i) peer.write(raw::kAccepted);
    for (const auto& delivery : deliveries.wait(3)) CHECK(delivery.outcome == Outcome::accepted);
    CHECK(failures == 0);
  }
}

TEST_CASE("a write that fails ends the connection, also where nothing can be read of that") {
  raw::Listener listener;
  Context context(loopback());
  const auto sender = spawned<Recorder>(context, "sender");
  Deliveries deliveries;
  const Pid to{"peer", "127.0.0.1", listener.port()};
  sender->link(to);
  raw::Peer peer = listener.accept();
  watcher(context).connections.wait(1);
  sender->send(to, "n", "first", deliveries.callback());
  peer.read_through("first\r\n0\r\n\r\n");
  failure = EACCES;
  failures = 1;
  sender->send(to, "n", "second", deliveries.callback());
  // What the peer answered to the first still counts.
  while (failures > 0) std::this_thread::yield();
  peer.write(raw::kAccepted);
  const auto told = deliveries.wait(2);
  CHECK(told[0].outcome == Outcome::accepted);
  CHECK(told[1].outcome == Outcome::failed);
  CHECK(told[1].error == std::errc::permission_denied);
  CHECK(sender->exits.wait(1)[0].pid == to.str());
}

}  // namespace actor_write_errors_test
