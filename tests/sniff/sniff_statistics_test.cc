// The tables of --stats, apart from any capture.
#include "sniff/sniff_statistics.h"

#include <doctest/doctest.h>

namespace sniff_sniff_statistics_test {

using tool::endpoint_of;

TEST_CASE("an endpoint is the path without what is different in each request") {
  CHECK(endpoint_of("/master/state") == "/master/state");
  CHECK(endpoint_of("/master/state?jsonp=x#y") == "/master/state");
  CHECK(endpoint_of("/slave(1)/api/v1/executor") == "/slave(*)/api/v1/executor");
  CHECK(endpoint_of("/frameworks/0d49ab02-3043-4de5-8f26-13b958a128fd-0004/x") ==
        "/frameworks/*/x");
  CHECK(endpoint_of("/tasks/17/") == "/tasks/*/");
  CHECK(endpoint_of("/api/v1") == "/api/v1");
  CHECK(endpoint_of("/deadbeef-cafe") == "/deadbeef-cafe");
  CHECK(endpoint_of("/f(x)/(1)") == "/f(x)/(1)");
  CHECK(endpoint_of("") == "");
}

}  // namespace sniff_sniff_statistics_test
