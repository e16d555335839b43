// sniff --http: streams of events with a hole, and those met in the middle.
#include <doctest/doctest.h>

#include "support/harness.h"

namespace e2e_event_stream_test {

using namespace e2e;

namespace {

const std::string streams = TEST_DATA "/streams/";

Result sniff(const std::string& file) {
  return run({"sniff", "-r", streams + file, "--json", "--http"});
}

}  // namespace

TEST_CASE("a hole of one event costs that event, and no other") {
  const auto result = sniff("hole.pcap");
  const auto events = result.events("http_event");
  REQUIRE(events.size() == 6);
  for (const auto& event : events) {
    CHECK(event.at("url") == "/api/v1/scheduler");
    CHECK(event.at("seq") == 1);
    CHECK(event.value("partial", false) == (event.at("event") == 2));
  }
  const auto summary = result.events("summary").at(0);
  CHECK(summary.at("gap_bytes") == 29);
  CHECK(summary.at("passed_over_bytes") == 0);
}

TEST_CASE("a stream is joined in the middle") {
  const auto events = sniff("met-in-the-middle.pcap").events("http_event");
  REQUIRE(events.size() == 5);
  CHECK(events[0].at("url") == "");
  CHECK(events[0].at("seq") == 0);
  CHECK(events[0].at("partial") == true);
  CHECK(events[0].at("src") == "10.9.0.2:5050");
  const auto text = run({"sniff", "-r", streams + "met-in-the-middle.pcap", "--http"});
  CHECK(text.out.find("event of an unknown stream: Event") != std::string::npos);
}

TEST_CASE("events that stand in an event, behind a hole in it, are not told") {
  const auto result = sniff("events-in-an-event.pcap");
  CHECK(result.events("http_event").size() == 3);
  CHECK(result.out.find("SMUGGLED") == std::string::npos);
  CHECK(result.events("summary").at(0).at("passed_over_bytes") == 62);
}

}  // namespace e2e_event_stream_test
