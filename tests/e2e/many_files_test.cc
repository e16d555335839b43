// sniff -r: several files as one, compressed ones, and recordings.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "support/documents.h"
#include "support/harness.h"

namespace e2e_many_files_test {

using namespace e2e;

namespace {

const std::string execute = TEST_DATA "/captures/mesos/execute.pcap";

struct Folder {
  std::filesystem::path path = std::filesystem::path(BUILD_ROOT) / "many_files_test.d";
  Folder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return path / name; }
};

/// The capture in parts: what `tcpdump -w` leaves when it is told to begin another file.
std::vector<std::string> parts(const Folder& folder) {
  const auto bytes = contents(execute);
  std::vector<std::string> names;
  std::ofstream out;
  std::size_t packets = 0;
  for (std::size_t at = 24; at + 16 <= bytes.size();) {
    if (packets++ % 40 == 0) {
      names.push_back(folder.file("part" + std::to_string(names.size()) + ".pcap"));
      out = std::ofstream(names.back(), std::ios::binary);
      out << bytes.substr(0, 24);
    }
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at + 8, sizeof size);
    out << bytes.substr(at, 16 + size);
    at += 16 + size;
  }
  return names;
}

std::vector<Json> messages(const Arguments& arguments, const Settings& settings = {}) {
  Arguments all{"sniff", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const auto result = run(all, settings);
  CHECK(result.exit == 0);
  auto found = result.events("message");
  for (auto& message : found) message.erase("conn");  // the number of a connection may differ
  return found;
}

}  // namespace

TEST_CASE("a rotated set is one capture, in whatever order it is named, and as a glob") {
  const Folder folder;
  const auto names = parts(folder);
  REQUIRE(names.size() > 2);
  const auto whole = messages({"-r", execute});
  CHECK(whole.size() == 22);
  CHECK(messages({"-r", names[2], "-r", names[0], "-r", names[3], "-r", names[1]}) == whole);
  CHECK(messages({"-r", folder.file("part*.pcap")}) == whole);
  const auto result = run({"sniff", "-r", folder.file("part*.pcap"), "--json"});
  CHECK(result.events("capture").size() == names.size());
  CHECK(result.events("capture")[0].at("file") == names[0]);
  CHECK(result.events("capture")[0].at("packets") == 40);
  const auto text = run({"sniff", "-r", folder.file("part*.pcap")});
  CHECK(has(text.out, names[0] + ": 40 packets, "));
}

TEST_CASE("compressed files are read, also from standard input") {
  const Folder folder;
  const auto whole = messages({"-r", execute});
  for (const std::string program : {"gzip", "zstd"}) {
    CAPTURE(program);
    const auto packed = run({"-c", execute}, {.program = program});
    REQUIRE(packed.exit == 0);
    const auto name = folder.file("packed");
    std::ofstream(name, std::ios::binary) << packed.out;
    CHECK(messages({"-r", name}) == whole);
    CHECK(messages({"-r", "-"}, {.input = packed.out}) == whole);
  }
  const auto packed = run({"-c", execute}, {.program = "gzip"}).out.substr(0, 3000);
  CHECK(has(run({"sniff", "-r", "-"}, {.input = packed}).err, "what comes before is shown"));
  CHECK(run({"sniff", "-r", "-", "--strict"}, {.input = packed}).exit == 1);
}

TEST_CASE("lines come in the order of time, whatever was answered when") {
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/captures/mesos")) {
    if (entry.path().extension() != ".pcap") continue;
    CAPTURE(entry.path());
    const auto found = run({"sniff", "-r", entry.path(), "--json"}).events("message");
    CHECK(std::is_sorted(found.begin(), found.end(), [](const Json& a, const Json& b) {
      return a.at("time").get<std::string>() < b.at("time").get<std::string>();
    }));
  }
  // The first so many are the first in time, also for --stats.
  const auto two = run({"sniff", "-r", execute, "--json", "-c", "2", "--stats"});
  const auto all = run({"sniff", "-r", execute, "--json"});
  REQUIRE(two.events("message").size() == 2);
  CHECK(two.events("message")[0] == all.events("message")[0]);
  CHECK(two.events("message")[1] == all.events("message")[1]);
  CHECK(two.events("statistics").at(0).at("messages") == 2);
}

