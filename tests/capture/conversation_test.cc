// What is told of random conversations, held against the truth: a status is the message's own, or
// none; no message is told that was not sent; every byte is accounted for.
#include "support/conversation.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

namespace capture_conversation_test {

using namespace capture_test;  // NOLINT

namespace {

struct Tally {
  std::uint64_t messages = 0;  // sent
  std::uint64_t told = 0;
  std::uint64_t without_status = 0;
  std::uint64_t missing = 0;
  std::uint64_t wrong = 0;
  std::uint64_t invented = 0;
};

/// How well it must do, in percent: as measured, with some room. So it cannot give up what it could
/// tell and still pass.
struct Bounds {
  std::uint64_t told = 100;          // of the messages sent, at least
  std::uint64_t without_status = 0;  // of those told that were answered, at most
};

Bounds bounds_of(Loss loss) {
  switch (loss) {
    case Loss::request:
      return {86, 45};
    case Loss::answer:
      return {100, 41};
    case Loss::late_start:
      return {38, 91};
    case Loss::none:
    case Loss::duplicated:
    case Loss::reordered:
      break;
  }
  return {};
}

std::uint64_t how_many() {
  const char* wanted = std::getenv("COMPACTOR_CONVERSATIONS");
  return wanted == nullptr ? 5'000 : std::strtoull(wanted, nullptr, 10);
}

void judge(const Conversation& conversation, const Result& result, Tally& tally) {
  tally.messages += conversation.statuses.size();
  std::map<std::string, int> seen;
  for (const Told& told : result.messages) {
    ++tally.told;
    const auto truth = conversation.statuses.find(told.name);
    const bool known = truth != conversation.statuses.end() && ++seen[told.name] == 1;
    if (!known) ++tally.invented;
    if (!known) continue;
    if (!told.status && truth->second) ++tally.without_status;
    if (told.status && told.status != truth->second) ++tally.wrong;
  }
  tally.missing += conversation.statuses.size() - seen.size();
}

}  // namespace

TEST_CASE("random conversations: nothing wrong, nothing invented, nothing unaccounted for") {
  const std::uint64_t wanted = how_many();
  for (const Loss loss : kLosses) {
    Tally tally;
    std::uint64_t shown = 0;
    for (std::uint32_t seed = 0; tally.messages < wanted; ++seed) {
      Random random(seed * 6 + static_cast<std::uint32_t>(loss));
      const Conversation conversation = converse(random, loss);
      const Result result = sniff(put_together(conversation.packets));
      const Tally before = tally;
      judge(conversation, result, tally);
      const bool exact = result.ledger.stream_bytes() ==
                             result.reassembly.delivered_bytes + result.reassembly.gap_bytes &&
                         result.ledger.messages == result.messages.size();
      const bool lossless =
          loss == Loss::none || loss == Loss::duplicated || loss == Loss::reordered;
      const bool complete =
          tally.missing == before.missing && tally.without_status == before.without_status;
      if (exact && tally.wrong == before.wrong && tally.invented == before.invented &&
          (complete || !lossless))
        continue;
      if (++shown > 5) continue;
      CAPTURE(static_cast<int>(loss));
      CAPTURE(seed);
      CHECK(exact);
      CHECK(tally.wrong == before.wrong);
      CHECK(tally.invented == before.invented);
      if (lossless) CHECK(complete);
    }
    CHECK(tally.wrong == 0);
    CHECK(tally.invented == 0);
    const Bounds bounds = bounds_of(loss);
    CHECK(tally.told * 100 >= tally.messages * bounds.told);
    CHECK(tally.without_status * 100 <= tally.told * bounds.without_status);
    MESSAGE("loss " << static_cast<int>(loss) << ": " << tally.messages << " messages, "
                    << tally.told << " told, " << tally.without_status << " without their status, "
                    << tally.missing << " missing, " << tally.wrong << " wrong, " << tally.invented
                    << " invented");
  }
}

}  // namespace capture_conversation_test
