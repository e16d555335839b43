// What a Context answers to bytes on a socket, checked with raw sockets.
#include <doctest/doctest.h>
#include <zlib.h>

#include <future>

#include "support/actors.h"
#include "support/raw_peer.h"

namespace actor_server_test {

using namespace actors;

namespace {

/// A Context with one process that keeps what it gets, and a raw peer connected to it.
struct Served {
  explicit Served(const Options& options = loopback())
      : context(options), process(spawned<Recorder>(context)), peer(port()) {}
  std::uint16_t port() const { return context.bound().port; }

  Context context;
  std::shared_ptr<Recorder> process;
  raw::Peer peer;
};

std::string repeated(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string gzip(std::string text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

const std::string kFrom = "Libprocess-From: peer@127.0.0.1:9\r\n";

}  // namespace

TEST_CASE("a message to a process is answered 202 byte for byte as libprocess does") {
  Served s;
  s.peer.write(raw::message("recorder", "ping", "hello"));
  const std::string answer = s.peer.read_through("\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 202 Accepted\r\nDate: "));
  CHECK(answer.ends_with(" GMT\r\nContent-Length: 0\r\n\r\n"));
  const auto messages = s.process->messages.wait(1);
  CHECK(messages[0] ==
        Seen{"peer@127.0.0.1:9", "peer@127.0.0.1:9", s.process->pid().str(), "ping", "hello"});
  CHECK(s.peer.nothing_to_read());
}

TEST_CASE("a name that no mailbox has is dropped and answered 202") {
  Context context(loopback());
  auto process = std::make_shared<Plain>();
  Log<std::string> known;
  process->install("known",
                   [&](const Pid&, std::string_view body) { known.add(std::string(body)); });
  context.spawn(process);
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("plain", "unknown", "x") + raw::message("plain", "known", "y"));
  CHECK(peer.read_statuses(2) == std::vector{202, 202});
  CHECK(known.now() == std::vector<std::string>{"y"});
}

TEST_CASE("an unknown process is answered 404 with libprocess' body, and the connection stays") {
  Served s;
  s.peer.write(raw::message("nobody", "ping", "x") + raw::message("recorder", "ping", "y"));
  const raw::Response missing = s.peer.read_response();
  CHECK(missing.status == 404);
  CHECK(missing.body == "404 Not Found.");
  CHECK(missing.head.find("Content-Type: text/plain; charset=utf-8\r\n") != std::string::npos);
  CHECK(s.peer.read_status() == 202);
  CHECK(s.context.statistics().messages_dropped == 1);
}

TEST_CASE("with peer address match a sender of another address is answered 400 naming both") {
  Options options = loopback();
  options.require_peer_ip_match = true;
  Served s(options);
  s.peer.write(raw::message("recorder", "ping", "x", "a@10.1.2.3:5") +
               raw::message("recorder", "ping", "y", "a@127.0.0.1:5"));
  const raw::Response refused = s.peer.read_response();
  CHECK(refused.status == 400);
  CHECK(refused.body.find("10.1.2.3") != std::string::npos);
  CHECK(refused.body.find("127.0.0.1") != std::string::npos);
  CHECK(s.peer.read_status() == 202);
  CHECK(s.process->messages.now().size() == 1);
  CHECK(watcher(s.context).rejections.now().size() == 1);
}

TEST_CASE("a bad escape in the id is answered 500 with a reason, and the connection stays") {
  Served s;
  s.peer.write(raw::message("reco%zzrder", "ping", "") + raw::message("%7", "ping", "") +
               raw::message("recorder", "ping", ""));
  const raw::Response bad = s.peer.read_response();
  CHECK(bad.status == 500);
  CHECK_FALSE(bad.body.empty());
  CHECK(s.peer.read_statuses(2) == std::vector{500, 202});
}

TEST_CASE("an id is percent-decoded, a name is not") {
  Context context(loopback());
  const auto process = spawned<Recorder>(context, "a b/c+");
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("a%20b%2Fc%2b", "x%20y/z", "") + raw::message("a+b%2fc%2B", "n?q=1", ""));
  CHECK(peer.read_statuses(2) == std::vector{202, 202});
  const auto messages = process->messages.wait(2);
  CHECK(messages[0].name == "x%20y/z");
  CHECK(messages[0].to == process->pid().str());
  CHECK(messages[1].name == "n");
}

