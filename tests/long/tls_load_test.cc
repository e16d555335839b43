// TLS under load: 100,000 messages, 2,000 links, 10,000 handshakes that fail.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <iterator>

#include "support/tls_talk.h"

namespace long_tls_load_test {

using namespace e2e;

namespace {

void count_messages(Served& served, int count) {
  for (int i = 0; i < count;) {
    const auto line = served.process().line();
    REQUIRE(line);
    if (line->starts_with("{\"type\":\"message\",")) ++i;
  }
}

std::size_t descriptors(pid_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_CASE("100,000 messages over one TLS connection, its receiver stopped in the middle") {
  Served served({"sink"}, with_tls());
  Background send({"send", served.pid(), "m", "--repeat", "100000", "--size", "100", "--json",
                   "--timeout", "1m"},
                  with_tls());
  count_messages(served, 500);
  served.process().signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  served.process().signal(SIGCONT);
  count_messages(served, 99'500);
  const auto result = send.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("accepted") == 100'000);
  CHECK(served.stop(SIGTERM).out_json().back().at("messages") == 100'000);
}

TEST_CASE("2,000 idle TLS links cost some kilobytes each") {
  Served served({"sink"}, with_tls());
  const auto pid = served.process().pid();
  const double before = resident_mb(pid);
  Background links({tls_script(), "hold", std::to_string(served.port()), "2000"},
                   {.program = "python3"});
  REQUIRE(links.line());
  const double each_kb = (resident_mb(pid) - before) * 1024 / 2000;
  MESSAGE("each TLS link takes ", each_kb, " kB");
  CHECK(each_kb < 40);
  CHECK(tls_client(served.port(), message("sink", "m", "")).answer.starts_with("HTTP/1.1 202"));
  links.close_input();
  links.finish();
}

TEST_CASE("10,000 handshakes that fail leave nothing behind, and hold up nobody") {
  Served served({"sink", "-q"}, with_tls());
  const auto pid = served.process().pid();
  const std::string hello("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10);
  const auto fail_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Client client(served.port());
      client.send(i % 3 == 0 ? hello : i % 3 == 1 ? "GET / HTTP/1.1\r\n" : hello.substr(0, 4));
      if (i % 3 != 2) CHECK(client.gone());
    }
  };
  fail_some(1000);
  const auto open = descriptors(pid);
  const double before = resident_mb(pid);
  fail_some(9000);
  CHECK(tls_client(served.port(), message("sink", "m", "")).answer.starts_with("HTTP/1.1 202"));
  for (int i = 0; i < 100 && descriptors(pid) > open; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(descriptors(pid) <= open);
  CHECK(resident_mb(pid) - before < 5);
}

}  // namespace long_tls_load_test
