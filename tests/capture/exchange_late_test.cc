// Exchanges where much is outstanding.
#include <doctest/doctest.h>

#include "support/talk.h"

namespace capture_exchange_late_test {

using namespace talk;  // NOLINT

namespace {

int status_of(std::size_t i) {
  return i % 7 == 0 ? 404 : 202;
}

}  // namespace

TEST_CASE("20,000 requests outstanding on a connection each get their own answer") {
  constexpr std::size_t count = 20'000;
  Talk talk;
  for (std::size_t i = 0; i < count; ++i) talk.ask(message(std::to_string(i)));
  for (std::size_t i = 0; i < count; ++i) talk.reply(answer(status_of(i)));
  talk.close();
  REQUIRE(talk.listener.messages.size() == count);
  std::size_t wrong = 0;
  for (const auto& told : talk.listener.messages)
    wrong += told.status != status_of(std::stoul(told.name)) ? 1 : 0;
  CHECK(wrong == 0);
  const auto& ledger = talk.tracker.ledger();
  CHECK(ledger.unanswered == 0);
  CHECK(ledger.uncertain == 0);
  CHECK(ledger.http_bytes == 0);
  CHECK(ledger.message_bytes == ledger.stream_bytes());
  CHECK(ExchangeOptions{}.unanswered >= 1'000'000);
}

TEST_CASE("requests that are forgotten for want of room are uncertain, not unanswered") {
  ExchangeOptions options;
  options.unanswered = 3;
  Talk talk(options);
  for (const char* name : {"a", "b", "c", "d", "e"}) talk.ask(message(name));
  for (const int status : {202, 202, 404, 405}) talk.reply(answer(status));
  talk.close();
  CHECK(talk.told() == "a=? b=? c=404 d=405 e=?");
  const auto& ledger = talk.tracker.ledger();
  CHECK(ledger.uncertain == 2);
  CHECK(ledger.unanswered == 1);  // e
}

}  // namespace capture_exchange_late_test