TEST_CASE("a message without a name is delivered with an empty one") {
  Served s;
  s.peer.write("POST /recorder HTTP/1.1\r\n" + kFrom + "\r\nPOST /recorder/ HTTP/1.1\r\n" + kFrom +
               "\r\n");
  CHECK(s.peer.read_statuses(2) == std::vector{202, 202});
  const auto messages = s.process->messages.wait(2);
  CHECK(messages[0].name.empty());
  CHECK(messages[1].name.empty());
}

TEST_CASE("after Connection: close comes 202, then FIN") {
  Served s;
  s.peer.write("POST /recorder/a HTTP/1.1\r\n" + kFrom + "Connection: close\r\n\r\n" +
               raw::message("recorder", "behind", ""));
  CHECK(s.peer.read_status() == 202);
  s.peer.shut_writing();
  CHECK(s.peer.read_ending() == 0);
  CHECK(s.process->messages.now().size() == 1);
}

TEST_CASE("HTTP/1.0 without keep-alive is answered 202, then FIN; with it the answer says so") {
  Served s;
  s.peer.write("POST /recorder/a HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n" +
               kFrom + "\r\nPOST /recorder/b HTTP/1.0\r\nContent-Length: 0\r\n" + kFrom + "\r\n");
  const raw::Response kept = s.peer.read_response();
  CHECK(kept.status == 202);
  CHECK(kept.head.ends_with("Connection: Keep-Alive\r\n"));
  CHECK(s.peer.read_status() == 202);
  s.peer.shut_writing();
  CHECK(s.peer.read_ending() == 0);
}

TEST_CASE("many chunks, extensions, trailers, Content-Length and legacy senders are delivered") {
  Served s;
  s.peer.write("POST /recorder/chunks HTTP/1.1\r\n" + kFrom +
               "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
               "POST /recorder/trailer HTTP/1.1\r\n" +
               kFrom + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n" +
               "POST /recorder/length HTTP/1.1\r\n" + kFrom +
               "Content-Length: 4\r\nExpect: 100-continue\r\n\r\nfour"
               "POST /recorder/legacy HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n"
               "user-agent: libprocess/old@127.0.0.1:7\r\n\r\nL");
  CHECK(s.peer.read_statuses(4) == std::vector{202, 202, 202, 202});
  const auto messages = s.process->messages.wait(4);
  CHECK(messages[0].body == "abcde");
  CHECK(messages[1].body == "x");
  CHECK(messages[2].body == "four");
  CHECK(messages[3].from == "old@127.0.0.1:7");
}

TEST_CASE("a message that comes byte by byte is delivered") {
  Served s;
  for (const char c : raw::message("recorder", "ping", "slow")) s.peer.write({&c, 1});
  CHECK(s.peer.read_status() == 202);
  CHECK(s.process->messages.wait(1)[0].body == "slow");
}

TEST_CASE("a gzip body is delivered decompressed, a broken one is answered 500") {
  Served s;
  const auto zipped = [](const std::string& bytes) {
    return "POST /recorder/z HTTP/1.1\r\n" + kFrom +
           "Content-Encoding: gzip\r\nContent-Length: " + std::to_string(bytes.size()) +
           "\r\n\r\n" + bytes;
  };
  s.peer.write(zipped(gzip("plain text")) + zipped("no gzip"));
  CHECK(s.peer.read_statuses(2) == std::vector{202, 500});
  CHECK(s.process->messages.now() ==
        std::vector<Seen>{
            {"peer@127.0.0.1:9", "peer@127.0.0.1:9", s.process->pid().str(), "z", "plain text"}});
}

TEST_CASE("a decompressed body over the limit is answered 500") {
  Options options = loopback();
  options.max_body = 100'000;
  Served s(options);
  const std::string bomb = gzip(std::string(1'000'000, 'x'));
  s.peer.write("POST /recorder/z HTTP/1.1\r\n" + kFrom + "Content-Encoding: gzip\r\n" +
               "Content-Length: " + std::to_string(bomb.size()) + "\r\n\r\n" + bomb);
  CHECK(s.peer.read_status() == 500);
  CHECK(s.process->messages.now().empty());
}

