// capture_bench COMPACTOR: how fast sniff reads a capture of pipelined messages, and in how much
// memory; beside it what libpcap and http_parser alone need for the same file, and tshark where it
// is installed. Exit 1 when a goal is missed. capture_bench generate FILE MESSAGES PER_SEGMENT:
// makes such a capture.
#include <fcntl.h>
#include <http_parser.h>
#include <pcap/pcap.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "compactor/pid.h"
#include "wire/encode.h"

namespace {

using Clock = std::chrono::steady_clock;
namespace wire = compactor::wire;

constexpr std::size_t kMessageSize = 561;
constexpr std::size_t kMessages = 200'000;
constexpr int kRuns = 5;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One connection, as the loopback interface would show it: requests in large segments, their
/// answers behind them.
class Generator {
 public:
  explicit Generator(const std::string& path)
      : handle_(pcap_open_dead(DLT_EN10MB, 262'144)), file_(pcap_dump_open(handle_, path.c_str())) {
    if (file_ == nullptr) throw std::runtime_error(pcap_geterr(handle_));
  }
  ~Generator() {
    pcap_dump_close(file_);
    pcap_close(handle_);
  }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  void write(std::size_t messages, std::size_t per_segment) {
    segment(client_, server_, 2, {});
    segment(server_, client_, 2 | 16, {});
    const std::string request = message();
    std::string answer;
    wire::append_accepted(answer, "Sun, 22 Nov 2026 00:00:00 GMT", wire::Persist::implied);
    for (std::size_t done = 0; done < messages; done += per_segment) {
      const std::size_t count = std::min(per_segment, messages - done);
      segment(client_, server_, 16, repeated(request, count));
      segment(server_, client_, 16, repeated(answer, count));
    }
    segment(client_, server_, 1 | 16, {});
    segment(server_, client_, 1 | 16, {});
  }

 private:
  struct End {
    std::uint16_t port;
    std::uint32_t next;
  };

  static std::string message() {
    const compactor::Pid to = compactor::Pid::parse("sink@127.0.0.1:5050");
    std::string bytes;
    for (std::size_t body = 1; bytes.size() < kMessageSize; ++body) {
      bytes.clear();
      wire::append_message(bytes, compactor::Style::libprocess, "flood(1)@127.0.0.1:40000", to,
                           "mesos.internal.StatusUpdateMessage", std::string(body, 'x'));
    }
    return bytes;
  }

  static std::string repeated(const std::string& text, std::size_t count) {
    std::string all;
    for (; count > 0; --count) all += text;
    return all;
  }

  static void put(std::string& out, std::uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
  }

  void segment(End& from, End& to, unsigned flags, const std::string& payload) {
    std::string bytes(12, '\0');
    put(bytes, 0x0800, 2);
    put(bytes, 0x45000000 | static_cast<std::uint32_t>(40 + payload.size()), 4);
    put(bytes, 0x4000, 4);
    put(bytes, 0x40060000, 4);
    put(bytes, 0x7f000001, 4);
    put(bytes, 0x7f000001, 4);
    put(bytes, from.port, 2);
    put(bytes, to.port, 2);
    put(bytes, from.next, 4);
    put(bytes, (flags & 16) != 0 ? to.next : 0, 4);
    put(bytes, 0x50 << 8 | flags, 2);
    put(bytes, 0xffff, 2);
    put(bytes, 0, 4);
    bytes += payload;
    from.next += static_cast<std::uint32_t>(payload.size()) + ((flags & 3) != 0 ? 1 : 0);
    micros_ += 20;
    pcap_pkthdr header{};
    header.ts = {1'790'000'000 + micros_ / 1'000'000, micros_ % 1'000'000};
    header.caplen = header.len = static_cast<bpf_u_int32>(bytes.size());
    pcap_dump(reinterpret_cast<u_char*>(file_), &header,       // NOLINT: libpcap's API
              reinterpret_cast<const u_char*>(bytes.data()));  // NOLINT
  }

  pcap_t* handle_;
  pcap_dumper_t* file_;
  End client_{40'000, 1'000};
  End server_{5'050, 2'000};
  long micros_ = 0;
};

/// libpcap and http_parser, and nothing else: messages per second.
double floor_rate(const std::string& path, std::size_t messages) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* handle = pcap_open_offline(path.c_str(), error);
  if (handle == nullptr) throw std::runtime_error(error);
  http_parser requests;
  http_parser_init(&requests, HTTP_REQUEST);
  std::size_t seen = 0;
  requests.data = &seen;
  http_parser_settings settings{};
  settings.on_message_complete = [](http_parser* parser) {
    ++*static_cast<std::size_t*>(parser->data);
    return 0;
  };
  const auto start = Clock::now();
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  while (pcap_next_ex(handle, &header, &bytes) == 1) {
    const bool to_server = bytes[36] == 5050 >> 8 && bytes[37] == (5050 & 0xff);
    if (!to_server || header->caplen <= 54) continue;
    http_parser_execute(&requests, &settings, reinterpret_cast<const char*>(bytes) + 54,  // NOLINT
                        header->caplen - 54);
  }
  const double seconds = seconds_since(start);
  pcap_close(handle);
  if (seen != messages) throw std::runtime_error("the floor program missed messages");
  return static_cast<double>(messages) / seconds;
}

struct Run {
  double seconds = 0;
  double megabytes = 0;  // resident, at most
  int exit = 0;
};

Run run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));  // NOLINT
  arguments.push_back(nullptr);
  const auto start = Clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) < 0)
    throw std::runtime_error("cannot run " + command[0]);
  return {seconds_since(start), static_cast<double>(usage.ru_maxrss) / 1024,
          WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

/// The median of some runs; throws when one fails.
Run typical(const std::vector<std::string>& command, int runs = kRuns) {
  std::vector<Run> all;
  for (int i = 0; i < runs; ++i) {
    all.push_back(run(command));
    if (all.back().exit != 0) throw std::runtime_error(command[0] + " did not end well");
  }
  std::sort(all.begin(), all.end(),
            [](const Run& a, const Run& b) { return a.seconds < b.seconds; });
  return all[all.size() / 2];
}

class Report {
 public:
  void line(const char* what, double value, const char* unit, bool met, const char* goal) {
    std::printf("%-58s %12.0f %-12s %s (%s)\n", what, value, unit, met ? "holds" : "FALLS SHORT",
                goal);
    bad_ = bad_ || !met;
  }
  void fact(const char* what, double value, const char* unit) {
    std::printf("%-58s %12.0f %s\n", what, value, unit);
  }
  int exit() const { return bad_ ? 1 : 0; }

 private:
  bool bad_ = false;
};

double rate(const Run& run, std::size_t messages = kMessages) {
  return static_cast<double>(messages) / run.seconds;
}

int measure(const std::string& program, const std::filesystem::path& folder) {
  const std::string file = folder / "pipelined.pcap";
  const std::string single = folder / "one-a-packet.pcap";
  const std::string large = folder / "ten-times.pcap";
  Generator(file).write(kMessages, 32);
  Generator(single).write(kMessages, 1);
  Generator(large).write(10 * kMessages, 32);

  Report report;
  report.fact("libpcap and http_parser alone", floor_rate(file, kMessages), "messages/s");
  const Run plain = typical({program, "sniff", "-r", file, "--json", "--body", "none"});
  report.line("sniff --json --body none", rate(plain), "messages/s", rate(plain) >= 500'000,
              "at least 500000");
  const Run each = typical({program, "sniff", "-r", single, "--json", "--body", "none"});
  report.fact("… one message a packet", rate(each), "messages/s");
  const Run bodies = typical({program, "sniff", "-r", file, "--json"});
  report.line("sniff --json, with bodies", rate(bodies), "messages/s", rate(bodies) >= 200'000,
              "at least 200000");
  report.line("resident memory", bodies.megabytes, "MB", bodies.megabytes < 64, "under 64");
  const Run ten = typical({program, "sniff", "-r", large, "--json"}, 1);
  report.line("resident memory, file ten times as large", ten.megabytes, "MB", ten.megabytes < 64,
              "under 64");
  const Run shark =
      run({"tshark", "-r", single, "-Y", "http", "-T", "fields", "-e", "http.request.uri"});
  if (shark.exit == 0) {
    report.fact("tshark, one message a packet", rate(shark), "messages/s");
    report.line("sniff to tshark", rate(each) / rate(shark), "times",
                rate(each) >= 20 * rate(shark), "at least 20");
  }
  return report.exit();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() == 4 && arguments[0] == "generate") {
      Generator(arguments[1]).write(std::stoul(arguments[2]), std::stoul(arguments[3]));
      return 0;
    }
    if (arguments.size() != 1) throw std::runtime_error("usage: capture_bench COMPACTOR");
    std::string folder = (std::filesystem::temp_directory_path() / "capture-bench-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    const int exit = measure(arguments[0], folder);
    std::filesystem::remove_all(folder);
    return exit;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "capture_bench: %s\n", error.what());
    return 2;
  }
}
