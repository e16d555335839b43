// The request streams of the captures, byte for byte, against a Context: it gives the status codes
// that the recorded server gave, however the bytes are split.
#include <doctest/doctest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "support/actors.h"
#include "support/pcap_streams.h"
#include "support/raw_peer.h"

namespace actor_replay_test {

using namespace actors;

namespace {

/// Status codes of recorded responses; a HEAD or a body without length is not in the captures used.
std::vector<int> recorded_statuses(const std::string& responses) {
  std::vector<int> statuses;
  std::size_t at = 0;
  while ((at = responses.find("HTTP/1.1 ", at)) != std::string::npos) {
    statuses.push_back(std::atoi(responses.c_str() + at + 9));
    at += 9;
  }
  return statuses;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
  return n;
}

std::vector<int> replay(const std::string& requests, std::uint16_t port, std::mt19937* random) {
  raw::Peer peer(port);
  for (std::size_t at = 0; at < requests.size();) {
    const std::size_t size = random == nullptr ? requests.size() : 1 + (*random)() % 3000;
    peer.write(std::string_view(requests).substr(at, size));
    at += size;
  }
  peer.shut_writing();
  return recorded_statuses(peer.read_to_end());
}

}  // namespace

TEST_CASE("recorded request streams get the status codes that libprocess gives, in order") {
  Context context(loopback());
  std::vector<std::shared_ptr<Recorder>> processes;
  for (const char* id : {"echo", "echo(1)", "a b(1)/x", "pinger(1)", "sender(1)", "flooder(1)"})
    processes.push_back(spawned<Recorder>(context, id));
  std::mt19937 random(20240817);
  std::size_t streams = 0;
  const std::string folder = std::string(TEST_DATA) + "/captures/libprocess";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    // Plain endpoints are another's business: which of them exist is not the message plane's.
    if (entry.path().extension() != ".pcap" || name.starts_with("http-get")) continue;
    for (const auto& stream : pcap_streams::read(entry.path().string())) {
      const std::size_t messages = count(stream.requests, "POST /");
      if (messages == 0) continue;
      CAPTURE(name);
      ++streams;
      const std::vector<int> got = replay(stream.requests, context.bound().port, nullptr);
      // What the sender closed on early was not all answered in the capture.
      const std::vector<int> recorded = recorded_statuses(stream.responses);
      CHECK(got.size() == messages);
      REQUIRE(recorded.size() <= got.size());
      if (name.find("process-stopped") == std::string::npos)
        CHECK(std::vector<int>(got.begin(), got.begin() + std::ptrdiff_t(recorded.size())) ==
              recorded);
      CHECK(replay(stream.requests, context.bound().port, &random) == got);
    }
  }
  CHECK(streams >= 10);
}

TEST_CASE("recorded streams of compactor and Mesos are delivered whole, in any split") {
  std::mt19937 random(7);
  std::size_t streams = 0;
  for (const char* folder : {"/captures/compactor", "/captures/mesos"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(TEST_DATA) + folder)) {
      if (entry.path().extension() != ".pcap") continue;
      for (const auto& stream : pcap_streams::read(entry.path().string())) {
        // Met in mid-stream, or plain HTTP: not for the message plane.
        if (!stream.requests.starts_with("POST /") ||
            stream.requests.find("ibprocess") == std::string::npos)
          continue;
        CAPTURE(entry.path().filename().string());
        ++streams;
        Context context(loopback());
        const std::vector<int> whole = replay(stream.requests, context.bound().port, nullptr);
        CHECK(whole.size() == count(stream.requests, "ibprocess-From: "));
        for (const int status : whole) CHECK(status == 404);  // nobody lives here
        // The same with the processes there.
        for (std::size_t at = 0; (at = stream.requests.find("POST /", at)) != std::string::npos;) {
          at += 6;
          std::string id = stream.requests.substr(at, stream.requests.find('/', at) - at);
          const Pid pid{id, context.address().host, context.address().port};
          if (!context.is_local(pid)) spawned<Recorder>(context, id);
        }
        const std::vector<int> split = replay(stream.requests, context.bound().port, &random);
        CHECK(split == std::vector<int>(whole.size(), 202));
      }
    }
  }
  CHECK(streams >= 10);
}

}  // namespace actor_replay_test
