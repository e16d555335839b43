// The actors of tests/examples/actors, each as a user runs it.
#include <doctest/doctest.h>
#include <signal.h>

#include <optional>

#include "support/harness.h"

namespace e2e_actors_test {

using namespace e2e;

namespace {

const std::string mesos = "mesos.internal.";

/// The arguments of a serve whose child is that example.
Arguments actor(const std::string& id, const std::string& interpreter, const std::string& file,
                const std::string& argument = {}) {
  return {id, "--exec",
          interpreter + " '" SOURCE_ROOT "/tests/examples/actors/" + file + "' " + argument};
}

/// A message from a peer, once it is accepted.
void send_as(const Peer& sender, const Served& receiver, const std::string& name,
             const std::string& body = {}) {
  Client client(receiver.port());
  const auto id = receiver.pid().substr(0, receiver.pid().find('@'));
  client.send(message(id, name, body, sender.pid()));
  CHECK(client.statuses(1) == std::vector<int>{202});
}

/// The bodies of its requests of that name, when there are so many requests in all.
std::vector<std::string> told(const Peer& peer, const std::string& name, std::size_t requests) {
  std::vector<std::string> bodies;
  for (const auto& request : peer.wait_requests(requests)) {
    if (request.line == "POST /peer/" + name + " HTTP/1.1") bodies.push_back(request.body);
  }
  return bodies;
}

/// The next message of that name.
Json wait_for(Served& served, const std::string& name) {
  auto message = served.message();
  while (message.at("name") != name) message = served.message();
  return message;
}

/// A master of an address that is nobody else's: after its death another one can have it.
Arguments master(const std::string& port, const std::string& request, const std::string& answer) {
  return {"master",
          "--ip",
          "127.0.0.2",
          "--port",
          port,
          "--reply",
          mesos + request + "=" + mesos + answer + R"(:{"slave_id": {"value": "agent-1"}})"};
}

}  // namespace

TEST_CASE("store.sh keeps values and hands them out") {
  Served store(actor("store", "bash", "store.sh"));
  const auto get = [&](const std::string& key) {
    const auto result = run({"send", store.pid(), "get", key, "--expect", "value", "--json"});
    CHECK(result.exit == 0);
    return result.events("message").at(0).at("body_text");
  };
  CHECK(get("colour") == "");
  CHECK(run({"send", store.pid(), "set", "colour=green"}).exit == 0);
  CHECK(run({"send", store.pid(), "set", "$(exit) \"a]=b=c\nd"}).exit == 0);
  CHECK(get("colour") == "green");
  CHECK(get("$(exit) \"a]") == "b=c\nd");
  CHECK(run({"send", store.pid(), "set", "colour=red"}).exit == 0);
  CHECK(get("colour") == "red");
  CHECK(get("") == "");
  CHECK(store.stop(SIGTERM).err == "");
}

TEST_CASE("store.sh answers who asked, not who came last") {
  Served store(actor("store", "bash", "store.sh"));
  Peer one;
  Peer two;
  Client client(store.port());
  client.send(message("store", "set", "a=1") + message("store", "set", "b=2") +
              message("store", "get", "a", one.pid()) + message("store", "get", "b", two.pid()));
  CHECK(told(one, "value", 1) == std::vector<std::string>{"1"});
  CHECK(told(two, "value", 1) == std::vector<std::string>{"2"});
}

TEST_CASE("room.py tells its members what is said, and who is gone") {
  Served room(actor("room", "python3", "room.py"));
  std::optional<Peer> one;
  one.emplace();
  Peer two;
  Peer deaf([](const Request& request) {
    return response(request.line.find("/heard ") == std::string::npos ? 202 : 404);
  });
  for (const Peer* peer : {&*one, &two}) {
    send_as(*peer, room, "join");
    CHECK(told(*peer, "welcome", 1).size() == 1);
  }
  send_as(two, room, "say", "hello");
  CHECK(told(*one, "heard", 2) == std::vector<std::string>{"hello"});
  CHECK(told(two, "heard", 2) == std::vector<std::string>{"hello"});

  const auto gone = one->pid() + " is gone";
  one.reset();
  CHECK(told(two, "heard", 3) == std::vector<std::string>{"hello", gone});

  send_as(deaf, room, "join");
  CHECK(told(deaf, "welcome", 1).size() == 1);
  send_as(two, room, "say", "anybody?");
  CHECK(told(two, "heard", 5) ==
        std::vector<std::string>{"hello", gone, "anybody?", deaf.pid() + " is gone"});
}

TEST_CASE("agent.py registers until it is answered, and says what it is") {
  const auto port = std::to_string(free_port());
  Served agent(actor("slave(1)", "python3", "agent.py", "master@127.0.0.2:" + port));
  Served silent({"master", "--ip", "127.0.0.2", "--port", port});
  for (int i = 0; i < 2; ++i) {
    const auto registration = silent.message();
    CHECK(registration.at("name") == mesos + "RegisterSlaveMessage");
    CHECK(registration.at("from") == agent.pid());
    const auto& body = registration.at("body");
    const auto& slave = body.at("slave");
    CHECK(slave.at("hostname") == "127.0.0.1");
    CHECK(slave.at("port") == agent.port());
    CHECK(slave.at("resources").at(0).at("name") == "cpus");
    CHECK(slave.at("resources").at(0).at("scalar").at("value") > 0);
    CHECK_FALSE(slave.contains("id"));
    CHECK(body.at("version").get<std::string>().starts_with("1."));
    CHECK(body.at("agent_capabilities").at(0).at("type") == "MULTI_ROLE");
    CHECK_FALSE(registration.contains("body_error"));
    CHECK_FALSE(registration.contains("body_unknown"));
  }
}

TEST_CASE("agent.py is a live agent, outlives its master, and keeps its id") {
  const auto port = std::to_string(free_port());
  std::optional<Served> boss;
  boss.emplace(master(port, "RegisterSlaveMessage", "SlaveRegisteredMessage"));
  Served agent(actor("slave(1)", "python3", "agent.py", boss->pid()));
  CHECK(boss->message().at("name") == mesos + "RegisterSlaveMessage");
  wait_for(agent, mesos + "SlaveRegisteredMessage");
  CHECK(run({"ping", agent.pid(), "--mode", "agent", "-c", "1", "-W", "30s"}).exit == 0);

  CHECK(boss->stop(SIGTERM).exit == 0);
  boss.reset();
  CHECK(agent.process().event("exited").at("pid") == "master@127.0.0.2:" + port);
  boss.emplace(master(port, "ReregisterSlaveMessage", "SlaveReregisteredMessage"));
  auto again = boss->message();
  CHECK(again.at("name") == mesos + "ReregisterSlaveMessage");
  CHECK(again.at("body").at("slave").at("id").at("value") == "agent-1");
  wait_for(agent, mesos + "SlaveReregisteredMessage");

  // What a master says to an agent that it believes to be gone.
  CHECK(run({"send", agent.pid(), mesos + "PingSlaveMessage", R"({"connected": false})", "--expect",
             mesos + "PongSlaveMessage"})
            .exit == 0);
  CHECK(boss->message().at("name") == mesos + "ReregisterSlaveMessage");

  CHECK(run({"send", agent.pid(), mesos + "ShutdownMessage", "{}"}).exit == 0);
  CHECK(agent.process().finish().exit == 0);
}

}  // namespace e2e_actors_test
