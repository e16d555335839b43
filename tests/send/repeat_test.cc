#include <doctest/doctest.h>

#include "send/source.h"

namespace send_repeat_test {

namespace {

using tool::Source;

TEST_CASE("a message is repeated at its rate, however slow that is") {
  for (const double rate : {1e-7, 1e-300}) {
    CAPTURE(rate);
    const auto source = tool::repeat({}, 3, rate);
    source->begin();
    CHECK(source->next().next == Source::Next::message);
    const auto second = source->next();
    CHECK(second.next == Source::Next::wait);
    REQUIRE(second.at.has_value());
    CHECK(*second.at > tool::Steady::now() + std::chrono::hours(1));
  }
}

}  // namespace

}  // namespace send_repeat_test