TEST_CASE("what sniff --json printed is a source") {
  for (const std::string body : {"auto", "base64", "hex", "text"}) {
    CAPTURE(body);
    const auto first = run({"sniff", "-r", execute, "--json", "--body", body});
    const auto again = run({"sniff", "-r", "-", "--json", "--body", body}, {.input = first.out});
    CHECK(again.exit == 0);
    CHECK(again.events("message") == first.events("message"));
    CHECK(again.events("summary").at(0).at("messages") == 22);
    const auto some = run({"sniff", "-r", "-", "--json", "--body", body, "--name", "*Ping*"},
                          {.input = first.out});
    CHECK(some.events("message").size() == 2);
  }
  const Folder folder;
  const auto recorded = folder.file("x.ndjson");
  std::ofstream(recorded) << run({"sniff", "-r", execute, "--json"}).out;
  const auto drawn = folder.file("x.mmd");
  CHECK(run({"sniff", "-r", recorded, "-q", "--diagram", drawn}).exit == 0);
  CHECK(has(contents(drawn), "RunTaskMessage"));
  CHECK(run({"sniff", "-r", recorded, "--match", "connected=true"}).exit == 0);
  // A line that does not read is told, and the others are shown.
  const auto bad = run({"sniff", "-r", "-", "--json"},
                       {.input = "{\"type\":\"message\"}\n" + contents(recorded) + "{broken\n"});
  CHECK(bad.events("message").size() == 22);
  CHECK(has(bad.err, "line 1: "));
  CHECK(has(bad.err, "no JSON"));
  CHECK(bad.events("summary").at(0).at("truncated") == true);
  for (const Arguments& more :
       {Arguments{"-r", execute}, {"--port", "1"}, {"-w", folder.file("out.pcap")}, {"tcp"}}) {
    Arguments arguments{"sniff", "-r", recorded};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CHECK(run(arguments).exit == 2);
  }
}

TEST_CASE("what a slow writer of a capture keeps back changes nothing of what it says") {
  const auto bytes = contents(execute);
  // Before the packet with the third answer: that the first messages were answered is not certain,
  // for their connections were met in the middle.
  std::size_t asked = 24;
  for (int answers = 0; answers < 3;) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + asked + 8, sizeof size);
    if (has(bytes.substr(asked, 16 + size), "HTTP/1.1 202")) ++answers;
    if (answers < 3) asked += 16 + size;
  }
  const Arguments command{"sniff", "--json", "--answer-wait", "300ms", "-r"};
  auto from_file = command;
  from_file.push_back(execute);
  const auto whole = run(from_file);
  auto piped = command;
  piped.emplace_back("-");
  Background slow(piped);
  slow.write(bytes.substr(0, asked));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  slow.write(bytes.substr(asked));
  slow.close_input();
  const auto found = slow.finish();
  CHECK(found.events("message").size() > 0);
  CHECK(found.events("message") == whole.events("message"));
  CHECK(found.events("answer") == whole.events("answer"));
}

TEST_CASE("plain HTTP and events of a recording are a source too") {
  const std::string capture = TEST_DATA "/v1/framework-executor.pcap";
  for (const std::string body : {"auto", "base64", "hex"}) {
    CAPTURE(body);
    const auto first = run({"sniff", "-r", capture, "--json", "--http", "--body", body});
    CHECK(first.events("http").size() == 32);
    const auto again =
        run({"sniff", "-r", "-", "--json", "--http", "--body", body}, {.input = first.out});
    CHECK(again.exit == 0);
    CHECK(again.err == "");
    CHECK(again.events("http") == first.events("http"));
    CHECK(again.events("http_event") == first.events("http_event"));
    CHECK(again.events("message") == first.events("message"));
    CHECK(again.events("summary").at(0).at("http") == 32);
    const auto offers = run({"sniff", "-r", "-", "--json", "--http", "--body", body, "--name",
                             "OFFERS", "--match", "agent_id.value=*-S0"},
                            {.input = first.out});
    CHECK(offers.events("http_event").size() == 2);
    const auto unasked = run({"sniff", "-r", "-", "--json"}, {.input = first.out});
    CHECK(unasked.events("http").empty());
    CHECK(has(unasked.err + run({"sniff", "-r", "-", "--name", "x"}, {.input = first.out}).err,
              "--http shows them"));
  }
  const Folder folder;
  const auto recorded = folder.file("x.ndjson");
  std::ofstream(recorded) << run({"sniff", "-r", capture, "--json", "--http"}).out;
  for (const auto& file : {capture, recorded})
    CHECK(run({"sniff", "-r", file, "-q", "--http", "--diagram",
               file == capture ? folder.file("a.mmd") : folder.file("b.mmd")})
              .exit == 0);
  CHECK(contents(folder.file("a.mmd")) == contents(folder.file("b.mmd")));
}

