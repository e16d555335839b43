// What the tests do where a place cannot do what they need, and what the program does there.
#include "support/place.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_place_test {

using namespace e2e;

namespace {

const std::string unit = BUILD_ROOT "/unit";

std::string self() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

/// These tests, of this program, where a skip is noted in `book`.
Result run_tests(const std::string& names, const std::string& book, Environment more = {}) {
  more.insert({"COMPACTOR_SKIPPED", book});
  return run({"--test-case=" + names, "--no-skip"}, {.environment = more, .program = self()});
}

/// A program as root without any capability, as it is in a careful container.
Arguments without_capabilities(const std::string& program, const Arguments& arguments) {
  Arguments words{"--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--", program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

// The next two run only when they are asked for by name.
TEST_CASE("specimen: what the place cannot do" * doctest::skip()) {
  NEEDS(place::Lack("there is no moon"));
  FAIL("it was not skipped");
}

TEST_CASE("specimen: what it can do" * doctest::skip()) {
  NEEDS(place::Lack());
}

TEST_CASE("a test that the place cannot run is skipped by name, with the reason") {
  const auto book = temporary_file("book", "");
  const auto skipped = run_tests("specimen: what the place cannot do", book);
  CHECK(skipped.exit == place::kAllSkipped);
  const std::string line = "place_test.cc: specimen: what the place cannot do: there is no moon\n";
  CHECK(has(skipped.out, "SKIPPED " + line));
  CHECK(contents(book) == line);
  // With one that ran, it is no skip of all; the book has it all the same.
  CHECK(run_tests("specimen: *", book).exit == 0);
  CHECK(contents(book) == line + line);
  CHECK(run_tests("specimen: what it can do", book).exit == 0);
  CHECK(contents(book) == line + line);
}

TEST_CASE("with CI=true a skip is a failure") {
  const auto book = temporary_file("book", "");
  for (const char* yes : {"true", "1"}) {
    const auto failed = run_tests("specimen: *", book, {{"CI", yes}});
    CHECK(failed.exit == 1);
    CHECK(has(failed.out, "cannot be run: there is no moon"));
  }
  CHECK(run_tests("specimen: what it can do", book, {{"CI", "true"}}).exit == 0);
  CHECK(contents(book).empty());
  CHECK(run_tests("specimen: *", book, {{"CI", "false"}}).exit == 0);
}

TEST_CASE("without capabilities: tests of a network of their own are skipped") {
  NEEDS(place::another_user());
  const auto book = temporary_file("book", "");
  const auto result = run(without_capabilities(unit, {"--source-file=*/actor/vanish_test.cc"}),
                          {.environment = {{"COMPACTOR_SKIPPED", book}}, .program = "setpriv"});
  CHECK(result.exit == place::kAllSkipped);
  CHECK(lines_of(contents(book)).size() == 2);
  CHECK(has(contents(book), "vanish_test.cc: a linked peer that vanishes"));
}

TEST_CASE("without the name localhost: tests of it are skipped") {
  NEEDS(place::own_network());
  const auto result = run_apart(
      "touch empty; for file in hosts resolv.conf; do mount --bind empty /etc/$file; done\n"
      "printf 'hosts: files\\n' >only-files; mount --bind only-files /etc/nsswitch.conf\n"
      "COMPACTOR_SKIPPED=$PWD/book " +
      unit + " '--test-case=a host name is looked up' || [ $? = 77 ]; cat book");
  CHECK(has(result.out, "send_test.cc: a host name is looked up: the name localhost is not known"));
}

TEST_CASE("without capabilities: serve works, and what cannot be done is said") {
  NEEDS(place::another_user());
  Background serve(without_capabilities(COMPACTOR_PROGRAM, {"serve", "x", "--echo", "--json"}),
                   {.program = "setpriv"});
  const std::string pid = serve.event("serving").at("pid");
  const auto sent = run(without_capabilities(COMPACTOR_PROGRAM, {"send", pid, "greet", "hello",
                                                                 "--expect", "greet", "--json"}),
                        {.program = "setpriv"});
  CHECK(sent.exit == 0);
  CHECK(sent.events("message").at(0).at("body_text") == "hello");
  serve.signal(SIGTERM);
  const auto result = serve.finish();
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  const auto sniffed = run(without_capabilities(COMPACTOR_PROGRAM, {"sniff", "-i", "lo", "--json"}),
                           {.program = "setpriv"});
  CHECK(sniffed.exit == 6);
  CHECK(has(sniffed.errors().at(0).at("hint"), "setcap cap_net_raw=ep"));
}

TEST_CASE("without capabilities: sniff -r as root reads on, or says what it lacks") {
  NEEDS(place::another_user());
  const std::string capture = TEST_DATA "/captures/compactor/01-ping-pong.pcap";
  const auto lacking =
      run(without_capabilities(COMPACTOR_PROGRAM, {"sniff", "-r", capture, "--json"}),
          {.program = "setpriv"});
  CHECK(lacking.exit == 6);
  CHECK(has(lacking.errors().at(0).at("message"), "cannot become user nobody"));
  CHECK(has(lacking.errors().at(0).at("hint"), "-Z '' stays root"));
  CHECK(run(without_capabilities(COMPACTOR_PROGRAM, {"sniff", "-r", capture, "-Z", ""}),
            {.program = "setpriv"})
            .exit == 0);
}

}  // namespace e2e_place_test