TEST_CASE(
    "a sender that is no PID is delivered as @0.0.0.0:0, once per connection with a warning") {
  Served s;
  s.peer.write(raw::message("recorder", "a", "", "garbage") +
               raw::message("recorder", "b", "", "rubbish") +
               "POST /recorder/c HTTP/1.1\r\nLibprocess-From:\r\n\r\n");
  CHECK(s.peer.read_statuses(3) == std::vector{202, 202, 202});
  const auto messages = s.process->messages.wait(3);
  CHECK(messages[0].from == "@0.0.0.0:0");
  CHECK(messages[0].sender == "garbage");
  CHECK(messages[2].from == "@0.0.0.0:0");
  CHECK(watcher(s.context).warnings.now().size() == 1);
}

TEST_CASE("what is no HTTP closes the connection without a byte, and nothing is delivered") {
  const std::vector<std::string> streams = {
      "NOT HTTP AT ALL\r\n\r\n",
      "POST /recorder/a HTTP/1.1\r\nno colon\r\n\r\n",
      "POST /recorder/a HTTP/1.1\r\n" + kFrom + "Content-Length: x\r\n\r\n",
      "POST /recorder/a HTTP/1.1\r\n" + kFrom + "Content-Length: -1\r\n\r\n",
      "POST /recorder/a HTTP/1.1\r\n" + kFrom + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      "POST /recorder/a HTTP/1.1\r\n" + kFrom +
          "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      "POST /recorder/a HTTP/1.1\r\n" + kFrom + "X: " + std::string(100'000, 'x') + "\r\n\r\n",
  };
  Served s;
  for (const std::string& stream : streams) {
    CAPTURE(stream.substr(0, 120));
    raw::Peer peer(s.port());
    peer.write(stream);
    peer.shut_writing();
    CHECK(peer.read_to_end().empty());
  }
  CHECK(s.process->messages.now().empty());
  CHECK(watcher(s.context).rejections.now().size() == streams.size());
  s.peer.write(raw::message("recorder", "others-go-on", ""));
  CHECK(s.peer.read_status() == 202);
}

TEST_CASE("what came before a malformed request is delivered and answered") {
  Served s;
  s.peer.write(raw::message("recorder", "good", "") + "rubbish\r\n\r\n");
  CHECK(s.peer.read_status() == 202);
  s.peer.shut_writing();
  CHECK(s.peer.read_ending() == 0);
  CHECK(s.process->messages.now().size() == 1);
}

TEST_CASE("a body over the limit closes the connection, one at the limit is delivered") {
  Options options = loopback();
  options.max_body = 1000;
  Served s(options);
  s.peer.write(raw::message("recorder", "a", std::string(1000, 'x')) +
               raw::message("recorder", "b", std::string(1001, 'x')));
  CHECK(s.peer.read_status() == 202);
  s.peer.shut_writing();
  s.peer.read_ending();
  CHECK(s.process->messages.now().size() == 1);
}

TEST_CASE("after a half-close the answer is still sent, then FIN") {
  Served s;
  s.peer.write(raw::message("recorder", "last", "words"));
  s.peer.shut_writing();
  CHECK(s.peer.read_status() == 202);
  CHECK(s.peer.read_ending() == 0);
  CHECK(s.process->messages.now().size() == 1);
}

TEST_CASE("a half-close in the middle of a message closes, and nothing is delivered") {
  Served s;
  const std::string message = raw::message("recorder", "cut", "short");
  s.peer.write(message.substr(0, message.size() - 3));
  s.peer.shut_writing();
  CHECK(s.peer.read_to_end().empty());
  CHECK(s.process->messages.now().empty());
}

TEST_CASE("200 messages in one segment are 200 delivered and 200 answers") {
  Served s;
  std::string all;
  for (int i = 0; i < 200; ++i) all += raw::message("recorder", "n", std::to_string(i));
  s.peer.write(all);
  CHECK(s.peer.read_statuses(200) == std::vector(200, 202));
  const auto messages = s.process->messages.wait(200);
  for (std::size_t i = 0; i < 200; ++i) CHECK(messages[i].body == std::to_string(i));
}

