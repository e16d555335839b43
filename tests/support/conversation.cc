#include "support/conversation.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>

namespace capture_test {

using namespace compactor::capture;    // NOLINT: a test reads its subject's names
using namespace std::chrono_literals;  // NOLINT

namespace {

using Duration = std::chrono::nanoseconds;

/// How long things take in a conversation.
class Tempo {
 public:
  explicit Tempo(Random& random) : random_(random) {
    constexpr Duration kUnits[] = {1ms, 1ms, 30ms};
    const std::size_t kind = random() % 3;
    constant_ = kind == 0;
    unit_ = kUnits[kind];
    pauses_ = random() % 4 == 0;
  }
  Duration next() {
    if (pauses_ && random_() % 50 == 0) return Duration(300ms) * (1 + random_() % 16);
    if (constant_) return unit_;
    return Duration(static_cast<std::int64_t>(
        std::exponential_distribution<>(1.0 / static_cast<double>(unit_.count()))(random_)));
  }

 private:
  Random& random_;
  bool constant_;
  Duration unit_;
  bool pauses_;
};

struct Exchanged {
  std::string name;  // empty for plain HTTP
  std::string request;
  std::string response;
  std::uint64_t end = 0;  // of the request in its direction
  int status = 0;
};

std::string message_text(const std::string& name, const std::string& body, bool chunked) {
  std::string text = "POST /sink/" + name + " HTTP/1.1\r\nLibprocess-From: me@10.0.0.1:5\r\n";
  if (body.empty()) return text + "\r\n";
  if (!chunked) return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string size;
  for (std::size_t rest = body.size(); rest > 0; rest /= 16)
    size.insert(0, 1, "0123456789abcdef"[rest % 16]);
  return text + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\n\r\n";
}

constexpr std::string_view kSmuggled = "POST /sink/smuggled";

std::string some_body(Random& random, std::size_t number) {
  const std::size_t kind = random() % 10;
  if (kind < 3) return {};
  if (kind < 8) return std::string(1 + random() % 400, 'b');
  std::string body(random() % 2'000, 'x');
  // What looks like a message, inside one.
  if (kind == 9) {
    body += message_text("smuggled" + std::to_string(number), "inner", false);
    if (random() % 2) body += std::string(1 + random() % 1'500, 'y');
  }
  return body;
}

Exchanged some_exchange(Random& random, std::size_t number) {
  constexpr int kStatuses[] = {202, 202, 404, 405, 500, 400};
  Exchanged made;
  if (random() % 10 == 0) {
    made.request = "GET /path/" + std::to_string(number) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string body(random() % 3'000, 'r');
    made.response =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    return made;
  }
  made.name = "m" + std::to_string(number);
  made.status = kStatuses[random() % 6];
  made.request = message_text(made.name, some_body(random, number), random() % 2 == 0);
  made.response =
      "HTTP/1.1 " + std::to_string(made.status) +
      (made.status == 202 ? " Accepted\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT" : " No") +
      "\r\nContent-Length: 0\r\n\r\n";
  return made;
}

/// Both ends, the wire between them, and the capture in the middle of it.
class Talk {
 public:
  explicit Talk(Random& random) : random_(random), tempo_(random) {
    const std::uint8_t client[] = {10, 0, 0, 1};
    const std::uint8_t server[] = {10, 0, 0, 2};
    ends_[0] = {{Address::v4(client), static_cast<std::uint16_t>(10'000 + random() % 50'000)},
                static_cast<std::uint32_t>(random())};
    ends_[1] = {{Address::v4(server), 5050}, static_cast<std::uint32_t>(random())};
    const std::size_t count = 1 + random() % 30;
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < count; ++i) {
      exchanges_.push_back(some_exchange(random, i));
      exchanges_.back().end = end += exchanges_.back().request.size();
    }
    window_ = random() % 3 == 0 ? 1 : 1 + random() % 6;
    closed_loop_ = random() % 2 == 0;
    answers_until_ = random() % 8 == 0 ? random() % (count + 1) : count;
    latency_ = Duration(50us) * (1 + random() % 20);
  }

  Conversation run() {
    packet(0, {}, true, false, false);
    later(latency_, [this] {
      packet(1, {}, true, false, true);
      later(latency_, [this] {
        packet(0, {}, false, false, true);
        ask();
      });
    });
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      event.call();
    }
    close();
    Conversation made;
    std::stable_sort(packets_.begin(), packets_.end(),
                     [](const TcpPacket& a, const TcpPacket& b) { return a.time < b.time; });
    made.packets = std::move(packets_);
    for (std::size_t i = 0; i < exchanges_.size(); ++i) {
      if (exchanges_[i].name.empty() || i >= asked_) continue;
      auto& status = made.statuses[exchanges_[i].name];
      if (i < answered_) status = exchanges_[i].status;
    }
    return made;
  }

 private:
  struct End {
    Endpoint endpoint;
    std::uint32_t isn = 0;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  struct Event {
    Time time;
    std::uint64_t order;
    std::function<void()> call;
    bool operator<(const Event& o) const {
      return std::pair(time, order) > std::pair(o.time, o.order);
    }
  };

  void later(Duration after, std::function<void()> call) {
    events_.push({now_ + after, ++order_, std::move(call)});
  }

  void packet(std::size_t from, std::string payload, bool syn, bool fin, bool ack) {
    const End& self = ends_[from];
    const End& peer = ends_[1 - from];
    TcpPacket made;
    made.time = now_ + latency_ / 2;
    made.source = self.endpoint;
    made.destination = peer.endpoint;
    made.seq = self.isn + (syn ? 0 : 1) + static_cast<std::uint32_t>(self.sent);
    made.ack = ack ? peer.isn + 1 + static_cast<std::uint32_t>(self.received) : 0;
    made.syn = syn;
    made.fin = fin;
    made.has_ack = ack;
    made.payload = std::move(payload);
    packets_.push_back(std::move(made));
  }

  void send(std::size_t from, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t end = std::min(bytes.size(), at + 1'000);
      // What begins a packet, after one that was lost, no onlooker could tell from a message.
      if (bytes.compare(end, kSmuggled.size(), kSmuggled) == 0) --end;
      const std::string piece = bytes.substr(at, end - at);
      at = end;
      packet(from, piece, false, false, true);
      ends_[from].sent += piece.size();
      later(latency_, [this, from, size = piece.size()] { receive(1 - from, size); });
    }
  }

  void receive(std::size_t at, std::size_t size) {
    ends_[at].received += size;
    if (random_() % 2) packet(at, {}, false, false, true);
    if (at == 1) return serve();
    std::size_t whole = got_;
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < exchanges_.size(); ++i) {
      end += exchanges_[i].response.size();
      if (end <= ends_[0].received) whole = std::max(whole, i + 1);
    }
    got_ = whole;
    if (closed_loop_) ask();
  }

  /// The client sends what its window allows.
  void ask() {
    std::string bytes;
    while (asked_ < exchanges_.size() && (!closed_loop_ || asked_ - got_ < window_)) {
      bytes += exchanges_[asked_++].request;
      if (random_() % 3 == 0 || !closed_loop_) {
        send(0, bytes);
        bytes.clear();
      }
      if (!closed_loop_) {
        later(tempo_.next(), [this] { ask(); });
        break;
      }
    }
    if (!bytes.empty()) send(0, bytes);
  }

  /// The server takes its time for each, and answers in order.
  void serve() {
    while (ready_ < exchanges_.size() && exchanges_[ready_].end <= ends_[1].received) ++ready_;
    if (busy_ || served_ >= std::min(ready_, answers_until_)) return;
    busy_ = true;
    later(random_() % 3 ? tempo_.next() : Duration(10us), [this] {
      busy_ = false;
      pending_ += exchanges_[served_++].response;
      const bool holds = served_ < std::min(ready_, answers_until_) && random_() % 3 == 0;
      if (!holds) {
        answered_ = served_;
        send(1, std::exchange(pending_, {}));
      }
      serve();
    });
  }

  void close() {
    now_ += latency_;
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      now_ += latency_;
      packet(side, {}, false, true, true);
      ++ends_[side].sent;
      ++ends_[1 - side].received;
    }
    now_ += latency_;
    packet(0, {}, false, false, true);
  }

  Random& random_;
  Tempo tempo_;
  End ends_[2];
  std::vector<Exchanged> exchanges_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  Time now_{std::chrono::seconds{1'700'000'000}};
  Duration latency_{};
  TcpPackets packets_;
  std::string pending_;  // answers that the server has not sent yet
  std::size_t window_ = 1;
  std::size_t asked_ = 0;      // requests sent
  std::size_t got_ = 0;        // answers that the client has
  std::size_t ready_ = 0;      // requests that the server has
  std::size_t served_ = 0;     // … and has answered
  std::size_t answered_ = 0;   // … and has sent the answers of
  std::size_t answers_until_;  // it stops answering then
  bool closed_loop_;
  bool busy_ = false;
};

void lose_some(Random& random, TcpPackets& packets, std::uint16_t from_port, bool from) {
  std::vector<std::size_t> data;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].payload.empty() && (packets[i].source.port == from_port) == from)
      data.push_back(i);
  }
  if (data.empty()) return;
  const std::size_t first = random() % data.size();
  const std::size_t count = std::min<std::size_t>(1 + random() % 3, data.size() - first);
  for (std::size_t i = count; i > 0; --i)
    packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(data[first + i - 1]));
}

}  // namespace

Conversation converse(Random& random, Loss loss) {
  Conversation made = Talk(random).run();
  switch (loss) {
    case Loss::none:
      break;
    case Loss::request:
      lose_some(random, made.packets, 5050, false);
      break;
    case Loss::answer:
      lose_some(random, made.packets, 5050, true);
      break;
    case Loss::late_start:
      cut_start(made.packets, 1 + random() % (made.packets.size() - 1));
      break;
    case Loss::duplicated:
      duplicate(made.packets, random, 0.3, 5ms);
      break;
    case Loss::reordered:
      reorder(made.packets, random, 3ms);
      break;
  }
  return made;
}

}  // namespace capture_test
