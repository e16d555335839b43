// bench COMPACTOR TRUE SERVED [FIGURE…]: prints each figure beside its floor of the same run.
// COMPACTOR is the program, TRUE one that does nothing with the same libraries, SERVED the PID of a
// running `compactor serve`. `bench post-once ID PORT` is the floor of a first send.
#include <stdlib.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "compactor/pid.h"
#include "figures.h"
#include "harness.h"

namespace bench {
namespace {

constexpr int kRuns = 5;
constexpr std::size_t kStartsPerRun = 41;

struct Figure {
  const char* name;
  const char* title;
  const char* unit;
  std::function<double()> ours, floor;
  std::string goal;
  std::function<bool(double ours, double floor)> met;
};

double start(const std::vector<std::string>& command) {
  std::vector<double> times(kStartsPerRun);
  for (double& time : times) time = time_program(command);
  return median(times);
}

double megabytes(double messages_per_second, const Load& load) {
  return messages_per_second * static_cast<double>(load.body) / 1e6;
}

/// A key and a certificate, for as long as the program runs.
class Certificate {
 public:
  Certificate() : folder_(std::filesystem::temp_directory_path() / "bench-XXXXXX") {
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary folder");
    const std::string command = "cd " + folder_ +
                                " && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "
                                "/CN=bench -keyout node.key -out node.pem 2>/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl made no certificate");
  }
  ~Certificate() { std::filesystem::remove_all(folder_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

std::vector<Figure> figures(const std::string& self, const std::string& program,
                            const std::string& nothing, const std::string& served,
                            const std::string& certificate) {
  const Load small{2'000'000, 100}, large{40'000, 64'000}, turns{20'000, 100};
  const Load secret{1'000'000, 100, certificate}, secret_turns{20'000, 100, certificate},
      secret_large{20'000, 64'000, certificate};
  const auto at_most = [](double times) {
    return [times](double ours, double floor) { return ours <= times * floor; };
  };
  const auto sink = compactor::Pid::parse(served);
  return {
      {"flood", "one-way flood of 100 B messages, linked", "messages/s",
       [=] { return ours::flood(small); }, [=] { return floor::flood(small); },
       "at least 550000 messages/s", [](double ours, double) { return ours >= 550'000; }},
      {"large", "the same with bodies of 64 kB", "MB/s",
       [=] { return megabytes(ours::flood(large), large); },
       [=] { return megabytes(floor::flood(large), large); }, "at least half of the floor",
       [](double ours, double floor) { return ours >= 0.5 * floor; }},
      {"post", "message to its 202, one at a time, p50", "us", [=] { return ours::post(turns); },
       [=] { return floor::post(turns); }, "at most 1.5 x the floor", at_most(1.5)},
      {"ping-pong", "message to the message that answers it, p50", "us",
       [=] { return ours::ping_pong(turns); }, [=] { return floor::ping_pong(turns); },
       "at most 1.6 x the floor", at_most(1.6)},
      {"tls-flood", "one-way flood of 100 B messages over TLS, linked", "messages/s",
       [=] { return ours::flood(secret); }, [=] { return floor::flood(secret); },
       "at least 350000 messages/s", [](double ours, double) { return ours >= 350'000; }},
      {"tls-large", "the same with bodies of 64 kB", "MB/s",
       [=] { return megabytes(ours::flood(secret_large), secret_large); },
       [=] { return megabytes(floor::flood(secret_large), secret_large); },
       "at least 0.6 of the floor", [](double ours, double floor) { return ours >= 0.6 * floor; }},
      {"tls-ping-pong", "the ping-pong over TLS, p50", "us",
       [=] { return ours::ping_pong(secret_turns); },
       [=] { return floor::ping_pong(secret_turns); }, "at most 1.4 x the floor", at_most(1.4)},
      {"version", "process time of compactor --version, p50", "us",
       [=] {
         return start({program, "--version"});
       },
       [=] { return start({nothing}); }, "at most 3 x the floor", at_most(3)},
      {"send", "process time of a compactor send, p50", "us",
       [=] {
         return start({program, "send", served, "message", "hello"});
       },
       [=] {
         return start({self, "post-once", sink.id, std::to_string(sink.port)});
       },
       "at most 25000 us", [](double ours, double) { return ours <= 25'000; }},
  };
}

/// Ours and the floor take turns, so that what else the machine does hits both alike.
bool print(const Figure& figure) {
  std::vector<double> ours, floor;
  for (int i = 0; i < kRuns; ++i) {
    ours.push_back(figure.ours());
    floor.push_back(figure.floor());
  }
  const double our = median(ours), least = median(floor);
  const bool met = figure.met(our, least);
  std::printf("%-13s  %s\n           ours %.*f %s, floor %.*f, ratio %.2f; goal: %s: %s\n",
              figure.name, figure.title, our < 1000 ? 1 : 0, our, figure.unit, least < 1000 ? 1 : 0,
              least, our / least, figure.goal.c_str(), met ? "met" : "MISSED");
  std::fflush(stdout);
  return met;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 4 && arguments[1] == "post-once") {
    floor::post_once(arguments[2], arguments[3]);
    return 0;
  }
  if (arguments.size() < 4) {
    std::fputs("usage: bench COMPACTOR TRUE SERVED [FIGURE...]\n", stderr);
    return 2;
  }
  std::set<std::string> wanted(arguments.begin() + 4, arguments.end());
  const bool all = wanted.empty();
  bool met = true;
  const Certificate certificate;
  for (const Figure& figure :
       figures(arguments[0], arguments[1], arguments[2], arguments[3], certificate.folder())) {
    if (all || wanted.erase(figure.name) > 0) met = print(figure) && met;
  }
  for (const std::string& name : wanted)
    std::fprintf(stderr, "bench: no figure is called %s\n", name.c_str());
  if (!wanted.empty()) return 2;
  return met ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  try {
    return bench::run({words, words + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 6;
  }
}
