#include "wire/resync.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "support/pcap_streams.h"
#include "support/wire_streams.h"

namespace wire_resync_test {

using compactor::wire::find_head;
using compactor::wire::Kind;
using compactor::wire::NextHead;

namespace {

const std::string kHead = "POST /echo/ping HTTP/1.1\r\nUser-Agent: libprocess/a@h:1\r\n\r\n";
const std::string kAnswer = "HTTP/1.1 202 Accepted\r\nDate: x\r\n\r\n";

/// Where the head is found; -1 when none is.
int request_at(const std::string& bytes) {
  const NextHead next = find_head(Kind::request, bytes);
  return next.found ? static_cast<int>(next.offset) : -1;
}

int response_at(const std::string& bytes) {
  const NextHead next = find_head(Kind::response, bytes);
  return next.found ? static_cast<int>(next.offset) : -1;
}

/// How many bytes are to be kept, when no head is found.
std::size_t kept(Kind kind, const std::string& bytes) {
  const NextHead next = find_head(kind, bytes);
  REQUIRE_FALSE(next.found);
  return bytes.size() - next.offset;
}

}  // namespace

TEST_CASE("a head is found wherever it stands") {
  CHECK(request_at(kHead) == 0);
  CHECK(request_at("tail of a body" + kHead) == 14);
  CHECK(request_at("P" + kHead) == 1);
  CHECK(request_at("POSTPOST " + kHead) == 9);
  CHECK(request_at("\r\n\r\n" + kHead) == 4);
  CHECK(request_at("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(request_at("xM-SEARCH * HTTP/1.1\r\nHost: x\r\n") == 1);
  CHECK(request_at("GET http://h/x HTTP/1.1\r\nHost: x") == 0);
  CHECK(response_at(kAnswer) == 0);
  CHECK(response_at("HTTP" + kAnswer) == 4);
  CHECK(response_at("x HTTP/1.1 200\r\n\r\n") == 2);
  CHECK(response_at(kHead + kAnswer) == static_cast<int>(kHead.size()));
}

TEST_CASE("what only looks like a head is passed over") {
  CHECK(request_at("POST office HTTP/2.0\r\nA: b\r\n" + kHead) == 28);
  CHECK(request_at("POST /x HTTP/1.1\n" + kHead) == 17);
  CHECK(request_at("POST /x HTTP/1.1\r\nnot a header\r\n" + kHead) == 32);
  CHECK(request_at("FETCH /x HTTP/1.1\r\nA: b\r\n") == -1);
  CHECK(request_at("post /x HTTP/1.1\r\nA: b\r\n") == -1);
  CHECK(request_at(kAnswer) == -1);
  CHECK(response_at("HTTP/1.1 20 OK\r\nA: b\r\n" + kAnswer) == 22);
  CHECK(response_at("HTTP/1.1 2000 OK\r\nA: b\r\n") == -1);
  CHECK(response_at("HTTP/1.1 200 OK\r\n: b\r\n") == -1);
  CHECK(response_at(kHead) == -1);
}

TEST_CASE("an undecided start is kept, and no more than it") {
  for (std::size_t size = 1; size <= kHead.find(':'); ++size) {
    CHECK(kept(Kind::request, "body of something" + kHead.substr(0, size)) == size);
  }
  for (std::size_t size = 1; size <= kAnswer.find(':'); ++size) {
    CHECK(kept(Kind::response, "body of something" + kAnswer.substr(0, size)) == size);
  }
  CHECK(kept(Kind::request, "") == 0);
  CHECK(kept(Kind::request, "nothing here") == 0);
  CHECK(kept(Kind::request, "POST /x HTTP/1.1\r") == 17);
}

TEST_CASE("what is kept is bounded") {
  std::size_t largest = 0;
  for (std::size_t size = 0; size < 20000; size += 100) {
    largest = std::max(largest, kept(Kind::request, "POST /" + std::string(size, 'x')));
    largest = std::max(largest, kept(Kind::response, "HTTP/1.1 200 " + std::string(size, 'x')));
    largest = std::max(largest, kept(Kind::request, "GET / HTTP/1.1\r\n" + std::string(size, 'x')));
  }
  CHECK(largest > 8000);
  CHECK(largest <= compactor::wire::kMaxUndecided);
}

TEST_CASE("the answer does not depend on how the bytes come") {
  const std::string stream = "tail POST /not HTTP/3\r\nGET GET POST /x " + kHead + kHead;
  const NextHead whole = find_head(Kind::request, stream);
  REQUIRE(whole.found);
  std::string pending;
  std::size_t passed_over = 0;
  NextHead next;
  for (std::size_t i = 0; i < stream.size() && !next.found; ++i) {
    pending.push_back(stream[i]);
    next = find_head(Kind::request, pending);
    passed_over += next.offset;
    pending.erase(0, next.offset);
  }
  CHECK(next.found);
  CHECK(passed_over == whole.offset);
}

TEST_CASE("a real stream cut anywhere goes on with its next message") {
  const auto streams =
      pcap_streams::read(TEST_DATA "/captures/libprocess/flood-linked-1000x100.pcap");
  REQUIRE_FALSE(streams.empty());
  const auto check = [](Kind kind, const std::string& stream) {
    const auto messages = wire_test::read_whole(kind, stream).messages;
    REQUIRE(messages.size() > 1000);
    for (std::size_t i = 1; i < 4; ++i) {
      for (std::uint64_t cut = messages[i - 1].begin + 1; cut <= messages[i].begin; ++cut) {
        const NextHead next = find_head(kind, std::string_view(stream).substr(cut));
        REQUIRE(next.found);
        CHECK(cut + next.offset == messages[i].begin);
      }
    }
  };
  check(Kind::request, streams[0].requests);
  check(Kind::response, streams[0].responses);
}

TEST_CASE("random bytes hold no head") {
  std::mt19937 random(7);
  std::string bytes;
  for (int i = 0; i < 1 << 20; ++i) bytes.push_back(static_cast<char>(random()));
  CHECK(kept(Kind::request, bytes) < 20);
  CHECK(kept(Kind::response, bytes) < 20);
}

}  // namespace wire_resync_test
