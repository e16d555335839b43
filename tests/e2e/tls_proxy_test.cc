// sniff --proxy that speaks TLS itself.
#include <doctest/doctest.h>
#include <signal.h>

#include "support/tls_talk.h"

namespace e2e_tls_proxy_test {

using namespace e2e;

TEST_CASE("--proxy tls: shows what is inside, on either side or both") {
  Served secure({"x", "--no-pong"}, with_tls("node", by_address()));
  Served plain({"y", "--no-pong"});
  const auto with_proxy = [](const std::string& rule) {
    Arguments arguments{"sniff",     "--json",       "--proxy",    rule,
                        "--tls-key", key_of("node"), "--tls-cert", certificate_of("node")};
    return arguments;
  };
  const auto port = std::to_string(free_port()), port_too = std::to_string(free_port());
  auto both =
      with_proxy("tls:127.0.0.1:" + port + "=tls:127.0.0.1:" + std::to_string(secure.port()));
  both.insert(both.end(),
              {"--proxy", "tls:" + port_too + "=127.0.0.1:" + std::to_string(plain.port()),
               "--tls-ca", certificate_of("ca"), "--tls-verify", "--tls-hostname", "127.0.0.1"});
  Background proxy(both);
  Result sent;
  for (int i = 0; i < 100 && (i == 0 || sent.exit == 3); ++i)
    sent = run({"send", "x@127.0.0.1:" + port, "through", "1"}, with_tls("node", by_address()));
  CHECK(sent.exit == 0);
  CHECK(run({"send", "y@127.0.0.1:" + port_too, "half", "2"}, with_tls()).exit == 0);
  CHECK(run({"send", "x@127.0.0.1:" + port, "through", "1", "--json"}).exit == 5);  // plain to TLS
  CHECK(secure.message().at("name") == "through");
  CHECK(plain.message().at("name") == "half");
  proxy.signal(SIGINT);
  const auto result = proxy.finish();
  const auto shown = result.events("message");
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].at("name") == "through");
  CHECK(shown[0].at("status") == 202);
  CHECK(shown[1].at("name") == "half");
  CHECK(result.out_json().back().at("tls") == 0);
  CHECK(has(result.err, "no TLS with 127.0.0.1"));
  secure.stop(SIGTERM);
  plain.stop(SIGTERM);
}

TEST_CASE(
    "--proxy tls: an upstream that fails verification, or has no TLS, is told; options need it") {
  TlsPeer stranger("stranger");
  Served plain({"x"});
  for (const auto upstream : {stranger.port(), plain.port()}) {
    const auto port = std::to_string(free_port());
    Background proxy({"sniff", "--json", "--proxy",
                      port + "=tls:127.0.0.1:" + std::to_string(upstream), "--tls-key",
                      key_of("node"), "--tls-cert", certificate_of("node"), "--tls-ca",
                      certificate_of("ca"), "--tls-verify", "--tls-hostname", "127.0.0.1"});
    Result sent;
    for (int i = 0; i < 100 && (i == 0 || sent.exit == 3); ++i)
      sent = run({"send", "x@127.0.0.1:" + port, "m", "1", "--json"});
    CHECK(sent.exit == 5);
    CHECK(has(sent.errors().at(0).at("message"), "502"));
    proxy.signal(SIGINT);
    CHECK(has(proxy.finish().err, upstream == plain.port() ? "handshake" : "unknown authority"));
  }
  const auto refused = [](const Arguments& arguments) { return run(arguments).exit; };
  CHECK(refused({"sniff", "--proxy", "1=127.0.0.1:2", "--tls-verify"}) == 2);
  CHECK(refused({"sniff", "--proxy", "tls:1=127.0.0.1:2"}) == 2);  // no key
  CHECK(refused({"sniff", "--proxy", "tls:1=127.0.0.1:2", "--tls-key", "/nope", "--tls-cert",
                 certificate_of("node")}) == 6);
}

}  // namespace e2e_tls_proxy_test
