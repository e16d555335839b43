// Streams of events (chunked bodies of records): holes in them, and those met in the middle.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "capture/chunk_seeker.h"
#include "capture/exchange.h"
#include "support/capture_kit.h"

namespace capture_event_stream_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using Texts = std::vector<std::string>;

namespace {

std::string record(const std::string& text) {
  return std::to_string(text.size()) + "\n" + text;
}

std::string chunk(const std::string& bytes) {
  char head[32];
  std::snprintf(head, sizeof head, "%zx\r\n", bytes.size());
  return head + bytes + "\r\n";
}

std::string event(const std::string& text) {
  return chunk(record(text));
}

const std::string ask =
    "POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 20\r\n\r\n{\"type\":\"SUBSCRIBE\"}";
const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Keeps the events, each with URL:NUMBER and ~ when others may have been lost before it.
struct Events final : ExchangeEvents {
  bool on_message(const SeenMessage& message) override {
    told.push_back("message " + std::string(message.name));
    return true;
  }
  void on_answer(const SeenAnswer&) override {}
  void on_gap(const SeenGap&) override {}
  void on_record(const SeenRecord& seen) override {
    told.emplace_back(seen.record);
    stream_ids.emplace_back(seen.stream_id);
    labels.push_back(std::string(seen.url) + ":" + std::to_string(seen.number) +
                     (seen.partial ? "~" : ""));
    times.push_back(seen.time);
  }
  Texts told;
  Texts labels;
  Texts stream_ids;
  std::vector<Time> times;
};

/// A connection on which side b streams events. Each piece is a packet.
struct Stream {
  explicit Stream(bool from_start = true) {
    ExchangeOptions options;
    options.http = true;
    tracker = std::make_unique<ExchangeTracker>(events, options);
    ConnectionInfo info;
    info.number = 1;
    if (from_start) info.client = Side::a;
    reader = tracker->open(info);
    if (!from_start) return;
    reader->on_data(Side::a, ask, {time, 0, 0});
    asked = ask.size();
    come(head);
  }
  void come(const std::string& bytes) {
    time += 1ms;
    reader->on_data(Side::b, bytes, {time, at, asked});
    at += bytes.size();
  }
  void lose(std::uint64_t bytes) {
    reader->on_gap(Side::b, bytes, time);
    at += bytes;
  }
  /// A hole in place of the packet.
  void lose(const std::string& bytes) { lose(bytes.size()); }
  void end() { reader->on_end(Side::b, time); }
  const ExchangeLedger& close() {
    reader->on_close(Close::ended, time);
    reader.reset();
    return tracker->ledger();
  }

  Events events;
  std::unique_ptr<ExchangeTracker> tracker;
  std::unique_ptr<StreamReader> reader;
  Time time{std::chrono::seconds{1'000'000}};
  std::uint64_t at = 0;
  std::uint64_t asked = 0;
};

}  // namespace

TEST_CASE("a hole of a whole event costs that event") {
  Stream stream;
  stream.come(event("one"));
  stream.lose(event("two"));
  stream.come(event("three"));
  CHECK(stream.events.told == Texts{"one"});
  stream.come(event("four"));
  CHECK(stream.events.told == Texts{"one", "three", "four"});
  stream.come(event("five"));
  const std::string url = "/api/v1/scheduler";
  CHECK(stream.events.labels == Texts{url + ":1", url + ":2~", url + ":3", url + ":4"});
  CHECK(stream.events.times[1] == stream.time - 2ms);
  const ExchangeLedger& ledger = stream.close();
  CHECK(ledger.passed_over_bytes == 0);
  CHECK(ledger.gap_bytes == event("two").size());
  CHECK(ledger.stream_bytes() == stream.at + ask.size());
}