TEST_CASE("an answer in a recording to what a filter leaves out is left out too") {
  const std::string lines =
      R"({"type":"message","time":"2026-01-31T12:00:00Z","from":"a@1.1.1.1:1","to":"b@1.1.1.1:2","name":"one","size":0,"src":"1.1.1.1:1","dst":"1.1.1.1:2","status":null,"conn":1,"seq":1})"
      "\n"
      R"({"type":"message","time":"2026-01-31T12:00:01Z","from":"a@1.1.1.1:1","to":"b@1.1.1.1:2","name":"two","size":0,"src":"1.1.1.1:1","dst":"1.1.1.1:2","status":null,"conn":1,"seq":2})"
      "\n"
      R"({"type":"answer","time":"2026-01-31T12:00:02Z","conn":1,"seq":1,"status":404,"latency_us":9})"
      "\n";
  CHECK(run({"sniff", "-r", "-", "--json"}, {.input = lines}).events("answer").size() == 1);
  const auto two = run({"sniff", "-r", "-", "--json", "--name", "two"}, {.input = lines});
  CHECK(two.events("message").size() == 1);
  CHECK(two.events("answer").empty());
}

TEST_CASE("what several files cannot be is said") {
  const Folder folder;
  const auto expanded = run({"sniff", "-r", execute, execute});
  CHECK(expanded.exit == 2);
  CHECK(has(expanded.err, "quote the glob"));
  CHECK(run({"sniff", "-r", "-", "-r", "-"}).exit == 2);
  CHECK(run({"sniff", "--no-clock-fix"}).exit == 2);
  const auto none = run({"sniff", "-r", folder.file("no*")});
  CHECK(none.exit == 6);
  CHECK(has(none.err, "no file matches"));
  const auto onto =
      run({"sniff", "-r", execute, "-r", folder.file("copy"), "-w", folder.file("copy")});
  CHECK(onto.exit == 6);  // it is not there yet
  std::filesystem::copy_file(execute, folder.file("copy"));
  CHECK(run({"sniff", "-r", execute, "-r", folder.file("copy"), "-w", folder.file("copy")}).exit ==
        2);
  CHECK(contents(folder.file("copy")) == contents(execute));
}

TEST_CASE("--since, --until and --for choose by the time of the first byte") {
  const auto all = messages({"-r", execute});
  const auto third = all[2].at("time").get<std::string>();
  const auto tenth = all[9].at("time").get<std::string>();
  const auto chosen = messages({"-r", execute, "--since", third, "--until", tenth});
  CHECK(chosen == std::vector<Json>(all.begin() + 2, all.begin() + 10));
  const auto recorded = run({"sniff", "-r", execute, "--json"}).out;
  CHECK(messages({"-r", "-", "--since", third, "--until", tenth}, {.input = recorded}) == chosen);
  const auto late = messages({"-r", execute, "--since", "+1s"});
  CHECK(late.size() < all.size());
  CHECK(std::equal(late.rbegin(), late.rend(), all.rbegin()));
  const auto early = messages({"-r", execute, "--for", "1s"});
  CHECK(late.size() + early.size() == all.size());
  for (const Arguments& wrong :
       {Arguments{"--since", "noon"}, {"--until", "+x"}, {"--until", "+1s", "--for", "1s"}}) {
    Arguments arguments{"sniff", "-r", execute};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    CHECK(run(arguments).exit == 2);
  }
  CHECK(run({"sniff", "--proxy", "127.0.0.1:0=127.0.0.1:1", "--for", "100ms"}).exit == 1);
}

}  // namespace e2e_many_files_test
