// Names of PIDs: unique, told once, bounded.
#include "output/short_names.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace output_short_names_test {

using tool::Naming;
using tool::ShortNames;

namespace {

std::string name_of(ShortNames& names, const std::string& pid) {
  const auto number = names.number_of(pid);
  return number == 0 ? pid : names.name(number);
}

}  // namespace

TEST_CASE("an actor of Mesos is called what it is, others by their id, each by another name") {
  ShortNames names(Naming::all);
  CHECK(name_of(names, "master@10.0.0.1:5050") == "master");
  CHECK(name_of(names, "slave(1)@10.0.0.5:5051") == "agent");
  CHECK(name_of(names, "slave(1)@10.0.0.6:5051") == "agent2");
  CHECK(name_of(names, "slave(1)@10.0.0.5:5051") == "agent");
  CHECK(name_of(names, "slave-observer(3)@10.0.0.1:5050") == "slave-observer(3)");
  CHECK(name_of(names, "echo@10.0.0.1:1") == "echo");
  CHECK(name_of(names, "echo@10.0.0.1:2") == "echo#2");
  // An id that is like a name that was given.
  CHECK(name_of(names, "agent3@10.0.0.1:3") == "agent3");
  CHECK(name_of(names, "slave(1)@10.0.0.7:5051") == "agent4");
}

TEST_CASE("a legend line comes once, before the first use") {
  ShortNames names(Naming::all);
  const auto agent = names.number_of("slave(1)@10.0.0.5:5051");
  std::string out;
  names.append_legend(out, {agent, agent}, false);
  CHECK(out == "agent              = slave(1)@10.0.0.5:5051\n");
  names.append_legend(out, {agent, 0}, false);
  CHECK(out.find('\n') == out.size() - 1);
}

TEST_CASE("who has no role of Mesos keeps the whole PID where only roles are named") {
  ShortNames names(Naming::roles);
  CHECK(names.number_of("compactor-send(7)@10.0.0.1:4711") == 0);
  CHECK(name_of(names, "slave(1)@10.0.0.5:5051") == "agent");
  names.add_known("echo@10.0.0.1:5050");
  CHECK(name_of(names, "echo@10.0.0.1:5050") == "echo");
  std::string out;
  names.append_legend(out, {names.number_of("echo@10.0.0.1:5050"), 0}, false);
  CHECK(out.empty());  // a line of its own has told it
  ShortNames none(Naming::none);
  CHECK(none.number_of("slave(1)@10.0.0.5:5051") == 0);
}

TEST_CASE("what peers make up is bounded, and cannot draw on the terminal") {
  ShortNames names(Naming::all);
  CHECK(name_of(names, "a\x1b[2J@1.1.1.1:1") == "a\\x1b[2J");
  CHECK(names.number_of(std::string(300, 'x') + "@1.1.1.1:1") == 0);
  CHECK(names.number_of("no address") == 0);
  CHECK(names.number_of("@1.1.1.1:1") == 0);
  std::set<std::string> given;
  std::size_t without = 0;
  for (int i = 0; i < 11'000; ++i) {
    const auto number = names.number_of("p@1.1.1.1:" + std::to_string(i));
    if (number == 0) ++without;
    if (number != 0) given.insert(names.name(number));
  }
  CHECK(given.size() + without == 11'000);  // no name twice
  CHECK(without > 900);
}

}  // namespace output_short_names_test