TEST_CASE("answers come in the order of the requests, whatever they are") {
  Served s;
  std::string all;
  std::vector<int> expected;
  for (int i = 0; i < 100; ++i) {
    all += raw::message(i % 2 == 0 ? "recorder" : "nobody", "n", "");
    all += "GET /nothing HTTP/1.1\r\n\r\n" + raw::message("%", "n", "");
    expected.insert(expected.end(), {i % 2 == 0 ? 202 : 404, 404, 500});
  }
  s.peer.write(all);
  CHECK(s.peer.read_statuses(expected.size()) == expected);
}

TEST_CASE("all that a sender wrote is delivered when it has shut its reading side") {
  Served s;
  s.peer.shut_reading();
  s.peer.write(repeated(5000, raw::message("recorder", "n", std::string(100, 'x'))));
  CHECK(s.process->messages.wait(5000).size() == 5000);
}

TEST_CASE("all that a sender wrote is delivered when it closes without reading an answer") {
  Served s;
  s.peer.write(repeated(200, raw::message("recorder", "n", "")));
  s.process->messages.wait(200);  // by now answers lie unread in the sender's socket, …
  s.peer.write(repeated(200, raw::message("recorder", "n", "")));
  s.peer.close();  // … so this sends a RST
  CHECK(s.process->messages.wait(400).size() == 400);
}

TEST_CASE("a sender that never reads its answers is served on, in bounded memory") {
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  raw::Peer peer(context.bound().port, 4096);
  // Some 10 MB of answers; the sockets between take a part only.
  constexpr std::size_t kCount = 100'000;
  const std::string some = repeated(1000, raw::message("recorder", "n", ""));
  for (std::size_t i = 0; i < kCount / 1000; ++i) peer.write(some);
  process->messages.wait(kCount);
  CHECK(peer.read_statuses(kCount) == std::vector(kCount, 202));
}

namespace {

/// Knows when a message has come as far as receiving is paused.
class Waiting : public Recorder {
 public:
  mutable Log<std::string> held_back;

 private:
  bool receives_while_paused(std::string_view name) const override {
    held_back.add(std::string(name));
    return false;
  }
};

/// The statuses of answers; one that is cut off at the end does not count. Throws where one begins
/// inside another.
std::vector<int> statuses_of(std::string_view answers) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  std::vector<int> statuses;
  for (std::size_t end; (end = answers.find("\r\n\r\n")) != std::string_view::npos;) {
    const std::string head(answers.substr(0, end));
    if (head.rfind(kStart) != 0) throw std::runtime_error("an answer inside an answer");
    statuses.push_back(std::atoi(head.c_str() + kStart.size()));
    const int body = std::atoi(head.c_str() + head.find(kLength) + kLength.size());
    answers.remove_prefix(std::min(end + 4 + static_cast<std::size_t>(body), answers.size()));
  }
  return statuses;
}

}  // namespace

TEST_CASE("a sender that gets no more answers gets none to a message that waited, either") {
  Context context(loopback());
  const auto process = spawned<Waiting>(context);
  raw::Peer peer(context.bound().port, 4096);
  // Of two kinds by turns, so that they cannot be counted as one. Some 20 MB of answers.
  constexpr std::size_t kCount = 100'000;
  const std::string some =
      repeated(1000, raw::message("recorder", "n", "") + raw::message("nobody", "n", ""));
  for (std::size_t i = 0; i < kCount / 1000; ++i) peer.write(some);
  CHECK(watcher(context).warnings.wait(1)[0].ends_with("it gets no more"));
  process->messages.wait(kCount);
  context.pause_receiving();
  peer.write(raw::message("recorder", "late", ""));
  process->held_back.wait(1);
  context.resume_receiving();
  process->messages.wait(kCount + 1);
  peer.shut_writing();
  const std::vector<int> statuses = statuses_of(peer.read_to_end());
  REQUIRE(statuses.size() > 100);
  CHECK(statuses.size() < 2 * kCount);
  std::size_t in_turn = 0;
  while (in_turn < statuses.size() && statuses[in_turn] == (in_turn % 2 == 0 ? 202 : 404))
    ++in_turn;
  CHECK(in_turn == statuses.size());
}

