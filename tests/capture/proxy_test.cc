#include "capture/proxy.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <doctest/doctest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "compactor/error.h"
#include "support/capture_kit.h"

namespace capture_proxy_test {

using namespace compactor::capture;  // NOLINT

namespace {

/// A blocking TCP socket on the loopback interface.
class Socket {
 public:
  Socket() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) { limit_waiting(); }
  explicit Socket(int fd) : fd_(fd) { limit_waiting(); }
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  std::uint16_t listen(int backlog = 16) {
    sockaddr_in local = address(0);
    REQUIRE(::bind(fd_, generic(local), sizeof local) == 0);
    REQUIRE(::listen(fd_, backlog) == 0);
    socklen_t size = sizeof local;
    REQUIRE(::getsockname(fd_, generic(local), &size) == 0);
    return ntohs(local.sin_port);
  }
  int accept() { return ::accept(fd_, nullptr, nullptr); }
  void connect(std::uint16_t port) {
    sockaddr_in there = address(port);
    REQUIRE(::connect(fd_, generic(there), sizeof there) == 0);
  }
  void send(const std::string& bytes) {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  /// Up to so many bytes, fewer at the end of the stream.
  std::string receive(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t n = ::recv(fd_, bytes.data() + got, size - got, 0);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  void shut() { ::shutdown(fd_, SHUT_WR); }
  /// Until all that was sent is with the other side's kernel.
  void wait_acknowledged() const {
    for (int unsent = 1; unsent != 0;) {
      REQUIRE(::ioctl(fd_, SIOCOUTQ, &unsent) == 0);
      std::this_thread::yield();
    }
  }
  void keep_little() const {
    const int bytes = 4096;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// The next read fails with an RST.
  bool is_reset() {
    char byte = 0;
    return ::recv(fd_, &byte, 1, 0) < 0 && errno == ECONNRESET;
  }

 private:
  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made;
  }
  static sockaddr* generic(sockaddr_in& specific) {
    return reinterpret_cast<sockaddr*>(&specific);
  }  // NOLINT
  void limit_waiting() const {
    const timeval longest{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  }

  int fd_;
};

ProxyRule rule_to(std::uint16_t upstream) {
  return {"127.0.0.1", 0, "127.0.0.1", upstream, {"127.0.0.1"}};
}

/// A proxy to that port; it listens from the beginning, and serves from start() on a thread of its
/// own.
class RunningProxy {
 public:
  explicit RunningProxy(std::uint16_t upstream, const ProxyOptions& options = {})
      : proxy_({rule_to(upstream)}, listener_, options, [this](const std::string& what) {
          const std::lock_guard lock(mutex_);
          troubles_.push_back(what);
        }) {}
  ~RunningProxy() { stop(); }
  RunningProxy(const RunningProxy&) = delete;
  RunningProxy& operator=(const RunningProxy&) = delete;

  void start() {
    loop_ = std::thread([this] { proxy_.run(); });
  }
  void stop() {
    if (!loop_.joinable()) return;
    proxy_.stop();
    loop_.join();
  }
  std::uint16_t port() const { return proxy_.ports()[0]; }
  Proxy& operator*() { return proxy_; }
  Proxy* operator->() { return &proxy_; }

  std::vector<std::string> troubles() {
    const std::lock_guard lock(mutex_);
    return troubles_;
  }
  /// Runs it on the thread of the proxy and waits.
  template <class T>
  T ask(const std::function<T()>& question) {
    std::promise<T> answer;
    proxy_.post([&] { answer.set_value(question()); });
    return answer.get_future().get();
  }

  // After stop().
  const capture_test::Listener& told() const { return listener_; }

 private:
  capture_test::Listener listener_;
  std::mutex mutex_;
  std::vector<std::string> troubles_;
  Proxy proxy_;
  std::thread loop_;
};

/// … with an upstream that listens.
struct Setting {
  explicit Setting(const ProxyOptions& options = {}) : proxy(upstream_port, options) {
    proxy.start();
  }
  Socket upstream;
  std::uint16_t upstream_port = upstream.listen();
  RunningProxy proxy;

  std::uint16_t port() const { return proxy.port(); }
  void stop() { proxy.stop(); }
};

/// A port that takes no SYN: its queue of connections is full, and nobody accepts.
class BlackHole {
 public:
  BlackHole() {
    port_ = listener_.listen(0);
    // The queue holds one more than its limit.
    for (Socket& each : queued_) each.connect(port_);
  }
  std::uint16_t port() const { return port_; }
  /// Takes what was queued, so that the next SYN, which the kernel sends again, is answered.
  void open() { Socket(listener_.accept()).close(); }
  int accept() { return listener_.accept(); }

 private:
  Socket listener_;
  std::uint16_t port_ = 0;
  std::array<Socket, 1> queued_;
};

std::size_t open_sockets() {
  std::size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;
}

/// Waits until it holds, which takes no time worth the name; the test program has a time-out.
void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::yield();
}

const std::string kMessage =
    "POST /sink/m HTTP/1.1\r\nLibprocess-From: x@1.2.3.4:5\r\nContent-Length: 2\r\n\r\nhi";
const std::string kAnswer = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("bytes pass both ways unchanged, and are told") {
  Setting setting;
  Socket client;
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  client.send(kMessage);
  CHECK(server.receive(kMessage.size()) == kMessage);
  server.send(kAnswer);
  CHECK(client.receive(kAnswer.size()) == kAnswer);
  client.shut();
  CHECK(server.receive(1).empty());
  server.send("after the half-close");
  CHECK(client.receive(20) == "after the half-close");
  server.shut();
  CHECK(client.receive(1).empty());
  setting.stop();
  const auto& messages = setting.proxy.told().messages;
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].status == 202);
  CHECK(messages[0].to == "sink@127.0.0.1:" + std::to_string(setting.upstream_port));
  CHECK(setting.proxy->stats().passed_bytes == kMessage.size() + kAnswer.size() + 20);
  CHECK(setting.proxy->ledger().stream_bytes() == setting.proxy->stats().passed_bytes);
}

TEST_CASE("an RST of one side becomes one on the other") {
  Setting setting;
  Socket client;
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  client.send("x");
  CHECK(server.receive(1) == "x");
  client.reset();
  CHECK(server.is_reset());
}

TEST_CASE("a side that does not read holds up the other, and memory does not grow") {
  Setting setting;
  Socket client;
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  const std::string large(std::size_t{32} << 20, 'x');
  std::thread writer([&] { client.send(large); });
  std::string got;
  while (got.size() < large.size()) {
    const std::string piece =
        server.receive(std::min(large.size() - got.size(), std::size_t{1} << 20));
    if (piece.empty()) break;
    got += piece;
  }
  writer.join();
  CHECK(got == large);
}

TEST_CASE("a server that is not there: the client is closed, and the user told") {
  Setting setting;
  setting.upstream.close();
  Socket client;
  client.connect(setting.port());
  CHECK(client.is_reset());
  setting.stop();
  REQUIRE(setting.proxy.troubles().size() == 1);
  CHECK(setting.proxy.troubles()[0] ==
        "cannot connect to 127.0.0.1:" + std::to_string(setting.upstream_port) +
            ": Connection refused");
  CHECK(setting.proxy->stats().refused == 1);
}

TEST_CASE("a server that is not there: who sent a request is told why") {
  Setting setting;
  setting.upstream.close();
  Socket client;
  client.connect(setting.port());
  client.send(kMessage);
  const std::string answer = client.receive(1000);
  CHECK(answer.starts_with("HTTP/1.1 502 "));
  CHECK(answer.ends_with("cannot connect to 127.0.0.1:" + std::to_string(setting.upstream_port) +
                         ": Connection refused"));
  setting.stop();
  CHECK(setting.proxy.troubles().at(0).ends_with(std::to_string(kMessage.size()) +
                                                 " bytes were not passed on"));
  CHECK(setting.proxy.told().messages.empty());
}

TEST_CASE("a server that is not there: a TLS client gets no HTTP") {
  Setting setting;
  setting.upstream.close();
  Socket client;
  client.connect(setting.port());
  client.send("\x16\x03\x01\x02");
  CHECK(client.is_reset());
}

TEST_CASE("a server that is not there: many clients are not many lines") {
  Setting setting;
  setting.upstream.close();
  for (int i = 0; i < 500; ++i) {
    Socket client;
    client.connect(setting.port());
    client.send("x");
    CHECK(client.is_reset());
  }
  setting.stop();
  CHECK(setting.proxy->stats().refused == 500);
  const auto troubles = setting.proxy.troubles();
  CHECK(troubles.size() < 250);  // one a second, and the last
  CHECK(std::any_of(troubles.begin(), troubles.end(), [](const std::string& trouble) {
    return trouble.find(" clients)") != std::string::npos;
  }));
}

TEST_CASE(
    "a client that is gone before the server is connected: what it said arrives, then the RST") {
  Socket upstream;
  RunningProxy proxy(upstream.listen());
  const std::string cut = kMessage.substr(0, 30);
  for (int i = 0; i < 10; ++i) {
    Socket client;
    client.connect(proxy.port());
    client.send(kMessage + cut);
    client.wait_acknowledged();
    client.reset();
  }
  proxy.start();
  for (int i = 0; i < 10; ++i) {
    Socket server(upstream.accept());
    CHECK(server.receive(kMessage.size() + cut.size()) == kMessage + cut);
    CHECK(server.is_reset());
  }
  proxy.stop();
  CHECK(proxy.told().messages.size() == 10);
}

TEST_CASE("a client that ends its side before the server is connected gets its answer") {
  Socket upstream;
  RunningProxy proxy(upstream.listen());
  Socket client;
  client.connect(proxy.port());
  client.send(kMessage);
  client.shut();
  proxy.start();
  Socket server(upstream.accept());
  CHECK(server.receive(kMessage.size() + 1) == kMessage);
  server.send(kAnswer);
  server.close();
  CHECK(client.receive(kAnswer.size() + 1) == kAnswer);
  proxy.stop();
  REQUIRE(proxy.told().messages.size() == 1);
  CHECK(proxy.told().messages[0].status == 202);
}

TEST_CASE("a client that is gone while the server takes its time: all the same") {
  for (const bool hard : {true, false}) {
    CAPTURE(hard);
    BlackHole slow;
    RunningProxy proxy(slow.port());
    proxy.start();
    Socket client;
    client.connect(proxy.port());
    client.send(kMessage);
    client.wait_acknowledged();
    hard ? client.reset() : client.close();
    slow.open();
    Socket server(slow.accept());
    CHECK(server.receive(kMessage.size()) == kMessage);
    if (hard) {
      CHECK(server.is_reset());
    } else {
      CHECK(server.receive(1).empty());
    }
    server.close();
    proxy.stop();
    CHECK(proxy.told().messages.size() == 1);
  }
}

TEST_CASE("clients that leave while the server is being connected are let go") {
  const BlackHole hole;
  RunningProxy proxy(hole.port());
  proxy.start();
  const auto connected = [&] { return proxy.ask<bool>([] { return true; }); };
  REQUIRE(connected());
  const std::size_t before = open_sockets();
  for (const bool hard : {false, true}) {
    std::vector<std::unique_ptr<Socket>> clients;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(std::make_unique<Socket>());
      clients.back()->connect(proxy.port());
    }
    // Each has three: its own, the proxy's, and the one to the server.
    wait_until([&] { return open_sockets() == before + 30; });
    for (auto& client : clients) hard ? client->reset() : client->close();
    wait_until([&] { return open_sockets() == before; });
  }
  proxy.stop();
  CHECK(proxy->stats().refused == 0);
  CHECK(proxy.troubles().empty());
}

