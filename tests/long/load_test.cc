// The large ones: 100,000 messages, 10,000 connections, minutes.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "support/elsewhere.h"
#include "support/harness.h"

namespace long_load_test {

using namespace e2e;

namespace {

double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  double ticks = 0;
  for (int i = 0; i < 13 && fields >> field; ++i) {
    if (i >= 11) ticks += std::stod(field);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// By the beginning of each line: parsing and validating so many would take longer than the run.
void count_messages(Background& served, int count) {
  for (int i = 0; i < count;) {
    const auto line = served.line();
    REQUIRE(line);
    if (line->starts_with("{\"type\":\"message\",")) ++i;
  }
}
void count_messages(Served& served, int count) {
  count_messages(served.process(), count);
}

Arguments operator+(Arguments some, const Arguments& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

}  // namespace

TEST_CASE("100,000 messages of a sender that exits at once all arrive") {
  Served served({"sink"});
  Background send({"send", served.pid(), "m", "--repeat", "100000", "--size", "100", "--json"});
  count_messages(served, 100'000);
  CHECK(send.finish().exit == 0);
  CHECK(served.stop(SIGTERM).out_json().back().at("messages") == 100'000);
}

TEST_CASE("the same when the receiver is stopped in the middle") {
  Served served({"sink"});
  Background send({"send", served.pid(), "m", "--repeat", "100000", "--size", "100", "--json",
                   "--timeout", "1m"});
  count_messages(served, 500);
  served.process().signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  served.process().signal(SIGCONT);
  count_messages(served, 99'500);
  auto result = send.finish();
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("accepted") == 100'000);
  CHECK(served.stop(SIGTERM).out_json().back().at("messages") == 100'000);
}

TEST_CASE("a flood of pings is answered whole") {
  Served served({"echo", "--no-pong", "--echo"});
  auto result = run({"ping", served.pid(), "--mode", "reply", "--name", "x", "--reply-name", "x",
                     "-f", "-c", "20000", "-q", "--json"});
  CHECK(result.exit == 0);
  CHECK(result.out_json().back().at("answered") == 20'000);
}

TEST_CASE("10,000 idle connections stay up for a minute and cost little") {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 20'000) NEEDS(place::Lack("it takes 20,000 descriptors"));
  Served served({"sink"});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10'000; ++i) clients.push_back(std::make_unique<Client>(served.port()));
  clients.back()->send(message("sink", "m", ""));
  CHECK(clients.back()->statuses(1) == std::vector<int>{202});
  auto before = cpu_seconds(served.process().pid());
  std::this_thread::sleep_for(std::chrono::seconds(60));
  CHECK(cpu_seconds(served.process().pid()) - before < 1);
  CHECK(resident_mb(served.process().pid()) < 80);
  for (auto& client : clients) client->send(message("sink", "still", ""));
  for (auto& client : clients) CHECK(client->statuses(1).front() == 202);
}

TEST_CASE("a linked peer that vanishes without FIN is told by keep-alive alone") {
  NEEDS(Elsewhere::lack());
  Elsewhere elsewhere;
  const auto served = elsewhere.in([&] {
    return std::make_unique<Served>(Arguments{"x", "--ip", elsewhere.there()});
  });
  Background link({"link", served->pid(), "--ip", elsewhere.here(), "--probe", "0", "--json"});
  link.event("linked");
  elsewhere.vanish();
  std::this_thread::sleep_for(std::chrono::seconds(20));  // more than event() waits for
  const auto reason = link.event("exited").at("reason");
  CHECK((reason == "timed_out" || reason == "unreachable"));
  CHECK(link.finish().exit == 0);
}

TEST_CASE("100,000 messages at full speed, seen on the loopback interface") {
  NEEDS(place::live_capture());
  Served served({"sink"});
  Background sniff({"sniff", "-i", "lo", "--port", std::to_string(served.port()), "--json"});
  std::vector<Json> lines;
  // Nothing else tells that the capture has begun, and that it has come so far.
  auto knock = [&](const std::string& name) {
    Background knocking({"send", served.pid(), name, "--repeat", "600", "--rate", "20/s"});
    do {
      const auto line = sniff.line();
      REQUIRE(line);
      lines.push_back(Json::parse(*line));
    } while (lines.back().value("name", "") != name);
  };
  const std::uint64_t count = 100'000;
  const Arguments load{"send", served.pid(), "m", "--size", "100"};
  knock("before");
  CHECK(run(load + Arguments{"--repeat", std::to_string(count)}).exit == 0);
  knock("after");
  sniff.signal(SIGTERM);
  const auto rest = sniff.finish().out_json();
  lines.insert(lines.end(), rest.begin(), rest.end());

  const auto seen = static_cast<std::uint64_t>(std::count_if(
      lines.begin(), lines.end(), [](const Json& line) { return line.value("name", "") == "m"; }));
  const Json& ledger = lines.back();
  INFO(ledger.dump());
  // Every byte of the streams is somewhere.
  CHECK(ledger.at("stream_bytes") == ledger.at("message_bytes").get<std::uint64_t>() +
                                         ledger.at("http_bytes").get<std::uint64_t>() +
                                         ledger.at("passed_over_bytes").get<std::uint64_t>() +
                                         ledger.at("gap_bytes").get<std::uint64_t>());
  if (ledger.at("kernel_drops") == 0 && ledger.at("gaps") == 0) {
    CHECK(seen == count);
    CHECK(ledger.at("passed_over_bytes") == 0);
  } else {
    const auto size = run(load + Arguments{"--dry-run"}).out.size();
    CHECK(ledger.at("gap_bytes").get<std::uint64_t>() +
              ledger.at("passed_over_bytes").get<std::uint64_t>() >=
          (count - seen) * size);
  }
}

TEST_CASE("output that nobody reads pauses receiving at 64 MiB, and nothing is lost") {
  Background served({"serve", "x", "--json"});
  auto pid = served.event("serving").at("pid").get<std::string>();
  const int count = 2000;  // 200 MB of lines
  auto file = temporary_file("100k", std::string(100'000, 'y'));
  Background send({"send", pid, "m", "@" + file, "--repeat", std::to_string(count), "--json",
                   "--timeout", "1m"});
  std::this_thread::sleep_for(std::chrono::seconds(5));
  CHECK(resident_mb(served.pid()) < 300);
  count_messages(served, count);
  CHECK(send.finish().exit == 0);
  served.signal(SIGTERM);
  auto result = served.finish();
  CHECK(result.err.find("output is not being read") != std::string::npos);
}

}  // namespace long_load_test
