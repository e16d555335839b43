#include "compactor/pid.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <unordered_set>

#include "compactor/error.h"

namespace base_pid_test {

using compactor::InvalidPid;
using compactor::Pid;

namespace {

std::string why_invalid(const std::string& text) {
  try {
    Pid::parse(text);
  } catch (const InvalidPid& invalid) {
    return invalid.what();
  }
  return "";
}

}  // namespace

TEST_CASE("parse: what libprocess and Mesos use") {
  CHECK(Pid::parse("master@10.0.0.5:5050") == Pid{"master", "10.0.0.5", 5050});
  CHECK(Pid::parse("slave(1)@10.0.0.7:5051") == Pid{"slave(1)", "10.0.0.7", 5051});
  CHECK(Pid::parse("scheduler-0d9a@10.0.0.9:41233") == Pid{"scheduler-0d9a", "10.0.0.9", 41233});
  CHECK(Pid::parse("__http__(3)@h:1") == Pid{"__http__(3)", "h", 1});
}

TEST_CASE("parse: what the Python library accepts") {
  CHECK(Pid::parse("@1.2.3.4:5") == Pid{"", "1.2.3.4", 5});
  CHECK(Pid::parse("a@:5") == Pid{"a", "", 5});
  CHECK(Pid::parse("a@localhost:5") == Pid{"a", "localhost", 5});
  CHECK(Pid::parse("a(1)/b c@1.2.3.4:5") == Pid{"a(1)/b c", "1.2.3.4", 5});
  CHECK(Pid::parse("a:b@1.2.3.4:5") == Pid{"a:b", "1.2.3.4", 5});
  CHECK(Pid::parse(" a @ 1.2.3.4 :5") == Pid{" a ", " 1.2.3.4 ", 5});
}

TEST_CASE("parse: what the Python library rejects") {
  for (const char* text : {"a", "", "a@1.2.3.4", "a@1.2.3.4:", "a@b@1.2.3.4:5", "a@1.2.3.4:5:6",
                           "a@[::1]:5", "a@1.2.3.4:x", "a@1.2.3.4:0x10"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Pid::parse(text), InvalidPid);
  }
}

TEST_CASE("parse: what only Python's int() takes for a port") {
  for (const char* port : {"-1", "99999", "65536", " 5 ", "5 ", "+5", "1_0", "\u0665", "5.0",
                           "18446744073709551617"}) {
    CAPTURE(port);
    CHECK_THROWS_AS(Pid::parse(std::string("a@1.2.3.4:") + port), InvalidPid);
  }
  CHECK(Pid::parse("a@h:0").port == 0);
  CHECK(Pid::parse("a@h:65535").port == 65535);
}

TEST_CASE("parse: the error says what is wrong") {
  CHECK(why_invalid("a").find("no '@'") != std::string::npos);
  CHECK(why_invalid("a@b@h:5").find("more than one '@'") != std::string::npos);
  CHECK(why_invalid("a@h").find("no port") != std::string::npos);
  CHECK(why_invalid("a@[::1]:5").find("IPv6") != std::string::npos);
  CHECK(why_invalid("a@h:x").find("port") != std::string::npos);
  CHECK(why_invalid("a@h:x").find("'a@h:x'") != std::string::npos);
}

TEST_CASE("from_peer: as libprocess reads a sender") {
  CHECK(Pid::from_peer("a@1.2.3.4:5") == Pid{"a", "1.2.3.4", 5});
  CHECK(Pid::from_peer(" \ta@1.2.3.4:5 ") == Pid{"a", "1.2.3.4", 5});
  CHECK(Pid::from_peer("@1.2.3.4:5") == Pid{"", "1.2.3.4", 5});
  CHECK(Pid::from_peer("a:b@1.2.3.4:5") == Pid{"a:b", "1.2.3.4", 5});
  // The id ends at the first '@': what is left here is a host that resolves to nothing, but it
  // reads.
  CHECK(Pid::from_peer("a@b@h:5") == Pid{"a", "b@h", 5});
  for (const char* text : {"", "garbage", "a@", "a@h", "a@h:", "a@:5", "a@h:x", "a@h:65536",
                           "a@h:5:6", "a@h:-1", "a@[::1]:5"}) {
    CAPTURE(text);
    CHECK_FALSE(Pid::from_peer(text).has_value());
  }
}

TEST_CASE("texts of a PID") {
  const Pid pid{"a(1)", "1.2.3.4", 5};
  CHECK(pid.str() == "a(1)@1.2.3.4:5");
  CHECK(pid.address() == "1.2.3.4:5");
  CHECK(pid.as_url() == "http://1.2.3.4:5/a(1)");
  CHECK(pid.as_url("ping") == "http://1.2.3.4:5/a(1)/ping");
  std::ostringstream out;
  out << pid;
  CHECK(out.str() == pid.str());
  CHECK(Pid::parse(pid.str()) == pid);
}

TEST_CASE("equality and hash are by the parts as given") {
  CHECK(Pid{"b", "localhost", 1} != Pid{"b", "127.0.0.1", 1});
  CHECK(Pid{"b", "h", 1} != Pid{"b", "h", 2});
  CHECK(Pid{"b", "h", 1} != Pid{"c", "h", 1});
  std::unordered_set<Pid> set;
  for (std::uint16_t port = 1; port <= 100; ++port) {
    set.insert(Pid{"a", "h", port});
    set.insert(Pid{"a", "h", port});
    set.insert(Pid{"h", "a", port});
  }
  CHECK(set.size() == 200);
  CHECK(set.contains(Pid{"h", "a", 100}));
  CHECK(std::hash<Pid>{}(Pid{"a", "h", 1}) != std::hash<Pid>{}(Pid{"h", "a", 1}));
}

}  // namespace base_pid_test