TEST_CASE("a server that does not take the connection is given up") {
  const BlackHole hole;
  ProxyOptions options;
  options.connect_timeout = std::chrono::milliseconds(50);
  RunningProxy proxy(hole.port(), options);
  proxy.start();
  Socket client;
  client.connect(proxy.port());
  client.send(kMessage);
  CHECK(client.receive(1000).ends_with(": Connection timed out"));
  proxy.stop();
  CHECK(proxy->stats().refused == 1);
}

TEST_CASE("what a client sent before its RST arrives, however slowly it is read") {
  Socket upstream;
  upstream.keep_little();
  RunningProxy proxy(upstream.listen());
  proxy.start();
  Socket client;
  client.connect(proxy.port());
  Socket server(upstream.accept());
  const std::string large(300'000, 'x');
  client.send(large);
  client.wait_acknowledged();
  client.reset();
  CHECK(server.receive(large.size()) == large);
  CHECK(server.is_reset());
}

TEST_CASE("what a server sent before its RST arrives") {
  Setting setting;
  Socket client;
  client.keep_little();
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  const std::string large(300'000, 'x');
  server.send(large);
  server.wait_acknowledged();
  server.reset();
  CHECK(client.receive(large.size()) == large);
  CHECK(client.is_reset());
}

TEST_CASE("no more clients than there is room for; the next is served when one leaves") {
  ProxyOptions options;
  options.max_clients = 2;
  Setting setting(options);
  Socket first;
  Socket second;
  Socket third;
  for (Socket* client : {&first, &second, &third}) {
    client->connect(setting.port());
    client->send("x");
  }
  Socket server(setting.upstream.accept());
  Socket other(setting.upstream.accept());
  CHECK(server.receive(1) == "x");
  CHECK(other.receive(1) == "x");
  wait_until([&] { return setting.proxy.troubles().size() == 1; });
  CHECK(setting.proxy.troubles()[0] == "2 clients are connected: more are accepted as these leave");
  server.close();
  first.close();
  Socket last(setting.upstream.accept());
  CHECK(last.receive(1) == "x");
  setting.stop();
  CHECK(setting.proxy->stats().connections == 3);
}

TEST_CASE("an exception of the events ends run(), and the connections with it") {
  struct Throwing : capture_test::Listener {
    bool on_message(const SeenMessage&) override { throw std::runtime_error("enough"); }
  };
  Socket upstream;
  Throwing events;
  ProxyOptions options;
  options.exchange.answer_wait = std::chrono::milliseconds(1);
  std::vector<std::unique_ptr<Socket>> clients;
  {
    Proxy proxy({rule_to(upstream.listen())}, events, options, [](const std::string&) {});
    for (int i = 0; i < 5; ++i) {
      clients.push_back(std::make_unique<Socket>());
      clients.back()->connect(proxy.ports()[0]);
      clients.back()->send(kMessage);
    }
    CHECK_THROWS_WITH(proxy.run(), "enough");
  }
  for (auto& client : clients) CHECK(client->receive(1).empty());
}

TEST_CASE("while paused nothing is taken in; then all of it") {
  Setting setting;
  Socket client;
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  setting.proxy->pause(true);
  client.send(kMessage);
  client.wait_acknowledged();
  // Between two calls on its thread the proxy looks at its sockets: it has seen that there are
  // bytes.
  for (int i = 0; i < 10; ++i) {
    CHECK(setting.proxy.ask<std::uint64_t>([&] { return setting.proxy->stats().passed_bytes; }) ==
          0);
  }
  setting.proxy->pause(false);
  CHECK(server.receive(kMessage.size()) == kMessage);
}

TEST_CASE("a proxy to itself is an error at once") {
  std::uint16_t port = 0;
  {
    Socket free;
    port = free.listen();
  }
  capture_test::Listener listener;
  for (const std::string here : {"127.0.0.1", ""}) {
    const auto open = [&] {
      Proxy proxy({{here, port, "me", port, {"127.0.0.1"}}}, listener, {},
                  [](const std::string&) {});
    };
    CHECK_THROWS_AS(open(), compactor::SocketError);
  }
}

TEST_CASE("a port that is taken is an error at once") {
  Socket taken;
  const std::uint16_t port = taken.listen();
  capture_test::Listener listener;
  const auto open = [&] {
    Proxy proxy({{"127.0.0.1", port, "127.0.0.1", 1, {"127.0.0.1"}}}, listener, {},
                [](const std::string&) {});
  };
  CHECK_THROWS_AS(open(), compactor::SocketError);
}

}  // namespace capture_proxy_test
