// What makes its receiver abort is not sent, but with --force; a replay that brings somebody into a
// cluster is told of.
#include <doctest/doctest.h>
#include <signal.h>

#include <string>

#include "support/harness.h"

namespace e2e_fatal_test {

using namespace e2e;

namespace {

const std::string run_task = "mesos.internal.RunTaskMessage";
const std::string acknowledgement = "mesos.internal.StatusUpdateAcknowledgementMessage";
const std::string bad_acknowledgement =
    R"({"slave_id":{"value":"S0"},"framework_id":{"value":"F"},"task_id":{"value":"t"},)"
    R"("uuid":"AAAA"})";

}  // namespace

TEST_CASE("send: exit 2 with the reason, and nothing is sent; --force sends it") {
  Peer peer;
  const auto refused = run({"send", peer.pid("slave(1)"), acknowledgement, bad_acknowledgement});
  CHECK(refused.exit == 2);
  CHECK(
      has(refused.err, acknowledgement + ": an agent or an executor aborts on an acknowledgement"));
  CHECK(has(refused.err, "--force sends it"));
  // To whom it does no harm it goes.
  CHECK(run({"send", peer.pid("own"), acknowledgement, bad_acknowledgement}).exit == 0);
  const auto forced = run(
      {"send", peer.pid("slave(1)"), acknowledgement, bad_acknowledgement, "--force", "--json"});
  CHECK(forced.exit == 0);
  REQUIRE(forced.err_json().size() == 1);
  CHECK(forced.err_json()[0].at("type") == "warning");
  CHECK(peer.wait_requests(2).size() == 2);
  // What the receiver cannot read does it no harm either: as before, a warning.
  CHECK(run({"send", peer.pid("slave(1)"), run_task, "hex:0a00"}).exit == 0);
}

TEST_CASE("send --batch stops before such a line, with its number") {
  Peer peer;
  const std::string good = R"({"name":"greet","body_text":"x"})";
  const std::string bad =
      R"({"name":")" + acknowledgement + R"(","body":)" + bad_acknowledgement + "}";
  const auto result = run({"send", peer.pid("executor(1)"), "--batch", "-", "--json"},
                          {.input = good + "\n" + bad + "\n" + good + "\n"});
  CHECK(result.exit == 2);
  REQUIRE(result.errors().size() == 1);
  CHECK(has(result.errors()[0].at("message"), "aborts"));
  CHECK(has(result.errors()[0].at("message"), "line 2"));
  CHECK(peer.wait_requests(1).size() == 1);
}

TEST_CASE("an action of serve --exec that would is not done; the actor is told, and so are we") {
  Peer peer;
  const auto send = [&](const std::string& name, const std::string& body) {
    return R"(echo '{"report":true,"send":{"to":")" + peer.pid("slave(1)") + R"(","name":")" +
           name + R"(",)" + body + "}}'; ";
  };
  // What it reads behind the message goes back to us as its errors.
  Served served({"x", "--exec-shell",
                 "read line; " + send(acknowledgement, "\"body\":" + bad_acknowledgement) +
                     send("after", R"("body_text":"")") +
                     "read line; echo \"$line\" >&2; read line; echo \"$line\" >&2; cat >&2"});
  CHECK(run({"send", served.pid(), "go"}).exit == 0);
  const auto requests = peer.wait_requests(1);
  CHECK(has(requests.at(0).line, "/after "));
  CHECK(run({"send", served.pid(), "end"}).exit == 0);
  served.message();
  served.message();
  const auto told = served.stop(SIGTERM).err;
  CHECK(has(told, "was not delivered: not sent: " + acknowledgement + ": an agent or an executor"));
  CHECK(has(told, R"(\"outcome\":\"failed\",\"reason\":\"not sent: )" + acknowledgement));
}

TEST_CASE("a replay that brings an agent or a framework to a master is told of once") {
  Peer peer;
  const std::string agent =
      R"({"type":"message","name":"mesos.internal.RegisterSlaveMessage","to":"master@1.1.1.1:1",)"
      R"("from":"slave(1)@1.1.1.1:2","body":{"slave":{"hostname":"h"},"version":"1.11.0"}})"
      "\n";
  const auto result =
      run({"send", peer.pid("master"), "--batch", "-", "--json", "--to", peer.pid("master")},
          {.input = agent + agent});
  CHECK(result.exit == 0);
  std::size_t told = 0;
  for (const auto& line : result.err_json())
    if (line.at("type") == "note" && has(line.at("message"), "an agent for there that is not"))
      ++told;
  CHECK(told == 1);
}

}  // namespace e2e_fatal_test