TEST_CASE("a peer that asks and does not read is read no further, and gets all when it reads") {
  Log<int> asked;
  const std::string large(100'000, 'x');
  Context context(loopback());
  context.route("/large", [&](const HttpRequest&) {
    asked.add(0);
    return HttpResponse{200, "text/plain", large};
  });
  raw::Peer peer(context.bound().port, 4096);
  // Apart, so that reading can stop between them.
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i)
      peer.write("GET /large HTTP/1.1\r\nX: " + large.substr(0, 60000) + "\r\n\r\n");
  });
  for (int i = 0; i < 300; ++i) CHECK(peer.read_response().body.size() == large.size());
  writer.join();
  CHECK(asked.now().size() == 300);
}

TEST_CASE("an answer of any size is written, and the connection stays") {
  const std::string large = repeated(20, std::string(1'000'000, 'x'));
  Context context(loopback());
  context.route("/large", [&](const HttpRequest&) { return HttpResponse{200, "", large}; });
  raw::Peer peer(context.bound().port);
  for (int i = 0; i < 2; ++i) {
    peer.write("GET /large HTTP/1.1\r\n\r\n");
    CHECK(peer.read_response().body.size() == large.size());
  }
  CHECK(watcher(context).warnings.now().empty());
}

TEST_CASE("who asks for much in one read gets all of it, in bounded memory") {
  const std::string large(1'000'000, 'x');
  std::atomic<int> asked = 0;
  Context context(loopback());
  context.route("/large", [&](const HttpRequest&) {
    ++asked;
    return HttpResponse{200, "", large};
  });
  raw::Peer peer(context.bound().port, 4096);
  peer.write(repeated(200, "GET /large HTTP/1.1\r\n\r\n"));
  CHECK(peer.read_response().body.size() == large.size());
  for (int i = 0; i < 100; ++i) on_loop(context);
  // What the sockets between us take, and one or two that wait for them.
  CHECK(asked < 20);
  for (int i = 1; i < 200; ++i) CHECK(peer.read_response().body.size() == large.size());
  CHECK(asked == 200);
}

TEST_CASE("one connection's requests are served a few at a time") {
  std::atomic<int> asked = 0;
  std::atomic<int> asked_before = 0;
  Context context(loopback());
  const auto process = spawned<Recorder>(context);
  context.route("/a", [&](const HttpRequest&) {
    ++asked;
    return HttpResponse{200, "", "x"};
  });
  context.route("/other", [&](const HttpRequest&) {
    asked_before = asked.load();
    return HttpResponse{200, "", "x"};
  });
  raw::Peer greedy(context.bound().port), other(context.bound().port);
  greedy.write("GET /a HTTP/1.1\r\n\r\n");
  other.write("GET /a HTTP/1.1\r\n\r\n");
  CHECK(greedy.read_status() + other.read_status() == 400);
  // Both wait to be read, the greedy one with all of its requests, when the loop goes on.
  on_loop(context, [&] {
    greedy.write(repeated(5000, "GET /a HTTP/1.1\r\n\r\n"));
    other.write("GET /other HTTP/1.1\r\n\r\n");
  });
  CHECK(other.read_status() == 200);
  CHECK(asked_before < 100);
  CHECK(greedy.read_statuses(5000) == std::vector(5000, 200));
}

