// A server that answers what a test tells it to: recorded bytes of real nodes, half an answer, or
// nothing.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// What to do with a request: write these bytes, then close (or keep the connection open without a
/// word).
struct CannedAnswer {
  std::string bytes;
  bool stay = false;
};

/// On a free port of 127.0.0.1. One connection at a time, one request for each; a connection that
/// stays is kept until the end.
class CannedServer {
 public:
  using Answerer = std::function<CannedAnswer(const std::string& head)>;

  explicit CannedServer(Answerer answerer) : answerer_(std::move(answerer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 || ::pipe(end_) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("canned server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }

  ~CannedServer() {
    ::close(end_[1]);
    thread_.join();
    for (const int fd : kept_) ::close(fd);
    ::close(end_[0]);
    ::close(listener_);
  }
  CannedServer(const CannedServer&) = delete;
  CannedServer& operator=(const CannedServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  /// The heads of the requests so far.
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  /// False when the end has come first.
  bool readable(int fd) {
    pollfd waits[] = {{fd, POLLIN, 0}, {end_[0], POLLIN, 0}};
    ::poll(waits, 2, -1);
    return waits[1].revents == 0;
  }

  void run() {
    while (readable(listener_)) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd >= 0) serve(fd);
    }
  }

  void serve(int fd) {
    kept_.push_back(fd);
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      if (!readable(fd)) return;
      const ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      head.append(buffer, static_cast<std::size_t>(count));
    }
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(head);
    }
    const CannedAnswer answer = answerer_(head);
    for (std::size_t sent = 0; sent < answer.bytes.size();) {
      const ssize_t count =
          ::send(fd, answer.bytes.data() + sent, answer.bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    if (answer.stay) return;
    ::shutdown(fd, SHUT_WR);
    while (readable(fd) && ::recv(fd, buffer, sizeof buffer, 0) > 0) {
    }
    kept_.pop_back();
    ::close(fd);
  }

  Answerer answerer_;
  int listener_ = -1;
  int end_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<int> kept_;
  std::thread thread_;
};

/// `GET /path?query HTTP/1.1 …` -> `/path?query`
inline std::string requested_path(const std::string& head) {
  const auto begin = head.find(' ') + 1;
  return head.substr(begin, head.find(' ', begin) - begin);
}

/// Answers as a recorded node did: path -> a file below tests/data/captures. Any other path: 404,
/// as libprocess answers it.
inline CannedServer::Answerer recorded(const std::map<std::string, std::string>& files) {
  return [files](const std::string& head) -> CannedAnswer {
    const auto file = files.find(requested_path(head));
    if (file == files.end()) {
      return {"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n404 Not Found."};
    }
    std::ifstream in(std::string(TEST_DATA) + "/captures/" + file->second, std::ios::binary);
    const std::string recording{std::istreambuf_iterator<char>(in), {}};
    return {recording};
  };
}
