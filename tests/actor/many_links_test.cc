// Many links: each costs the same. What costs a pass over all that there are takes longer here than
// a test may.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_many_links_test {

using namespace actors;

namespace {

constexpr std::size_t kLinks = 500'000;

/// Counts its exits.
class Linker : public Process {
 public:
  explicit Linker(std::string id = "linker") : Process(std::move(id)) {}
  using Process::link;
  std::size_t gone = 0;  // on the loop

 protected:
  void exited(const Pid&, ExitReason) override { ++gone; }
};

std::size_t gone(Context& context, const Linker& linker) {
  std::size_t count = 0;
  on_loop(context, [&] { count = linker.gone; });
  return count;
}

void wait_for(std::size_t count, Context& context, const Linker& linker) {
  const auto end = std::chrono::steady_clock::now() + 100s;
  while (gone(context, linker) < count && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(10ms);
}

}  // namespace

TEST_CASE("500,000 links to one address, and its end") {
  raw::Listener listener;
  Context context(loopback());
  const auto linker = spawned<Linker>(context);
  const auto target = [&](std::size_t i) {
    return Pid{std::to_string(i), "127.0.0.1", listener.port()};
  };
  on_loop(context, [&] {
    for (std::size_t i = 0; i < kLinks; ++i) linker->link(target(i));
  });
  raw::Peer peer = listener.accept();
  CHECK(context.statistics().links == kLinks);
  peer.close();
  wait_for(kLinks, context, *linker);
  CHECK(gone(context, *linker) == kLinks);
  CHECK(context.statistics().links == 0);
}

TEST_CASE("500,000 links that are taken back one by one, oldest first") {
  raw::Listener listener;
  Context context(loopback());
  const auto linker = spawned<Linker>(context);
  on_loop(context, [&] {
    for (std::size_t i = 0; i < kLinks; ++i)
      linker->link({std::to_string(i), "127.0.0.1", listener.port()});
  });
  raw::Peer peer = listener.accept();
  on_loop(context, [&] {
    for (std::size_t i = 0; i + 1 < kLinks; ++i)
      context.unlink(linker->pid(), {std::to_string(i), "127.0.0.1", listener.port()});
  });
  on_loop(context);
  CHECK(context.statistics().links == 1);
  peer.close();
  wait_for(1, context, *linker);
  CHECK(gone(context, *linker) == 1);
}

TEST_CASE("links to 4,000 hosts, one connection each, that nobody takes") {
  // All of 127.0.0.0/8 is this host.
  constexpr std::size_t hosts = 4'000;
  Context context(loopback());
  const auto linker = spawned<Linker>(context);
  const auto port = raw::refused_port();
  on_loop(context, [&] {
    for (std::size_t i = 0; i < hosts; ++i) {
      linker->link(
          {"x", "127.1." + std::to_string(i / 200) + "." + std::to_string(1 + i % 200), port});
    }
  });
  wait_for(hosts, context, *linker);
  CHECK(gone(context, *linker) == hosts);
  CHECK(context.statistics().links == 0);
}

}  // namespace actor_many_links_test
