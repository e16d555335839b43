// Look-ups for a caller that waits. That a dead name server costs no more than the time given is
// shown in e2e/resolve_test.cc, where there is one.
#include "net/resolver.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include "compactor/context.h"
#include "compactor/error.h"
#include "support/place.h"

namespace net_resolver_test {

using namespace compactor;  // NOLINT
using namespace std::chrono_literals;

namespace {

std::vector<std::string> found(const std::string& host, int family) {
  const Lookup lookup(host, family);
  REQUIRE(lookup.wait(Lookup::Clock::now() + 1min));
  pollfd there{lookup.descriptor(), POLLIN, 0};
  CHECK(::poll(&there, 1, 0) == 1);
  CHECK_FALSE(lookup.error());
  return lookup.addresses();
}

}  // namespace

TEST_CASE("a look-up gives numeric addresses of the family that was asked for, each once") {
  CHECK(found("127.0.0.1", AF_UNSPEC) == std::vector<std::string>{"127.0.0.1"});
  CHECK(found("127.1", AF_INET) ==
        std::vector<std::string>{"127.0.0.1"});  // as inet_aton() reads it
  CHECK(found("::1", AF_UNSPEC) == std::vector<std::string>{"::1"});
}

TEST_CASE("the name of this host is found") {
  NEEDS(place::localhost());
  CHECK(found("localhost", AF_INET) == std::vector<std::string>{"127.0.0.1"});
  CHECK(resolve_ipv4("localhost") == "127.0.0.1");
  CHECK(resolve_ipv4("localhost", Duration::max()) == "127.0.0.1");
}

TEST_CASE("a name that is none is an error with the resolver's reason") {
  const Lookup lookup("::1", AF_INET);
  REQUIRE(lookup.wait(Lookup::Clock::now() + 1min));
  CHECK(std::string(lookup.error().category().name()) == "resolve");
  CHECK(lookup.addresses().empty());
  try {
    resolve_ipv4("::1");
    FAIL("it has no IPv4 address");
  } catch (const SocketError& error) {
    CHECK(std::string(error.what()).starts_with("cannot resolve ::1: "));
    CHECK(error.code() == lookup.error());
  }
}

}  // namespace net_resolver_test
