#include "schema/guess.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "schema/json_reader.h"
#include "schema/template.h"

namespace schema_guess_test {

namespace {

using namespace compactor::schema;

bool holds(const std::vector<Guess>& guesses, const std::string& type) {
  return std::any_of(guesses.begin(), guesses.end(),
                     [&](const Guess& guess) { return guess.type->full_name() == type; });
}

TEST_CASE("a filled message is among the types that are guessed of it, and they are in order") {
  const Catalog catalog;
  JsonReader reader(catalog);
  TypeGuesser guesser(catalog);
  int first = 0;
  int tried = 0;
  for (const std::string& name : catalog.list("mesos.internal.*Message")) {
    CAPTURE(name);
    const auto& type = catalog.get(name);
    const std::string bytes = reader.encode(type, json_template(type));
    if (bytes.empty()) continue;
    const auto guesses = guesser.types_of(bytes);
    CHECK(holds(guesses, name));
    for (std::size_t i = 1; i < guesses.size(); ++i) CHECK(guesses[i - 1].fit >= guesses[i].fit);
    ++tried;
    first += static_cast<int>(!guesses.empty() && guesses.front().type->full_name() == name);
  }
  CHECK(tried > 50);
  MESSAGE(first << " of " << tried << " come first");
  CHECK(first > tried / 2);
}

TEST_CASE("what does not fit is not guessed") {
  const Catalog catalog;
  TypeGuesser guesser(catalog);
  CHECK(guesser.types_of("").empty());
  CHECK(guesser.types_of("\xff\xff").empty());
  const std::string ping = "mesos.internal.PingSlaveMessage";
  CHECK(holds(guesser.types_of("\x08\x01"), ping));
  CHECK_FALSE(holds(guesser.types_of("\x08\x02"), ping));          // no bool
  CHECK_FALSE(holds(guesser.types_of("\x08\x01\x10\x01"), ping));  // an unknown field
  CHECK_FALSE(holds(guesser.types_of("\x08\x01\x08\x01"), ping));  // twice
  // A required field that comes twice does not stand in for another one.
  const std::string again =
      "\x0a\x01"
      "a\x1a\x03\x0a\x01"
      "b\x0a\x01"
      "a";
  for (const char* type : {"mesos.Role", "mesos.FrameworkInfo", "mesos.TaskInfo"})
    CHECK_FALSE(holds(guesser.types_of(again), type));
  const std::string filters = "mesos.Filters";
  CHECK_FALSE(holds(guesser.types_of("\x08\x01"), filters));                 // another wire type
  CHECK_FALSE(holds(guesser.types_of("\x0a\x02\xff\xfe"), "mesos.TaskID"));  // no UTF-8
  CHECK_FALSE(holds(guesser.types_of("\x10\x05"), "mesos.TaskStatus"));      // no task_id
}

}  // namespace

}  // namespace schema_guess_test
