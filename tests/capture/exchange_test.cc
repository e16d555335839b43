// Streams -> exchanges: pairing, holes, attaching in the middle, bounds, plain HTTP.
#include "capture/exchange.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/talk.h"

namespace capture_exchange_test {

using namespace compactor::capture;    // NOLINT
using namespace std::chrono_literals;  // NOLINT
using namespace talk;                  // NOLINT

TEST_CASE("answers are paired in order, with their latency") {
  Talk talk;
  talk.ask(message("a", "body") + message("b"));
  talk.reply(answer(202));
  talk.reply(answer(404, "404 Not Found."));
  CHECK(talk.told() == "a=202 b=404");
  CHECK(talk.listener.messages[0].latency == 1ms);
  CHECK(talk.listener.messages[1].latency == 2ms);
  CHECK(talk.listener.messages[0].from == "me@1.2.3.4:5");
  CHECK(talk.listener.messages[0].body == "body");
  CHECK(talk.listener.messages[1].seq == 2);
  CHECK(talk.tracker.ledger().message_bytes == talk.tracker.ledger().stream_bytes());
}

TEST_CASE("an interim response is no answer") {
  Talk talk;
  talk.ask(message("a"));
  talk.reply("HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(talk.told().empty());
  talk.reply(answer(202));
  CHECK(talk.told() == "a=202");
}

TEST_CASE("latency is counted to the first byte of the answer, which may come in pieces") {
  Talk talk;
  talk.ask(message("a"));
  const std::string whole = answer(404, "404 Not Found.");
  talk.reply(whole.substr(0, 5));
  talk.reply(whole.substr(5));
  CHECK(talk.listener.messages[0].latency == 1ms);
}

TEST_CASE("a message without an answer is told after a while, and its answer later") {
  Talk talk;
  talk.ask(message("a"));
  talk.tracker.on_time(talk.time + 1s);
  CHECK(talk.told().empty());
  talk.tracker.on_time(talk.time + 3s);
  CHECK(talk.told() == "a=?");
  talk.reply(answer(202));
  CHECK(talk.listener.answers == 1);
  CHECK(talk.told() == "a=202");
  CHECK(talk.tracker.ledger().unanswered == 0);
}

TEST_CASE("what is never answered is told when the connection ends") {
  Talk talk;
  talk.ask(message("a") + message("b") + "POST /cut HTT");
  talk.reply(answer(202));
  talk.close();
  CHECK(talk.told() == "a=202 b=?");
  CHECK(talk.tracker.ledger().unanswered == 1);
  CHECK(talk.tracker.ledger().passed_over_bytes == 13);
}

TEST_CASE("an answer that is not readable as one is no answer that never came") {
  Talk talk;
  talk.ask(message("a"));
  talk.reply("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n\r\n2\r\nok\r\n0\r\n\r\n");
  talk.ask(message("b"));
  talk.close();
  CHECK(talk.told() == "a=? b=?");
  CHECK(talk.tracker.ledger().unanswered == 0);
  CHECK(talk.tracker.ledger().uncertain == 2);
}

TEST_CASE("an answer seen before its request is that request's all the same") {
  Talk talk;
  const std::string asked = message("a");
  const std::string said = answer(202);
  talk.reader->on_data(Side::b, said, {talk.time, 9'000, 5'000 + asked.size()});
  CHECK(talk.told().empty());
  talk.reader->on_data(Side::a, asked, {talk.time, 5'000, 9'000});
  REQUIRE(talk.told() == "a=202");
  CHECK(talk.listener.messages[0].latency == 0ns);
}

TEST_CASE("a lost answer costs one message its outcome, the next ones keep theirs") {
  Talk talk;
  talk.ask(message("a"));
  talk.lose(Side::b, answer(202).size());
  talk.ask(message("b"));
  talk.reply(answer(404));
  talk.ask(message("c"));
  talk.reply(answer(202));
  CHECK(talk.told() == "a=? b=404 c=202");
}

TEST_CASE("with several answers missing, none is given to the wrong message") {
  Talk talk;
  talk.pipelines = true;
  talk.ask(message("a") + message("b") + message("c"));
  talk.lose(Side::b, 50);
  talk.reply(answer(404));
  talk.close();
  CHECK(talk.told() == "a=? b=? c=?");
  CHECK(talk.listener.gap_bytes == 50);
}

TEST_CASE("a hole in a message loses that message, and what is behind it is found") {
  Talk talk;
  const std::string lost = message("lost", std::string(100, 'x'));
  talk.ask(message("a"));
  talk.reply(answer(202));
  talk.ask(lost.substr(0, 60));
  talk.lose(Side::a, 50);
  talk.ask(lost.substr(110));
  talk.ask(message("c", "tail"));
  talk.close();
  CHECK(talk.told() == "a=202 c=?~");
  CHECK(talk.tracker.ledger().passed_over_bytes == lost.size() - 50);
  CHECK(talk.tracker.ledger().gap_bytes == 50);
}

TEST_CASE("after a hole that may have held requests no answer is taken for another message's") {
  Talk talk;
  talk.pipelines = true;
  talk.ask(message("a"));
  talk.lose(Side::a, 500);
  talk.ask(message("b") + message("c"));
  talk.reply(answer(202));
  talk.reply(answer(202));
  talk.time += 2s;
  talk.ask(message("d"));
  talk.reply(answer(404));
  talk.close();
  CHECK(talk.told() == "a=202 b=?~ c=? d=?");
  CHECK(talk.listener.messages[1].uncertain);
  CHECK(talk.tracker.ledger().uncertain == 3);
  CHECK(talk.tracker.ledger().unanswered == 0);
}

TEST_CASE("quick answers and long pauses between them show that nothing is in flight") {
  Talk talk;
  talk.lose(Side::a, 500);
  for (const char* name : {"a", "b", "c"}) {
    talk.ask(message(name));
    talk.reply(answer(404));
    talk.time += 500ms;
    talk.tracker.on_time(talk.time);
  }
  CHECK(talk.told() == "a=404~ b=404 c=404");
}

TEST_CASE("taking turns, without pauses, does not show it") {
  Talk talk;
  talk.lose(Side::a, 500);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    talk.ask(message(name));
    talk.reply(answer(404));
  }
  talk.close();
  CHECK(talk.told() == "a=?~ b=? c=? d=? e=?");
}

TEST_CASE("met in the middle: the client is who sends requests") {
  Talk talk({}, false);
  talk.say(Side::b, "end of a body");
  talk.say(Side::b, message("a"));
  talk.say(Side::a, answer(202));
  talk.time += 1s;
  talk.end_of_capture();
  CHECK(talk.told() == "a=202~");
  CHECK(talk.tracker.ledger().passed_over_bytes == 13);
}

TEST_CASE("met in the middle: an answer to a request before that is nobody's") {
  Talk talk({}, false);
  talk.reply(answer(404));
  talk.ask(message("a"));
  talk.reply(answer(202));
  talk.time += 1s;
  talk.end_of_capture();
  CHECK(talk.told() == "a=202~");
}

TEST_CASE("met in the middle: one answer too many shows that a request was not seen") {
  Talk talk({}, false);
  talk.ask(message("a"));
  talk.reply(answer(404));
  talk.ask(message("b"));
  talk.reply(answer(202) + answer(500));
  talk.time += 1s;
  talk.end_of_capture();
  CHECK(talk.told() == "a=202~ b=500");
}

TEST_CASE("what a server would close on ends the stream") {
  const std::string refused[] = {
      "\x16\x03\x01 this is something else entirely",
      "POST /a/b HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      "POST /a/b HTTP/1.1\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
  };
  for (const std::string& first : refused) {
    Talk talk;
    talk.ask(first);
    talk.ask(message("a"));
    talk.close();
    CHECK(talk.told().empty());
    const ExchangeLedger& ledger = talk.tracker.ledger();
    CHECK(ledger.passed_over_bytes + ledger.http_bytes + ledger.tls_bytes ==
          first.size() + message("a").size());
  }
}

TEST_CASE("behind a hole, too: what follows a request that is refused is no message") {
  const std::string refused[] = {
      "POST /a/b HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      "POST /a/b HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
  };
  for (const std::string& first : refused) {
    for (std::size_t split = 1; split <= first.size(); ++split) {
      CAPTURE(split);
      Talk talk;
      talk.ask(message("before"));
      talk.lose(Side::a, 100);
      talk.ask(first.substr(0, split));
      talk.ask(first.substr(split) + message("smuggled") + message("smuggled"));
      talk.lose(Side::a, 100);
      talk.ask(message("smuggled") + message("smuggled"));
      talk.close();
      CHECK(talk.told() == "before=?");
    }
  }
}

TEST_CASE("what stands in a body is no message, wherever the hole is") {
  const std::string inner = message("inner", "text");
  const std::string body = std::string(300, 'x') + inner + std::string(300, 'y');
  const std::string outer = message("outer", body);
  for (std::size_t from = 0; from + 100 < outer.size(); from += 7) {
    CAPTURE(from);
    Talk talk;
    talk.ask(message("first"));
    if (from > 0) talk.ask(outer.substr(0, from));
    talk.lose(Side::a, 100);
    talk.ask(outer.substr(from + 100));
    talk.ask(message("next"));
    talk.reply(answer(202) + answer(404) + answer(405));
    talk.close();
    const std::string told = talk.told();
    CHECK(told.find("inner") == std::string::npos);
    CHECK(told.find("first=202") == 0);
    const bool head_is_whole = from >= outer.size() - body.size();
    CHECK(told.find("next=") != std::string::npos);
    if (head_is_whole) CHECK(told == "first=202 outer=404~ next=405");
    if (head_is_whole) CHECK(talk.listener.messages[1].size == body.size());
    CHECK(talk.tracker.ledger().stream_bytes() ==
          outer.size() + message("first").size() + message("next").size() + answer(202).size() * 3);
  }
}

TEST_CASE("a request that is answered before it is complete is told, with its answer") {
  Talk talk;
  const std::string large = message("large", std::string(5'000, 'x'));
  talk.ask(large.substr(0, 1'000));
  talk.reply(answer(413));
  talk.close();
  CHECK(talk.told() == "large=413~");
  CHECK(talk.listener.messages[0].size == 5'000);
}

TEST_CASE("an answer that nobody asked for is nobody's") {
  Talk talk;
  talk.ask(message("a"));
  talk.reply(answer(202));
  talk.reply(answer(408));
  talk.ask(message("b"));
  talk.reply(answer(404));
  CHECK(talk.told() == "a=202 b=404");
}

TEST_CASE("requests that wait for answers are bounded; the answers still find theirs") {
  ExchangeOptions options;
  options.unanswered = 3;
  Talk talk(options);
  for (const char* name : {"a", "b", "c", "d", "e"}) talk.ask(message(name));
  CHECK(talk.told() == "a=? b=?");
  for (const int status : {202, 202, 404, 405, 202}) talk.reply(answer(status));
  CHECK(talk.told() == "a=? b=? c=404 d=405 e=202");
}

TEST_CASE("their bytes are bounded too: the oldest are told early, and answered later") {
  ExchangeOptions options;
  options.unanswered_bytes = 1'000;
  Talk talk(options);
  for (const char* name : {"a", "b", "c"}) talk.ask(message(name, std::string(600, 'x')));
  CHECK(talk.told() == "a=? b=?");
  for (const int status : {202, 404, 202}) talk.reply(answer(status));
  CHECK(talk.told() == "a=202 b=404 c=202");
  CHECK(talk.listener.answers == 2);
}

TEST_CASE("plain requests that wait are bounded too: told early, and answered later") {
  ExchangeOptions options;
  options.http = true;
  options.unanswered_bytes = 1'000;
  Talk talk(options);
  const std::string post =
      "POST /api/v1 HTTP/1.1\r\nContent-Length: 600\r\n\r\n" + std::string(600, 'x');
  for (int i = 0; i < 3; ++i) talk.ask(post);
  REQUIRE(talk.listener.http.size() == 2);
  CHECK(talk.listener.http[0].url == "/api/v1");
  CHECK_FALSE(talk.listener.http[0].status);
  talk.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  talk.reply("5\r\n3\nabc\r\n0\r\n\r\n");
  CHECK(talk.listener.answers == 1);
  talk.reply(answer(404));
  CHECK(talk.listener.answers == 2);
  talk.reply(answer(405));
  REQUIRE(talk.listener.http.size() == 3);
  CHECK(talk.listener.http[2].status == 405);
  CHECK(talk.listener.answers == 2);
}

TEST_CASE("the answer is not told where the listener does not want it") {
  struct Choosy : capture_test::Listener {
    bool on_message(const SeenMessage& message) override {
      capture_test::Listener::on_message(message);
      return message.name == "wanted";
    }
  };
  Choosy listener;
  ExchangeTracker tracker(listener, {});
  ConnectionInfo info;
  info.number = 1;
  info.client = Side::a;
  const auto reader = tracker.open(info);
  const Time time{std::chrono::seconds{1'000'000}};
  const std::string asked = message("wanted") + message("hidden");
  reader->on_data(Side::a, asked, {time, 0, 0});
  tracker.on_time(time + 3s);
  REQUIRE(listener.messages.size() == 2);
  reader->on_data(Side::b, answer(202) + answer(404), {time + 4s, 0, asked.size()});
  CHECK(listener.answers == 1);
  CHECK(listener.messages[0].status == 202);
}

TEST_CASE("the events of a stream are told to the end, when its request had to be told early") {
  ExchangeOptions options;
  options.http = true;
  options.unanswered_bytes = 1'000;
  Talk talk(options);
  talk.ask("POST /api/v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  talk.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i)
    talk.ask("POST /b HTTP/1.1\r\nContent-Length: 600\r\n\r\n" + std::string(600, 'x'));
  REQUIRE(talk.listener.http.size() == 3);
  talk.reply("7\r\n5\nfirst\r\n");
  talk.reply("8\r\n6\nsecond\r\n");
  CHECK(talk.listener.records == std::vector<std::string>{"first", "second"});
  CHECK(talk.listener.answers == 1);
}

TEST_CASE("of messages being read that do not fit, the one that stalls loses its body") {
  capture_test::Listener listener;
  ExchangeOptions options;
  options.unfinished_bytes = 10'000;
  ExchangeTracker tracker(listener, options);
  std::vector<std::unique_ptr<StreamReader>> readers;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    ConnectionInfo info;
    info.number = number;
    info.client = Side::a;
    readers.push_back(tracker.open(info));
  }
  const Time time{std::chrono::seconds{1'000'000}};
  const std::string stalls = message("stalls", std::string(20'000, 'x')).substr(0, 4'800);
  for (const std::size_t i : {0U, 1U}) readers[i]->on_data(Side::a, stalls, {time, 0, 0});
  const std::string body(4'000, 'y');
  const std::string honest = message("honest", body);
  for (std::size_t at = 0; at < honest.size(); at += 100)
    readers[2]->on_data(Side::a, honest.substr(at, 100), {time, at, 0});
  readers[2]->on_data(Side::b, answer(202), {time, 0, honest.size()});
  REQUIRE(listener.messages.size() == 1);
  CHECK(listener.messages[0].body == body);
  CHECK_FALSE(listener.messages[0].partial);
  CHECK(tracker.ledger().abandoned == 1);
}

TEST_CASE("heads without end are given up too, when nothing else is left to give up") {
  capture_test::Listener listener;
  ExchangeOptions options;
  options.unfinished_bytes = 10'000;
  ExchangeTracker tracker(listener, options);
  std::vector<std::unique_ptr<StreamReader>> readers;
  const Time time{std::chrono::seconds{1'000'000}};
  for (std::uint64_t number = 1; number <= 20; ++number) {
    ConnectionInfo info;
    info.number = number;
    info.client = Side::a;
    readers.push_back(tracker.open(info));
    const std::string head =
        "POST /a/b HTTP/1.1\r\nX: " + std::string(900, 'x') + "\r\nContent-Length: 100\r\n\r\nbody";
    readers.back()->on_data(Side::a, head, {time, 0, 0});
  }
  CHECK(tracker.ledger().abandoned > 5);
}

TEST_CASE("a head of many tiny fields counts with what it costs, and not with its bytes") {
  ExchangeOptions options;
  options.unfinished_bytes = 12'000;
  Talk talk(options);
  std::string head = "POST /a/b HTTP/1.1\r\n";
  for (int i = 0; i < 1'000; ++i) head += "a:\r\n";
  REQUIRE(head.size() < options.unfinished_bytes);
  talk.ask(head);
  CHECK(talk.tracker.ledger().abandoned == 1);
}

TEST_CASE("a body that does not fit is not kept, and what follows is read") {
  ExchangeOptions options;
  options.unfinished_bytes = 1'000;
  Talk talk(options);
  const std::string large = message("large", std::string(5'000, 'x'));
  for (std::size_t at = 0; at < large.size(); at += 100) talk.ask(large.substr(at, 100));
  talk.ask(message("b"));
  talk.reply(answer(202) + answer(404));
  CHECK(talk.told() == "large=202~ b=404");
  CHECK(talk.listener.messages[0].size == 5'000);
  CHECK(talk.tracker.ledger().abandoned > 0);
}

TEST_CASE("plain HTTP beside messages, when asked for") {
  ExchangeOptions options;
  options.http = true;
  Talk talk(options);
  talk.ask("GET /state?x=1 HTTP/1.1\r\n\r\n" + message("a"));
  talk.reply(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
      answer(202));
  CHECK(talk.told() == "a=202");
  REQUIRE(talk.listener.http.size() == 1);
  const capture_test::Http& http = talk.listener.http[0];
  CHECK(http.method == "GET");
  CHECK(http.url == "/state?x=1");
  CHECK(http.status == 200);
  CHECK(http.response_size == 5);
  CHECK(http.response_body == "abcde");
  CHECK(talk.tracker.ledger().http == 1);
}

TEST_CASE("codings are named in any case") {
  ExchangeOptions options;
  options.http = true;
  const std::string packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00"
      "\x00\x00",
      25);
  for (const char* coding : {"gzip", "GZIP", "X-Gzip"}) {
    Talk talk(options);
    talk.ask("GET /a HTTP/1.1\r\n\r\n");
    talk.reply("HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(coding) +
               "\r\nContent-Length: 25\r\n\r\n" + packed);
    REQUIRE(talk.listener.http.size() == 1);
    CHECK(talk.listener.http[0].response_body == "hello");
  }
  Talk talk(options);
  talk.ask("POST /api/v1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  talk.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\n3\nabc\r\n");
  CHECK(talk.listener.records == std::vector<std::string>{"abc"});
}

TEST_CASE("the answer to HEAD has no body, and one without a length runs to the end") {
  ExchangeOptions options;
  options.http = true;
  Talk talk(options);
  talk.ask("HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  talk.reply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  talk.reply("HTTP/1.1 200 OK\r\n\r\nall the rest");
  talk.reader->on_end(Side::b, talk.time);
  REQUIRE(talk.listener.http.size() == 2);
  CHECK(talk.listener.http[0].response_size == 0);
  CHECK(talk.listener.http[1].response_body == "all the rest");
}

TEST_CASE("the events of a v1 stream are told as they come") {
  ExchangeOptions options;
  options.http = true;
  Talk talk(options);
  talk.ask("POST /api/v1/scheduler HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
  talk.reply(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  talk.reply("7\r\n5\nfirst\r\n");
  CHECK(talk.listener.records == std::vector<std::string>{"first"});
  talk.reply("5\r\n6\nsec\r\n3\r\nond\r\n");
  CHECK(talk.listener.records == std::vector<std::string>{"first", "second"});
  REQUIRE(talk.listener.http.size() == 1);
  CHECK_FALSE(talk.listener.http[0].response_size);
  talk.close();
  CHECK(talk.listener.http.size() == 1);
}

TEST_CASE("a body that says gzip and is none is told as it came") {
  Talk talk;
  talk.ask(
      "POST /a/b HTTP/1.1\r\nLibprocess-From: x@1.1.1.1:1\r\nContent-Encoding: gzip\r\n"
      "Content-Length: 4\r\n\r\nnope");
  talk.close();
  CHECK(talk.listener.messages[0].body == "nope");
  CHECK(talk.tracker.ledger().undecodable == 1);
}

}  // namespace capture_exchange_test