TEST_CASE("behind a second hole it is resumed once more") {
  Stream stream;
  stream.come(event("one"));
  for (int i = 0; i < 3; ++i) {
    stream.lose(1'000);
    stream.come(event("a"));
    stream.come(event("b"));
  }
  CHECK(stream.events.told == Texts{"one", "a", "b", "a", "b", "a", "b"});
  CHECK(stream.events.labels.back() == "/api/v1/scheduler:7");
  CHECK(stream.close().passed_over_bytes == 0);
}

TEST_CASE("the end of the stream shows the last event behind a hole, the end of the capture not") {
  for (const bool ends : {true, false}) {
    Stream stream;
    stream.lose(100);
    stream.come(event("last"));
    if (ends) stream.end();
    CHECK(stream.events.told == (ends ? Texts{"last"} : Texts{}));
    CHECK(stream.close().passed_over_bytes == (ends ? 0 : event("last").size()));
  }
}

TEST_CASE("the last chunk ends a resumed stream, and the next answer is read") {
  Stream stream;
  stream.lose(100);
  stream.come(event("last"));
  stream.come("0\r\n\r\n");
  CHECK(stream.events.told == Texts{"last"});
  const std::string next = "POST /a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.1.1.1:1\r\n\r\n";
  stream.reader->on_data(Side::a, next, {stream.time, stream.asked, stream.at});
  stream.asked += next.size();
  stream.come("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  const ExchangeLedger& ledger = stream.close();
  CHECK(stream.events.told == Texts{"last", "message b"});
  CHECK(ledger.passed_over_bytes == 0);
}

TEST_CASE("a hole inside an event whose length is known costs it, and proves nothing anew") {
  Stream stream;
  const std::string big = event(std::string(5'000, 'x'));
  stream.come(big.substr(0, 1'000));
  stream.lose(1'000);
  stream.come(big.substr(2'000));
  stream.come(event("next"));
  CHECK(stream.events.told == Texts{"next"});
  CHECK(stream.events.labels == Texts{"/api/v1/scheduler:1~"});
}

TEST_CASE("a hole that takes a length, but no chunk's head: the chunks show the records again") {
  Stream stream;
  const std::string two = chunk(record("first") + record(std::string(50, 'y')));
  stream.come(two.substr(0, 7));
  stream.lose(20);
  stream.come(two.substr(27));
  // In this stream, chunks need not be records.
  const std::string spread = record("spread");
  stream.come(chunk(spread.substr(0, 5)));
  stream.come(chunk(spread.substr(5)));
  stream.come(event("once"));
  CHECK(stream.events.told == Texts{});
  stream.come(event("twice"));
  stream.come(chunk(spread.substr(0, 5)) + chunk(spread.substr(5)));
  CHECK(stream.events.told == Texts{"once", "twice", "spread"});
  CHECK(stream.events.times[0] == stream.time - 2ms);
}

TEST_CASE("what looks like events inside an event is none") {
  const std::string fake = event("fake");
  // Of an event whose beginning the hole has taken; a packet begins with each piece.
  const std::vector<Texts> rests = {
      {fake, "and so on\r\n"},
      {fake + fake, "\r\n"},
      {fake, fake.substr(0, 4), fake.substr(4) + "\r\n"},
      {"x" + fake, fake, "\r\n"},
      {"x", fake + fake + fake + fake, fake + "\r\n"},
      {fake + "\r\n"},
      {"x\r\n" + fake + fake + "\r\n"},
  };
  for (const Texts& rest : rests) {
    Stream stream;
    stream.come(event("one"));
    stream.lose(1'000);
    for (const std::string& piece : rest) stream.come(piece);
    stream.come(event("two"));
    stream.come(event("three"));
    CHECK(stream.events.told == Texts{"one", "two", "three"});
  }
}

TEST_CASE("a message inside an event is none") {
  const std::string message =
      "POST /a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.1.1.1:1\r\nContent-Length: 0\r\n\r\n";
  Stream stream(false);
  stream.come(event("x\r\n\r\n" + message + message));
  stream.come(event("two"));
  CHECK(stream.events.told.size() == 2);
  CHECK(stream.events.told.back() == "two");
  CHECK(stream.close().messages == 0);
}

TEST_CASE("a whole answer inside an event is none, whatever cuts the event off") {
  const std::string inside = head + event("fake") + event("fake");
  const std::string whole = event(inside);
  for (const std::string& seen : {whole, whole.substr(0, whole.size() - 2), whole + "1f\r\n"}) {
    for (const bool hole : {true, false}) {
      CAPTURE(seen);
      Stream stream(false);
      stream.come(seen);
      if (hole) stream.lose(100);
      stream.close();
      CHECK(stream.events.told == Texts{});
    }
  }
  Stream ends(false);
  ends.come(whole);
  ends.end();
  CHECK(ends.events.told == Texts{inside});
}

TEST_CASE("a stream met in the middle: its events are told, of what stream is not known") {
  Stream stream(false);
  const std::string big = event(std::string(3'000, 'x'));
  stream.come(big.substr(1'460));
  stream.come(event("one"));
  CHECK(stream.events.told == Texts{});
  stream.come(event("two"));
  stream.come(event("three"));
  CHECK(stream.events.told == Texts{"one", "two", "three"});
  CHECK(stream.events.labels == Texts{":1~", ":2", ":3"});
  const ExchangeLedger& ledger = stream.close();
  CHECK(ledger.passed_over_bytes == big.size() - 1'460);
  CHECK(ledger.http_bytes == stream.at - ledger.passed_over_bytes);
}

TEST_CASE("met between its request and its answer: the chunks show that these are records") {
  Stream stream(false);
  stream.come(head);
  stream.come(event("one"));
  stream.come(event("two"));
  CHECK(stream.events.told == Texts{"one", "two"});
}

TEST_CASE("behind a hole it is another stream, if one was asked for") {
  Stream stream;
  stream.come(event("one"));
  stream.reader->on_data(Side::a, ask, {stream.time, stream.asked, stream.at});
  stream.lose(1'000);
  stream.come(event("a"));
  stream.come(event("b"));
  CHECK(stream.events.labels == Texts{"/api/v1/scheduler:1", ":1~", ":2"});
}

TEST_CASE("chunks that are no records are passed over") {
  Stream stream;
  stream.lose(1'000);
  for (const char* body : {"hello", "0\n", "05\nhello", "6\nhello", "5\nhello!", "x"})
    for (int i = 0; i < 3; ++i) stream.come(chunk(body));
  CHECK(stream.events.told == Texts{});
  CHECK(stream.close().passed_over_bytes > 0);
}

TEST_CASE("whatever is lost, and wherever packets end, what is told was sent, in order") {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return random() % n; };
  std::size_t told = 0;
  for (int round = 0; round < 2'000; ++round) {
    Texts sent;
    Texts packets;
    for (int i = 0; i < 12; ++i) {
      std::string text = "e" + std::to_string(i) + "-";
      for (std::size_t n = below(4); n > 0; --n)
        text += below(2) ? event("fake") : "\r\n" + record("fake");
      sent.push_back(text);
      const std::string bytes = event(text);
      const std::size_t cut = below(3) == 0 ? below(bytes.size()) : 0;
      if (cut > 0) packets.push_back(bytes.substr(0, cut));
      packets.push_back(bytes.substr(cut));
    }
    Stream stream(below(2) == 0);
    for (const std::string& packet : packets)
      below(8) == 0 ? stream.lose(packet) : stream.come(packet);
    stream.close();
    auto next = sent.begin();
    for (const std::string& text : stream.events.told) {
      next = std::find(next, sent.end(), text);
      REQUIRE(next != sent.end());
      ++next;
    }
    told += stream.events.told.size();
  }
  CHECK(told > 2'000 * 4);
}

TEST_CASE("chunks in chunks are read no more often than eight times") {
  const auto is_found = [](int nested) {
    ChunkSeeker seeker;
    std::uint64_t offset = 0;
    const auto add = [&](const std::string& piece) {
      seeker.add(piece, {Time{}, offset, 0});
      offset += piece.size();
    };
    // Each begins with a record and does not go on with one.
    Texts heads;
    std::string inside = event("a") + event("b") + event("c");
    for (int i = 0; i < nested; ++i) {
      const std::string body = "1\nx" + inside;
      char size[32];
      std::snprintf(size, sizeof size, "%zx\r\n", body.size());
      heads.push_back(size + std::string("1\nx"));
      inside = size + body;
    }
    for (auto next = heads.rbegin(); next != heads.rend(); ++next) add(*next);
    for (const char* text : {"a", "b", "c"}) add(event(text));
    CHECK_FALSE(seeker.found());
    add("\r\n");  // the end of all of them
    return seeker.found();
  };
  CHECK(is_found(1));
  CHECK(is_found(7));
  CHECK_FALSE(is_found(8));
  CHECK_FALSE(is_found(100));
}

TEST_CASE("a chunk's size is as it is written: without a zero before it") {
  Stream stream;
  stream.lose(100);
  for (int i = 0; i < 4; ++i) stream.come("0" + event("zero"));
  CHECK(stream.events.told == Texts{});
  for (int i = 0; i < 2; ++i) stream.come(event("none"));
  CHECK(stream.events.told == Texts{"none", "none"});
}

TEST_CASE("behind a hole a stream keeps its id, and what is kept for that counts as held") {
  const std::string id(20'000, 'i');
  const auto streams = [&](std::size_t bound) {
    Events events;
    ExchangeOptions options;
    options.http = true;
    options.unfinished_bytes = bound;
    ExchangeTracker tracker(events, options);
    ConnectionInfo info;
    info.number = 1;
    info.client = Side::a;
    const auto reader = tracker.open(info);
    const Time time{std::chrono::seconds{1}};
    reader->on_data(Side::a, ask, {time, 0, 0});
    std::uint64_t at = 0;
    const auto come = [&](const std::string& bytes) {
      reader->on_data(Side::b, bytes, {time, at, ask.size()});
      at += bytes.size();
    };
    come("HTTP/1.1 200 OK\r\nMesos-Stream-Id: " + id + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    come(event("one"));
    reader->on_gap(Side::b, 1'000, time);
    at += 1'000;
    come(event("two"));
    come(event("three"));
    return std::pair(events.stream_ids, tracker.ledger().abandoned);
  };
  CHECK(streams(std::size_t{1} << 20) == std::pair(Texts{id, id, id}, std::uint64_t{0}));
  CHECK(streams(10'000).second > 0);
}

TEST_CASE("what is held of a chain that is not believed yet is bounded") {
  ChunkSeeker seeker;
  const std::string bytes(std::size_t{1} << 20, 'x');
  std::uint64_t at = 0;
  const auto add = [&](const std::string& piece) {
    seeker.add(piece, {Time{}, at, 0});
    at += piece.size();
  };
  add("7fffff\r\n8388599\n");
  std::size_t most = 0;
  for (int i = 0; i < 6; ++i) {
    add(bytes);
    most = std::max(most, seeker.memory());
  }
  CHECK(most > std::size_t{3} << 20);
  CHECK(seeker.memory() < 100);
  CHECK(seeker.offset() == at);
  // A byte a packet.
  add("7");
  for (int i = 0; i < 400'000; ++i) add("f");
  CHECK(seeker.memory() < std::size_t{5} << 20);
}

}  // namespace capture_event_stream_test
