// Where a Context listens, what its PIDs say, and what it refuses.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>

#include "support/actors.h"
#include "support/place.h"
#include "support/raw_peer.h"

namespace actor_options_test {

using namespace actors;

namespace {

/// Sets environment variables for its life.
class Environment {
 public:
  void set(const char* name, const char* value) {
    ::setenv(name, value, 1);
    names_.push_back(name);
  }
  ~Environment() {
    for (const char* name : names_) ::unsetenv(name);
  }

 private:
  std::vector<const char*> names_;
};

}  // namespace

TEST_CASE("the environment says where to listen and what to advertise; empty is unset") {
  Environment environment;
  environment.set("LIBPROCESS_IP", "127.0.0.1");
  environment.set("LIBPROCESS_PORT", "");
  environment.set("LIBPROCESS_ADVERTISE_IP", "10.9.8.7");
  environment.set("LIBPROCESS_ADVERTISE_PORT", "77");
  environment.set("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH", "true");
  Context context;
  CHECK(context.bound().host == "127.0.0.1");
  CHECK(context.bound().port != 0);
  CHECK(context.address() == Address{"10.9.8.7", 77});
  CHECK(context.str() == "Context(10.9.8.7:77)");
  CHECK(context.options().require_peer_ip_match);
  const auto p = spawned<Recorder>(context, "p");
  CHECK(p->pid().str() == "p@10.9.8.7:77");
  // Both are ours, and need no wire.
  p->send(p->pid(), "a");
  p->send({"p", "127.0.0.1", context.bound().port}, "b");
  CHECK(p->messages.wait(2).size() == 2);
  CHECK(context.statistics().connections_accepted == 0);
}

TEST_CASE("a port of the environment that is none is an error") {
  Environment environment;
  for (const char* port : {"x", "-1", "70000", "1 2"}) {
    environment.set("LIBPROCESS_PORT", port);
    CHECK_THROWS_AS(Options::from_environment(), Error);
  }
}

TEST_CASE("bound to all interfaces, the PIDs say an address that can be reached") {
  Options options = loopback();
  options.ip.clear();
  Context context(options);
  CHECK(context.bound().host == "0.0.0.0");
  CHECK(context.address().host == default_source_address());
  CHECK(context.address().host != "0.0.0.0");
}

TEST_CASE("a host name to listen on is resolved") {
  NEEDS(place::localhost());
  Options options = loopback();
  options.ip = "localhost";
  CHECK(Context(options).address().host == "127.0.0.1");
}

TEST_CASE("a taken port is an error that names it") {
  raw::Listener taken;
  Options options = loopback();
  options.port = taken.port();
  try {
    Context context(options);
    FAIL("bound a taken port");
  } catch (const SocketError& error) {
    CHECK(error.code() == std::errc::address_in_use);
    CHECK(std::string(error.what()).find(":" + std::to_string(taken.port())) != std::string::npos);
  }
}

TEST_CASE("what is not ours, unresolvable, or IPv6 cannot be listened on") {
  Options options = loopback();
  for (const char* ip : {"192.0.2.1", "host.invalid"}) {
    options.ip = ip;
    CHECK_THROWS_AS(Context{options}, SocketError);
  }
  options.ip = "::1";
  CHECK_THROWS_AS(Context{options}, Error);
  options.ip = "127.0.0.1";
  options.advertise_ip = "a b";
  CHECK_THROWS_AS(Context{options}, Error);
}

TEST_CASE("however many connections are asked for, descriptors are not what they lack") {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 256;
  ::setrlimit(RLIMIT_NOFILE, &low);
  Options options = loopback();
  options.max_connections = options.max_outgoing = 1000;
  const Context context(options);
  rlimit raised{};
  ::getrlimit(RLIMIT_NOFILE, &raised);
  CHECK(raised.rlim_cur == before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace actor_options_test
