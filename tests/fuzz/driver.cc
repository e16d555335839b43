// Runs a fuzz target without libFuzzer, so that it runs wherever the tests do: a number of inputs,
// each a capture's bytes with some mutations, from a fixed seed.
//
//   driver RUNS SEED FILE…      each FILE is a raw stream, or a pcap of which every stream is taken

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include "support/pcap_streams.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMaxInput = 4096;

// What mutations put in: the words by which the meaning of a stream changes.
const char* const kWords[] = {
    "\r\n",
    "\n",
    "\r\n\r\n",
    "0\r\n\r\n",
    "1\r\na\r\n",
    ";e=1",
    " ",
    ":",
    "HTTP/1.0",
    "HTTP/1.1 ",
    "100 ",
    "304 ",
    "POST /a/b ",
    "HEAD / ",
    "CONNECT a:1 ",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: upgrade\r\nUpgrade: x\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 5000\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Encoding: gzip\r\n",
    "Libprocess-From: ",
    "\r\n folded: x",
    "ffffffff\r\n",
};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string input(const std::vector<std::string>& seeds) {
    std::string bytes = piece(seeds);
    for (std::size_t n = below(8); n > 0; --n) mutate(bytes, seeds);
    bytes.resize(std::min(bytes.size(), kMaxInput));
    bytes.insert(0, {static_cast<char>(random_()), static_cast<char>(random_())});
    return bytes;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  std::string piece(const std::vector<std::string>& seeds) {
    const std::string& seed = seeds[below(seeds.size())];
    // Mostly from the start, where the messages are whole.
    const std::size_t from = below(4) == 0 ? below(seed.size()) : 0;
    return seed.substr(from, 1 + below(kMaxInput));
  }

  void mutate(std::string& bytes, const std::vector<std::string>& seeds) {
    const std::size_t at = below(bytes.size() + 1);
    switch (below(6)) {
      case 0:
        bytes.insert(at, kWords[below(std::size(kWords))]);
        break;
      case 1:
        bytes.erase(at, 1 + below(20));
        break;
      case 2:
        bytes.insert(at, 1 + below(3), static_cast<char>(random_()));
        break;
      case 3:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
        break;
      case 4:
        bytes.insert(at, piece(seeds).substr(0, 1000));
        break;
      default:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(300)));
        break;
    }
  }

  std::mt19937 random_;
};

std::vector<std::string> streams_of(const std::string& path) {
  if (!path.ends_with(".pcap")) return {pcap_streams::read_file(path)};
  std::vector<std::string> all;
  for (const auto& stream : pcap_streams::read(path)) {
    all.push_back(stream.requests);
    all.push_back(stream.responses);
  }
  return all;
}

int run(unsigned long runs, unsigned seed, const std::vector<std::string>& paths) {
  std::vector<std::string> seeds = {""};
  for (const std::string& path : paths) {
    for (std::string& stream : streams_of(path)) seeds.push_back(std::move(stream));
  }
  Mutator mutator(seed);
  for (unsigned long i = 0; i < runs; ++i) {
    const std::string input = mutator.input(seeds);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  std::printf("%lu inputs from %zu streams, seed %u\n", runs, seeds.size(), seed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: driver RUNS SEED FILE...\n", stderr);
    return 2;
  }
  try {
    return run(std::stoul(argv[1]), static_cast<unsigned>(std::stoul(argv[2])),
               {argv + 3, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "driver: %s\n", error.what());
    return 1;
  }
}
