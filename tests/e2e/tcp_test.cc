// TCP that is odd and legal, from whole captures: outcomes and ledger are exact.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/harness.h"

namespace e2e_tcp_test {

using namespace e2e;

namespace {

using Statuses = std::vector<std::pair<std::string, int>>;

void check_capture(const std::string& name, const Statuses& statuses, std::uint64_t bytes) {
  CAPTURE(name);
  const auto result = run({"sniff", "-r", TEST_DATA "/tcp/" + name, "--json", "--strict"});
  CHECK(result.exit == 0);
  Statuses seen;
  for (const auto& message : result.events("message"))
    seen.emplace_back(message.at("name"), message.at("status"));
  CHECK(seen == statuses);
  const auto summary = result.out_json().back();
  CHECK(summary.at("connections") == 1);
  CHECK(summary.at("stream_bytes") == bytes);
  CHECK(summary.at("message_bytes") == bytes);
}

}  // namespace

TEST_CASE("a SYN that is answered twice: all bytes of both directions, each status its own") {
  check_capture("two-synacks.pcap", {{"a", 404}, {"b", 202}}, 524);
}

TEST_CASE("TCP Fast Open is one connection, and shifts no outcome") {
  check_capture("fast-open.pcap", {{"tfo.one", 404}, {"two", 202}}, 536);
}

}  // namespace e2e_tcp_test
