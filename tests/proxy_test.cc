#include "capture/proxy.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "capture_kit.h"
#include "compactor/error.h"

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

  std::uint16_t listen() {
    sockaddr_in local = address(0);
    REQUIRE(::bind(fd_, generic(local), sizeof local) == 0);
    REQUIRE(::listen(fd_, 16) == 0);
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

/// A proxy on a thread of its own, to a listening socket of ours.
struct Setting {
  capture_test::Listener listener;
  Socket upstream;
  std::uint16_t upstream_port = upstream.listen();
  std::string trouble;
  Proxy proxy{{{"127.0.0.1", 0, "127.0.0.1", upstream_port}},
              listener,
              {},
              [this](const std::string& what) { trouble = what; }};
  std::thread loop{[this] { proxy.run(); }};

  ~Setting() { stop(); }
  std::uint16_t port() const { return proxy.ports()[0]; }
  void stop() {
    if (!loop.joinable()) return;
    proxy.stop();
    loop.join();
  }
};

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
  REQUIRE(setting.listener.messages.size() == 1);
  CHECK(setting.listener.messages[0].status == 202);
  CHECK(setting.listener.messages[0].to ==
        "sink@127.0.0.1:" + std::to_string(setting.upstream_port));
  CHECK(setting.proxy.stats().data_bytes == kMessage.size() + kAnswer.size() + 20);
  CHECK(setting.proxy.ledger().stream_bytes() == setting.proxy.stats().data_bytes);
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
  CHECK(client.receive(1).empty());
  setting.stop();
  CHECK(setting.trouble.find("127.0.0.1:" + std::to_string(setting.upstream_port)) !=
        std::string::npos);
  CHECK(setting.proxy.stats().refused == 1);
}

TEST_CASE("while paused nothing is taken in; then all of it") {
  Setting setting;
  Socket client;
  client.connect(setting.port());
  Socket server(setting.upstream.accept());
  setting.proxy.pause(true);
  client.send(kMessage);
  setting.proxy.pause(false);
  CHECK(server.receive(kMessage.size()) == kMessage);
}

TEST_CASE("a port that is taken is an error at once") {
  Socket taken;
  const std::uint16_t port = taken.listen();
  capture_test::Listener listener;
  const auto open = [&] {
    Proxy proxy({{"127.0.0.1", port, "127.0.0.1", 1}}, listener, {}, [](const std::string&) {});
  };
  CHECK_THROWS_AS(open(), compactor::SocketError);
}
