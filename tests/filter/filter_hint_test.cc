// What is said when a filter has matched nothing: true, and what would.
#include "filter/filter_hint.h"

#include <doctest/doctest.h>

namespace filter_filter_hint_test {

using namespace tool;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {

MessageFilter with(const std::vector<std::string>& matches) {
  MessageFilter filter;
  for (const auto& match : matches) filter.fields.push_back(FieldMatch::parse(match));
  return filter;
}

/// After these answers.
Lines hints_after(
    const MessageFilter& filter,
    const std::vector<std::pair<std::optional<int>, std::optional<std::chrono::nanoseconds>>>&
        answers) {
  FilterHints hints(filter);
  hints.saw("a@1.1.1.1:1", "b@1.1.1.1:2", "greet");
  for (const auto& [status, latency] : answers) hints.saw_answer(status, latency);
  return hints.hints();
}

/// After these bodies.
Lines hints_of(const MessageFilter& filter, const std::vector<const char*>& bodies) {
  FilterHints hints(filter);
  hints.saw("a@1.1.1.1:1", "b@1.1.1.1:2", "greet");
  for (const auto* text : bodies) {
    const BodyDocument body{nlohmann::json::parse(text), {}};
    hints.saw_body(body, filter.judge_body(body));
  }
  return hints.hints();
}

}  // namespace

TEST_CASE("of --status and --slower the hint says what there is, and which of them it was") {
  MessageFilter slow;
  slow.slower = 5s;
  CHECK(hints_after(slow, {{202, 2ms}, {404, 3ms}, {{}, {}}}) ==
        Lines{"--slower 5s matches no answer here: the slowest took 3.00 ms"});
  CHECK(hints_after(slow, {{{}, {}}})[0].find("--status none") != std::string::npos);
  CHECK(hints_after(slow, {}).empty());  // none was asked about

  MessageFilter failed;
  failed.statuses = {StatusMatch::parse("4xx")};
  CHECK(hints_after(failed, {{202, 2ms}, {{}, {}}}) ==
        Lines{"--status matches no answer here: there is 202, none"});
  CHECK(hints_after(failed, {}).empty());

  MessageFilter both = slow;
  both.statuses = failed.statuses;
  CHECK(hints_after(both, {{404, 2ms}}) ==
        Lines{"--slower 5s matches no answer here: the slowest took 2.00 ms"});
  CHECK(hints_after(both, {{202, 6s}})[0].starts_with("--status matches no answer"));
  CHECK(hints_after(both, {{202, 6s}, {404, 2ms}}) ==
        Lines{"no message matches all of the filters at once"});

  FilterHints events(failed);
  events.saw(HttpSubject{.url = "/api/v1/scheduler"});
  events.saw_event();
  CHECK(events.hints() == Lines{"--status is about answers, and the events of a stream have none"});
}

TEST_CASE("an end of plain HTTP has several names, and a hint knows them all") {
  MessageFilter filter;
  filter.from = {"F-1"};
  filter.name = {"OFFERZ"};
  FilterHints hints(filter);
  hints.saw(HttpSubject{.from = {.address = "1.1.1.1:1", .ids = {"curl", "F-1"}},
                        .to = {.address = "1.1.1.1:2"},
                        .url = "/api/v1/scheduler?x",
                        .type = "mesos.v1.scheduler.Event",
                        .kind = "OFFERS"});
  const auto all = hints.hints();
  REQUIRE(all.size() == 1);
  CHECK(all[0].starts_with("--name OFFERZ matches no name here"));
  CHECK(all[0].find("/api/v1/scheduler, mesos.v1.scheduler.Event/OFFERS") != std::string::npos);

  filter.name = {};
  filter.from = {"nobody"};
  FilterHints unnamed(filter);
  unnamed.saw(HttpSubject{.from = {.address = "1.1.1.1:1"}, .to = {.address = "1.1.1.1:2"}});
  CHECK(unnamed.hints().at(0).ends_with("there is 1.1.1.1:1"));
  FilterHints nameless(filter);
  nameless.saw("", "b@1.1.1.1:2", "greet");
  CHECK(nameless.hints().at(0).ends_with("there is (none)"));
}

TEST_CASE("a hint on fields walks as --match does: an index is one element") {
  const char* body = R"({"tasks":[{"name":"a"},{"name":"b"}]})";
  CHECK(hints_of(with({"tasks.1.name=x"}), {body}) ==
        Lines{"--match tasks.1.name=x matches no body here: tasks.1.name is b"});
  CHECK(hints_of(with({"tasks.name=x"}), {body}) ==
        Lines{"--match tasks.name=x matches no body here: tasks.name is a, b"});
  CHECK(hints_of(with({"tasks.1=b"}), {body})[0].ends_with("--match tasks.1.name=b matches"));
  CHECK(hints_of(with({"tasks.7.name=x"}), {body})[0].find("no field tasks.7.name") !=
        std::string::npos);
}

TEST_CASE("of what a regular expression was not searched in to the end nothing is claimed") {
  const auto body = "{\"a\":\"" + std::string(300'000, 'x') + "\"}";
  CHECK(hints_of(with({"a~(x?){400}(x?){400}y"}), {body.c_str()}).empty());
}

TEST_CASE("why no body was looked into") {
  const auto filter = with({"a=b"});
  const auto after = [&](std::string_view name, bool has_type) {
    FilterHints hints(filter);
    hints.saw("a@1.1.1.1:1", "b@1.1.1.1:2", name);
    hints.saw_closed_body(name, has_type);
    return hints.hints().at(0);
  };
  CHECK(after("greet it", false).find("--type 'greet it=TYPE' says") != std::string::npos);
  CHECK(after("mesos.TaskID", true).find("those of mesos.TaskID do not") != std::string::npos);
  CHECK(after("", false).ends_with("into JSON, and there was none"));
}

TEST_CASE("what is to be typed is quoted so that a shell takes it") {
  MessageFilter filter;
  filter.name = {"it's"};
  FilterHints hints(filter);
  hints.saw("a@1.1.1.1:1", "b@1.1.1.1:2", "it's me");
  CHECK(hints.hints().at(0).find("--name 'it'\\''s*' matches it's me") != std::string::npos);
}

}  // namespace filter_filter_hint_test
