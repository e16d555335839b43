// A peer made of plain blocking sockets, independent of the library: it writes and reads bytes.
// Everything that can wait gives up after a generous time, by an exception.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raw {

constexpr int kPatienceMs = 30'000;

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

struct Response {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;
};

class Peer {
 public:
  /// `receive_buffer`: 0 leaves the kernel's own.
  explicit Peer(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const sockaddr_in at = loopback(port);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
      throw std::runtime_error("cannot connect");
  }
  struct Accepted {
    int fd;
  };
  explicit Peer(Accepted accepted) : fd_(accepted.fd) {}
  Peer(Peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), pending_(std::move(other.pending_)) {}
  Peer& operator=(Peer&&) = delete;
  ~Peer() { close(); }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      wait(POLLOUT);
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EAGAIN) continue;
      if (sent < 0) throw std::runtime_error("cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void shut_writing() { ::shutdown(fd_, SHUT_WR); }
  void shut_reading() { ::shutdown(fd_, SHUT_RD); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Ends the connection with a RST.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  /// One response, by its Content-Length.
  Response read_response() {
    std::size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) read_more();
    Response response;
    response.head = pending_.substr(0, end + 2);
    response.status = std::atoi(response.head.c_str() + response.head.find(' ') + 1);
    const std::string_view kLength = "Content-Length: ";
    const std::size_t at = response.head.find(kLength);
    const std::size_t size =
        at == std::string::npos
            ? 0
            : static_cast<std::size_t>(std::atoi(response.head.c_str() + at + kLength.size()));
    while (pending_.size() < end + 4 + size) read_more();
    response.body = pending_.substr(end + 4, size);
    pending_.erase(0, end + 4 + size);
    return response;
  }
  int read_status() { return read_response().status; }
  std::vector<int> read_statuses(std::size_t count) {
    std::vector<int> statuses;
    while (statuses.size() < count) statuses.push_back(read_status());
    return statuses;
  }
  /// Exactly so many bytes.
  std::string read(std::size_t size) {
    while (pending_.size() < size) read_more();
    std::string bytes = pending_.substr(0, size);
    pending_.erase(0, size);
    return bytes;
  }
  /// Up to and with this text.
  std::string read_through(std::string_view text) {
    std::size_t at = 0;
    while ((at = pending_.find(text)) == std::string::npos) read_more();
    return read(at + text.size());
  }
  /// All until the other side closes; a RST counts as that too.
  std::string read_to_end() {
    try {
      while (true) read_more();
    } catch (const Ended&) {
    }
    return std::exchange(pending_, {});
  }
  /// How the other side ended the connection: 0 for FIN, or errno.
  int read_ending() {
    try {
      while (true) read_more();
    } catch (const Ended& ended) {
      return ended.error;
    }
  }
  bool nothing_to_read() {
    pollfd waiting{fd_, POLLIN, 0};
    return pending_.empty() && ::poll(&waiting, 1, 0) == 0;
  }

 private:
  struct Ended : std::runtime_error {
    explicit Ended(int e) : std::runtime_error("the other side has closed"), error(e) {}
    int error;
  };
  void wait(short events) {
    pollfd waiting{fd_, events, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) throw std::runtime_error("waited too long");
  }
  void read_more() {
    char buffer[65536];
    wait(POLLIN);
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) throw Ended(got < 0 ? errno : 0);
    pending_.append(buffer, static_cast<std::size_t>(got));
  }

  int fd_;
  std::string pending_;
};

class Listener {
 public:
  /// A port of 0 takes any.
  explicit Listener(std::uint16_t port = 0, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in at = loopback(port);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(fd_, 64) != 0) {
      throw std::runtime_error("cannot listen");
    }
    socklen_t size = sizeof at;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }
  Peer accept() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) throw std::runtime_error("nobody connected");
    return Peer(Peer::Accepted{::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)});
  }
  bool nobody_waits() {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 0;
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// A port where nobody listens. (It was free a moment ago.)
inline std::uint16_t refused_port() {
  return Listener().port();
}

/// What libprocess writes for a message.
inline std::string message(const std::string& to, const std::string& name, const std::string& body,
                           const std::string& from = "peer@127.0.0.1:9") {
  std::string text = "POST /" + to + "/" + name + " HTTP/1.1\r\nUser-Agent: libprocess/" + from +
                     "\r\nLibprocess-From: " + from +
                     "\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:1\r\n";
  if (body.empty()) return text + "\r\n";
  char size[17];
  std::snprintf(size, sizeof size, "%zx", body.size());
  return text + "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\n\r\n";
}

inline const std::string kAccepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

}  // namespace raw
