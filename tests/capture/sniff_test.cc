// The program on files: what it prints is tests/golden/sniff (each checked against an independent
// reader when it was made), and how it ends.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace capture_sniff_test {

namespace {

namespace fs = std::filesystem;

const std::string kCaptures = TEST_DATA "/captures/";

struct Ran {
  int exit = -1;
  std::string out;
};

/// `arguments` is a piece of shell, as a user would type it.
Ran sniff(const std::string& arguments) {
  const std::string command =
      "cd " + kCaptures + " && " + std::string(COMPACTOR_PROGRAM) + " sniff " + arguments;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ran ran;
  std::array<char, 4096> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe))
    ran.out.append(piece.data(), size);
  const int status = ::pclose(pipe);
  ran.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++found;
  return found;
}

constexpr const char* kMessage = R"("type":"message")";

}  // namespace

TEST_CASE("each capture as NDJSON") {
  for (const auto& entry : fs::directory_iterator(TEST_GOLDEN "/sniff")) {
    const std::string name = entry.path().stem().string();
    const std::string folder = name.substr(0, name.find('-'));
    const std::string file = folder + "/" + name.substr(folder.size() + 1) + ".pcap";
    CAPTURE(file);
    const std::string want = contents(entry.path());
    const Ran ran = sniff("-r " + file + " --json --http --body none");
    CHECK(ran.out == want);
    const bool shows = count(want, kMessage) + count(want, R"("type":"http")") > 0;
    CHECK(ran.exit == (shows ? 0 : 1));
  }
}

TEST_CASE("how it ends") {
  const std::string file = kCaptures + "mesos/test-framework.pcap";
  const std::string quiet = " 2>/dev/null";
  CHECK(sniff("-r " + file + quiet).exit == 0);
  CHECK(sniff("-r " + file + " --port 1" + quiet).exit == 1);
  CHECK(sniff("-r " + file + " --name nothing" + quiet).exit == 1);
  CHECK(sniff("-r " + file + " 'tcp prot 1'" + quiet).exit == 2);
  CHECK(sniff("-r " + file + " --match nonsense" + quiet).exit == 2);
  CHECK(sniff("-r " + file + " -i lo" + quiet).exit == 2);
  CHECK(sniff("--proxy 1" + quiet).exit == 2);
  for (const char* option : {"-B 1m", "-s 100"}) {
    CHECK(sniff("-r " + file + " " + option + quiet).exit == 2);
    CHECK(sniff(std::string("--proxy 0=127.0.0.1:1 ") + option + quiet).exit == 2);
  }
  for (const char* option : {"-i lo", "-r x", "--port 1", "-c 1", "--body none", "-w x", "tcp"})
    CHECK(sniff(std::string("-D ") + option + quiet).exit == 2);
  CHECK(sniff("-r /no/such/file" + quiet).exit == 6);
  CHECK(sniff("-r /dev/null" + quiet).exit == 6);
  CHECK(sniff("-r /etc/passwd" + quiet).exit == 6);
  CHECK(sniff("-i no-such-interface" + quiet).exit == 6);
  CHECK(sniff("-r " + file + " -w /no/such/folder/file" + quiet).exit == 6);
  CHECK(sniff("-r " + kCaptures + "compactor/07-link-only.pcap" + quiet).exit == 1);
}

TEST_CASE("a cut tail: a warning, what comes before, and a loss for --strict") {
  const fs::path file = fs::temp_directory_path() / ("sniff-cut-" + std::to_string(::getpid()));
  std::ofstream(file, std::ios::binary)
      << contents(kCaptures + "mesos/test-framework.pcap").substr(0, 20'000);
  const Ran plain = sniff("--json -r " + file.string() + " 2>&1");
  CHECK(plain.exit == 0);
  CHECK(count(plain.out, R"("type":"warning")") == 1);
  CHECK(count(plain.out, kMessage) > 10);
  CHECK(sniff("--strict -r " + file.string() + " 2>/dev/null").exit == 1);
  fs::remove(file);
}

TEST_CASE("filters and limits") {
  const std::string file = kCaptures + "mesos/test-framework.pcap";
  const auto messages = [&](const std::string& more) {
    return count(sniff("--json -r " + file + " " + more).out, kMessage);
  };
  CHECK(messages("-c 3") == 3);
  CHECK(messages("--name '*RunTaskMessage'") == 10);
  CHECK(messages("--name '*RunTaskMessage' --name '*PingSlaveMessage' --to 'slave(1)@*'") > 5);
  CHECK(messages("--from 'nobody@*'") == 0);
  CHECK(messages("--port 5050") < messages(""));
  CHECK(messages("--port 5050") == messages("tcp port 5050"));
}

TEST_CASE("standard input, and packets kept on the way") {
  const std::string file = kCaptures + "libprocess/ping-linked.pcap";
  const fs::path copy = fs::temp_directory_path() / ("sniff-copy-" + std::to_string(::getpid()));
  const Ran first = sniff("--json --body hex -r - -w " + copy.string() + " < " + file);
  CHECK(first.exit == 0);
  CHECK(sniff("--json --body hex -r - < " + copy.string()).out == first.out);
  fs::remove(copy);
}

}  // namespace capture_sniff_test