TEST_CASE("answers that nobody reads are bounded together; who reads gets his") {
  Options options = loopback();
  options.max_unread = 3'000'000;
  const std::string large(900'000, 'x');
  Context context(options);
  context.route("/large", [&](const HttpRequest&) { return HttpResponse{200, "", large}; });
  const std::string ask = repeated(50, "GET /large HTTP/1.1\r\n\r\n");
  std::vector<raw::Peer> deaf;
  for (int i = 0; i < 10; ++i) deaf.emplace_back(context.bound().port, 4096).write(ask);
  raw::Peer reading(context.bound().port);
  reading.write(ask);
  for (int i = 0; i < 50; ++i) CHECK(reading.read_response().body.size() == large.size());
  const auto why = watcher(context).rejections.wait(1);
  CHECK(why[0].starts_with("answers that nobody reads hold over 3000000 bytes"));
  CHECK(context.statistics().connections_open <= 5);
}

TEST_CASE("while receiving is paused messages wait, and plain requests are served") {
  Served s;
  s.context.pause_receiving();
  raw::Peer late(s.port());
  s.peer.write("GET /help HTTP/1.1\r\n\r\n" + raw::message("nobody", "x", "") +
               raw::message("recorder", "a", "") + "GET /help HTTP/1.1\r\n\r\n");
  late.write(raw::message("recorder", "b", "") + raw::message("recorder", "c", ""));
  CHECK(s.peer.read_statuses(2) == std::vector{200, 404});
  for (int i = 0; i < 100; ++i) on_loop(s.context);
  CHECK(s.process->messages.now().empty());
  CHECK(s.peer.nothing_to_read());
  s.context.resume_receiving();
  CHECK(s.peer.read_statuses(2) == std::vector{202, 200});
  CHECK(late.read_statuses(2) == std::vector{202, 202});
}

TEST_CASE("a pause takes effect with the next message, also of those read already") {
  Served s;
  on_loop(s.context, [&] {
    s.peer.write(repeated(100, raw::message("recorder", "a", "")));
    s.context.pause_receiving();
  });
  for (int i = 0; i < 100; ++i) on_loop(s.context);
  CHECK(s.process->messages.now().empty());
  // Each goes on in its turn, and from where it stopped.
  s.context.resume_receiving();
  CHECK(s.peer.read_statuses(100) == std::vector(100, 202));
}

TEST_CASE("a message that closes its connection waits as any other does, and is then the last") {
  Served s;
  s.context.pause_receiving();
  s.peer.write("POST /recorder/a HTTP/1.0\r\n" + kFrom + "Content-Length: 2\r\n\r\nok");
  for (int i = 0; i < 100; ++i) on_loop(s.context);
  CHECK(s.process->messages.now().empty());
  s.context.resume_receiving();
  CHECK(s.peer.read_status() == 202);
  CHECK(s.peer.read_ending() == 0);
  CHECK(s.process->messages.wait(1)[0].body == "ok");
}

TEST_CASE("while receiving is paused a process may get what it lets pass") {
  struct Probed : Recorder {
    bool receives_while_paused(std::string_view name) const override { return name == "probe"; }
  };
  Context context(loopback());
  const auto process = spawned<Probed>(context);
  context.pause_receiving();
  raw::Peer peer(context.bound().port), another(context.bound().port);
  another.write(raw::message("recorder", "n", ""));
  peer.write(raw::message("recorder", "probe", "") + raw::message("recorder", "n", "") +
             raw::message("recorder", "probe", ""));
  CHECK(peer.read_status() == 202);
  for (int i = 0; i < 100; ++i) on_loop(context);
  CHECK(process->messages.now().size() == 1);
  context.resume_receiving();
  CHECK(peer.read_statuses(2) == std::vector{202, 202});
  CHECK(another.read_status() == 202);
}

TEST_CASE("while receiving is paused little of a large message is read") {
  Served s;
  s.context.pause_receiving();
  const std::string large = raw::message("recorder", "a", std::string(std::size_t{10} << 20, 'x'));
  std::thread writer([&] { s.peer.write(large); });
  // Much more than is held would go through in this time.
  for (int i = 0; i < 1000; ++i) on_loop(s.context);
  s.context.resume_receiving();
  writer.join();
  CHECK(s.peer.read_status() == 202);
  CHECK(s.process->messages.wait(1)[0].body.size() == std::size_t{10} << 20);
}

TEST_CASE("a context that starts paused receives nothing before its processes are there") {
  Options options = loopback();
  options.start_paused = true;
  Context context(options);
  raw::Peer peer(context.bound().port);
  peer.write(raw::message("recorder", "early", ""));
  for (int i = 0; i < 100; ++i) on_loop(context);
  const auto process = spawned<Recorder>(context);
  context.resume_receiving();
  CHECK(peer.read_status() == 202);
  CHECK(process->messages.wait(1)[0].name == "early");
}

TEST_CASE("over the limit of connections accepting waits, with one warning, and goes on") {
  Options options = loopback();
  options.max_connections = 2;
  Served s(options);
  raw::Peer second(s.port()), third(s.port()), fourth(s.port());
  third.write(raw::message("recorder", "c", ""));
  fourth.write(raw::message("recorder", "d", ""));
  watcher(s.context).warnings.wait(1);
  CHECK(s.context.statistics().connections_open == 2);
  s.peer.close();
  CHECK(third.read_status() == 202);
  second.close();
  CHECK(fourth.read_status() == 202);
  CHECK(watcher(s.context).warnings.now().size() == 1);
}

TEST_CASE("messages that are not complete are bounded together, what stands still is given up") {
  Options options = loopback();
  options.max_incomplete = 2'000'000;
  Served s(options);
  const std::string head =
      "POST /recorder/a HTTP/1.1\r\n" + kFrom + "Content-Length: 1200000\r\n\r\n";
  // All together over the limit, and each smaller than the honest message that comes then.
  std::vector<raw::Peer> still;
  for (int i = 0; i < 20; ++i) still.emplace_back(s.port()).write(head + std::string(150'000, 'x'));
  watcher(s.context).rejections.wait(1);
  s.peer.write(head);
  for (int i = 0; i < 12; ++i) {
    s.peer.write(std::string(100'000, 'x'));
    on_loop(s.context);
  }
  CHECK(s.peer.read_status() == 202);
  CHECK(s.process->messages.wait(1)[0].body.size() == 1'200'000);
}

TEST_CASE("one message alone over the limit of incomplete ones is given up") {
  Options options = loopback();
  options.max_incomplete = 300'000;
  Served s(options);
  raw::Peer large(s.port());
  large.write("POST /recorder/a HTTP/1.1\r\n" + kFrom + "Content-Length: 1000000\r\n\r\n" +
              std::string(350'000, 'x'));
  CHECK(large.read_to_end().empty());
  CHECK(watcher(s.context).rejections.wait(1)[0].starts_with("messages that are not complete"));
  s.peer.write(raw::message("recorder", "b", "others go on"));
  CHECK(s.peer.read_status() == 202);
}

TEST_CASE("a head of many tiny fields counts with what it costs") {
  Options options = loopback();
  options.max_incomplete = 300'000;
  Served s(options);
  raw::Peer peer(s.port());
  // 75 kB of bytes, and 400 kB of notes on where each field is.
  peer.write("POST /recorder/a HTTP/1.1\r\n" + kFrom + repeated(25'000, "a:\n"));
  CHECK(peer.read_to_end().empty());
  CHECK(watcher(s.context).rejections.wait(1)[0].starts_with("messages that are not complete"));
}

TEST_CASE("a hostile peer cannot flood us with warnings, nor with what is rejected") {
  constexpr int kPeers = 1000;
  Served s;
  const auto began = std::time(nullptr);
  for (int i = 0; i < kPeers; ++i) {
    raw::Peer peer(s.port());
    peer.write(raw::message("recorder", "n", "", "garbage") +
               repeated(10, raw::message("%zz", "n", "")));
    CHECK(peer.read_statuses(11).back() == 500);
  }
  const auto seconds = static_cast<std::size_t>(std::time(nullptr) - began) + 1;
  const auto warnings = watcher(s.context).warnings.now();
  const auto said = [&](std::string_view text) {
    return std::count_if(warnings.begin(), warnings.end(),
                         [&](const std::string& warning) { return warning.starts_with(text); });
  };
  CHECK(warnings.size() <= 101 * seconds);
  CHECK(watcher(s.context).rejections.now().size() <= 100 * seconds);
  CHECK(said("too many rejections") > 0);
  CHECK(s.context.statistics().messages_rejected == 10 * kPeers);
}

TEST_CASE("a reset connection is forgotten") {
  Served s;
  s.peer.write(raw::message("recorder", "n", ""));
  CHECK(s.peer.read_status() == 202);
  s.peer.reset();
  raw::Peer another(s.port());
  another.write(raw::message("recorder", "n", ""));
  CHECK(another.read_status() == 202);
  while (s.context.statistics().connections_open != 1) std::this_thread::yield();
}

TEST_CASE("a plain request gets the longest route of the process, else the context's, else 404") {
  Context context(loopback());
  auto process = std::make_shared<Plain>("p");
  const auto text = [](const char* what) {
    return [what](const HttpRequest& r) {
      return HttpResponse{200, "text/plain", std::string(what) + " " + std::string(r.query)};
    };
  };
  process->route("/a", text("a"));
  process->route("/a/b", text("ab"));
  process->install("a", [](const Pid&, std::string_view) {});
  context.spawn(process);
  context.route("/shared", text("shared"));
  raw::Peer peer(context.bound().port);
  const auto get = [&](const std::string& path, const std::string& method = "GET") {
    peer.write(method + " " + path + " HTTP/1.1\r\n\r\n");
    const raw::Response response = peer.read_response();
    return std::to_string(response.status) + " " + response.body;
  };
  CHECK(get("/p/a?x=1") == "200 a x=1");
  CHECK(get("/p/a/b/c") == "200 ab ");
  CHECK(get("/p/a/bc") == "200 a ");
  CHECK(get("/p/ab").starts_with("404"));
  CHECK(get("/p").starts_with("404"));
  CHECK(get("/shared/below") == "200 shared ");
  CHECK(get("/").starts_with("404"));
  CHECK(get("*", "OPTIONS").starts_with("400"));
  CHECK(get("//").starts_with("404"));
  // A message goes to the mailbox of the same name, not to the route.
  peer.write(raw::message("p", "a", "") + "POST /p/a HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  CHECK(peer.read_statuses(2) == std::vector{202, 200});
}

TEST_CASE("a HEAD request gets the length and no body") {
  Context context(loopback());
  context.route("/r", [](const HttpRequest&) { return HttpResponse{200, "text/plain", "12345"}; });
  raw::Peer peer(context.bound().port);
  peer.write("HEAD /r HTTP/1.1\r\n\r\nGET /r HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string head = peer.read_through("\r\n\r\n");
  CHECK(head.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(peer.read_response().body == "12345");
}

TEST_CASE("a route that throws is a 500 and a warning; the connection stays") {
  Context context(loopback());
  context.route("/bad", [](const HttpRequest&) -> HttpResponse { throw std::logic_error("oh"); });
  raw::Peer peer(context.bound().port);
  peer.write("GET /bad HTTP/1.1\r\n\r\nGET /bad HTTP/1.1\r\n\r\n");
  CHECK(peer.read_statuses(2) == std::vector{500, 500});
  CHECK(context.statistics().handler_exceptions == 2);
}

TEST_CASE("a plain request to no process goes to the delegate") {
  Options options = loopback();
  options.delegate = "master";
  Context context(options);
  auto master = std::make_shared<Plain>("master");
  master->route("/state", [](const HttpRequest&) { return HttpResponse{200, "text/plain", "st"}; });
  master->route("/", [](const HttpRequest&) { return HttpResponse{200, "text/plain", "root"}; });
  context.spawn(master);
  raw::Peer peer(context.bound().port);
  peer.write("GET /state HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  CHECK(peer.read_response().body == "st");
  CHECK(peer.read_response().body == "root");
}

TEST_CASE("what every libprocess serves is served") {
  Served s;
  for (const std::string path : {"/__processes__", "/metrics/snapshot", "/system/stats.json",
                                 "/help", "/help/help", "/help?format=json"}) {
    CAPTURE(path);
    s.peer.write("GET " + path + " HTTP/1.1\r\n\r\n");
    const raw::Response response = s.peer.read_response();
    CHECK(response.status == 200);
    CHECK_FALSE(response.body.empty());
  }
  s.peer.write("GET /__processes__ HTTP/1.1\r\n\r\n");
  CHECK(s.peer.read_response().body == R"([{"events":[],"id":"recorder"}])");
}

}  // namespace actor_server_test
