// Who reaches a port of TLS and does not mean well.
#include <doctest/doctest.h>
#include <signal.h>

#include <memory>
#include <random>
#include <vector>

#include "support/tls_talk.h"

namespace e2e_tls_hostile_test {

using namespace e2e;

namespace {

bool answers(const Served& served) {
  return tls_client(served.port(), message("x", "m", "1")).answer.starts_with("HTTP/1.1 202");
}

/// The ClientHello of a real libprocess.
std::string real_hello() {
  return std::string(
      "\x16\x03\x01\x00\x75\x01\x00\x00\x71\x03\x03\x1a\xbb\x6d\x34\xa1\xf6\x2b\xad\x53\x4c\x34"
      "\x52\x89\x91\x77\xa2\x7a\xfb\x37\x0f\x07\xac\x45\x59\x87\x6f\x0a\x97\x33\x7e\xc4\x27\x00"
      "\x00\x0e\x00\x2f\x00\x35\x00\x33\x00\x32\x00\x39\x00\x38\x00\xff\x01\x00\x00\x3a\x00\x23"
      "\x00\x00\x00\x16\x00\x00\x00\x17\x00\x00\x00\x0d\x00\x2a\x00\x28\x04\x03\x05\x03\x06\x03"
      "\x08\x07\x08\x08\x08\x09\x08\x0a\x08\x0b\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01\x06\x01"
      "\x03\x03\x03\x01\x03\x02\x04\x02\x05\x02\x06\x02",
      122);
}

}  // namespace

TEST_CASE("handshakes that never end keep nobody away, also when they are as many as may connect") {
  Served served({"x", "--no-pong", "--max-connections", "20"}, with_tls());
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<Client>(served.port()));
    if (i % 2 == 0) silent.back()->send(std::string("\x16\x03\x01\x02", 4));
  }
  CHECK(answers(served));
  served.stop(SIGTERM);
}

TEST_CASE("garbage before and behind the hello ends that connection, and no other") {
  Served served({"x", "--no-pong"}, with_tls());
  const std::string hello("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10);
  for (const std::string& bytes :
       {std::string(100, '\0'), std::string("\x16"), hello, hello + std::string(70000, 'x'),
        std::string("\x16\x03\x01\xff\xff\x01") + std::string(70000, 'x'),
        std::string("\x80\x2e\x01\x03\x01") + std::string(100, 'y'),
        std::string("\x15\x03\x03\x00\x02\x02\x46", 7)}) {
    Client client(served.port());
    client.send(bytes);
    if (bytes.size() > 5) CHECK(client.gone());
  }
  CHECK(answers(served));
  CHECK(served.stop(SIGTERM).exit == 0);
}

TEST_CASE("a real hello, changed anywhere, cut or followed by anything, harms nobody else") {
  Served served({"x", "--no-pong", "-q"}, with_tls());
  std::mt19937 random(20261130);
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int i = 0; i < 400; ++i) {
    auto bytes = real_hello();
    for (std::size_t changes = below(4); changes > 0; --changes)
      bytes[below(bytes.size())] = static_cast<char>(random());
    if (below(4) == 0) bytes.resize(below(bytes.size()));
    for (std::size_t more = below(3) == 0 ? below(40'000) : 0; more > 0; --more)
      bytes += static_cast<char>(random());
    Client client(served.port());
    client.send(bytes);
    if (i % 2 == 0) client.reset();
  }
  CHECK(answers(served));
  CHECK(served.stop(SIGTERM).exit == 0);
}

}  // namespace e2e_tls_hostile_test
