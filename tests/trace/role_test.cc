#include "trace/role.h"

#include <doctest/doctest.h>

namespace trace_role_test {

using namespace compactor::trace;

TEST_CASE("what an actor is, by its id") {
  CHECK(role_of("master@10.0.0.1:5050") == Role::master);
  CHECK(role_of("slave(1)@10.0.0.1:5051") == Role::agent);
  CHECK(role_of("slave-observer(12)@10.0.0.1:5050") == Role::slave_observer);
  CHECK(role_of("scheduler-f5bddf28-8d7e@10.0.0.1:1") == Role::scheduler);
  CHECK(role_of("scheduler(3)@10.0.0.1:1") == Role::scheduler);
  CHECK(role_of("executor(1)@10.0.0.1:1") == Role::executor);
  CHECK(role_of("crammd5-authenticator-session(2)@10.0.0.1:1") == Role::auth_session);
  CHECK(role_of("__req_res__(99)@10.0.0.1:1") == Role::req_res);
  CHECK(role_of("log-replica(1)@10.0.0.1:1") == Role::log_replica);
}

TEST_CASE("a name that only begins like one is somebody else's") {
  for (const char* id : {"master2", "slave", "slave(x)", "slave()", "slave(1)x", "slaver(1)", "",
                         "schedulers-1", "10.0.0.1:4711"}) {
    CAPTURE(id);
    CHECK(role_of(id) == Role::unknown);
  }
  CHECK(title_of("web(1)@10.0.0.1:1") == "web(1)");
  CHECK(title_of("__req_res__(99)@10.0.0.1:1") == "master");
}

}  // namespace trace_role_test
