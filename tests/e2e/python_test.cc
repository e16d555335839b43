// The three programs of the documentation of the Python compactor, Python on one side and C++ on
// the other, both ways. The bytes of the Python side are recorded ones, with other ids and bodies.
#include <doctest/doctest.h>

#include <fstream>

#include "support/harness.h"

namespace e2e_python_test {

using namespace e2e;

namespace {

const std::string leader = BUILD_ROOT "/example_leader";
const std::string documented = BUILD_ROOT "/example_documented";
const std::string uuid("\x00\r\n\r\n\xff%7d\x80 0123456", 16);

std::string recorded(const std::string& name) {
  std::ifstream in(TEST_DATA "/captures/compactor/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

/// What Python sends: the recorded ping of client to echo, made another message.
std::string from_python(const std::string& from, const std::string& to, const std::string& name,
                        const std::string& body) {
  auto bytes = recorded("01-ping-pong.s1.c2s.bin");
  bytes = replaced(bytes, "/echo/ping ", "/" + to + "/" + name + " ");
  bytes = replaced(bytes, "Length: 5", "Length: " + std::to_string(body.size()));
  bytes = replaced(bytes, "client@127.0.0.1:15052", from);
  return replaced(bytes, "\r\n\r\nhello", "\r\n\r\n" + body);
}

/// What a Python receiver answers to what it takes: a path and a sender that are exact.
std::string answer_of_python(const Request& request, const std::string& path) {
  const bool taken = request.line.starts_with("POST " + path + " HTTP/1.") &&
                     request.header("Libprocess-From").find('@') != std::string::npos;
  return taken ? recorded("01-ping-pong.s1.s2c.bin") : response(405);
}

std::uint16_t port_of(const std::string& pid) {
  return static_cast<std::uint16_t>(std::stoi(pid.substr(pid.rfind(':') + 1)));
}

std::string sender_of(const Request& request) {
  return request.header("Libprocess-From");
}

}  // namespace

TEST_CASE("what is made here of recorded bytes is what was recorded of such messages") {
  CHECK(from_python("client@127.0.0.1:15052", "echo", "ping", "") ==
        recorded("02-empty-body.s1.c2s.bin"));
  CHECK(from_python("echo@127.0.0.1:15051", "client", "pong", "hello") ==
        recorded("01-ping-pong.s2.c2s.bin"));
}

TEST_CASE("ping: Python's client, our process") {
  Background process({"pinged"}, {.program = documented});
  const auto pid = process.line().value();
  Client client(port_of(pid));
  client.send(from_python("client@127.0.0.1:15052", "ping_process", "ping", ""));
  CHECK(client.statuses(1) == std::vector<int>{202});
  CHECK(process.line() == "pinged by client");
  CHECK(process.finish().exit == 0);
}

TEST_CASE("ping: our client, Python's process") {
  Peer python(
      [](const Request& request) { return answer_of_python(request, "/ping_process/ping"); });
  const auto ours = run({"ping", python.pid("ping_process")}, {.program = documented});
  CHECK(ours.out == "accepted\n");
  CHECK(python.requests().at(0).body.empty());
}

TEST_CASE("leader and follower: Python's follower gets its uuid from our leader, and its exit") {
  Peer python(
      [](const Request& request) { return answer_of_python(request, "/follower1/registered"); });
  Background lead({"lead"}, {.program = leader});
  const auto pid = lead.line().value();
  Client follower(port_of(pid));  // and its link: Python has one connection for both
  follower.send(from_python(python.pid("follower1"), "leader", "register", uuid));
  CHECK(follower.statuses(1) == std::vector<int>{202});
  const auto registered = python.wait_requests(1)[0];
  CHECK(registered.line == "POST /follower1/registered HTTP/1.1");
  CHECK(registered.body == uuid);
  CHECK(sender_of(registered) == pid);
  CHECK(lead.line() == "follower1 registers");
  CHECK(lead.finish().exit == 0);
  CHECK(follower.at_end());
}

TEST_CASE("leader and follower: our follower registers with Python's leader, and sees its exit") {
  Peer python([](const Request& request) { return answer_of_python(request, "/leader/register"); });
  Background follow({"follow", python.pid("leader")}, {.program = leader});
  const auto request = python.wait_requests(1)[0];
  CHECK(request.body.size() == 16);
  const auto answer = [&](const std::string& body) {
    return from_python(python.pid("leader"), "follower", "registered", body);
  };
  Client back(port_of(sender_of(request)));
  back.send(answer("the uuid of another"));
  back.send(answer(request.body));
  CHECK(back.statuses(2) == std::vector<int>{202, 202});
  CHECK(follow.line() == "registered with leader");
  python.close_connections();
  CHECK(follow.line() == "leader exited");
  CHECK(follow.finish().exit == 0);
}

TEST_CASE("protobuf service: Python's client, our service") {
  const auto path = "/py_protobuf/google.protobuf.DescriptorProto";
  Peer python([&](const Request& request) { return answer_of_python(request, path); });
  Background service({"service"}, {.program = documented});
  const auto pid = service.line().value();
  Client client(port_of(pid));
  client.send(replaced(recorded("08-protobuf.s1.c2s.bin"), "py_protobuf@127.0.0.1:15052",
                       python.pid("py_protobuf")));
  CHECK(client.statuses(1) == std::vector<int>{202});
  // The recorded service of Python answers the same.
  const auto theirs = recorded("08-protobuf.s2.c2s.bin");
  CHECK(python.wait_requests(1)[0].body == theirs.substr(theirs.find("\r\n\r\n") + 4));
  CHECK(service.finish().exit == 0);
}

TEST_CASE("protobuf service: our client, Python's service") {
  const auto path = "/service/google.protobuf.DescriptorProto";
  Peer python([&](const Request& request) { return answer_of_python(request, path); });
  Background customer({"request", python.pid("service")}, {.program = documented});
  const auto request = python.wait_requests(1)[0];
  CHECK(request.body == std::string("\n\x03") + "Foo");
  auto reply = recorded("08-protobuf.s2.c2s.bin");
  reply = replaced(reply, "/py_protobuf/", "/customer/");
  reply = replaced(reply, "service@127.0.0.1:15051", python.pid("service"));
  Client back(port_of(sender_of(request)));
  back.send(reply);
  CHECK(back.statuses(1) == std::vector<int>{202});
  CHECK(customer.line() == "service says reply:Foo");
  CHECK(customer.finish().exit == 0);
}

}  // namespace e2e_python_test
