#include "http/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace compactor::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxHead = std::size_t{80} << 10;  // as libprocess' own parser has it
constexpr char kTlsHandshake = 0x16;
constexpr char kTlsAlert = 0x15;

/// What happened on the socket, where cpp-httplib only knows that something did.
struct Trace {
  Clock::time_point deadline;
  std::size_t allowed = kMaxHead;  // bytes that may still be read
  Fault fault = Fault::none;
  int error = 0;  // errno of a failed connect
  int cancel_fd = -1;
  bool any = false;

  void fail(Fault why) {
    if (fault == Fault::none) fault = why;
  }
};

enum class Wait { ready, late, cancelled };

Wait wait_for(int fd, short events, const Trace& trace, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Wait::late;
    pollfd polled[] = {{fd, events, 0}, {trace.cancel_fd, POLLIN, 0}};
    const int ready = ::poll(polled, 2, static_cast<int>(std::min<long>(left, 1 << 30)));
    if (ready > 0) return polled[1].revents == 0 ? Wait::ready : Wait::cancelled;
    if (ready < 0 && errno != EINTR) return Wait::ready;  // the call that follows tells the error
  }
}

/// A socket that gives up at the deadline and reads no more than it may: cpp-httplib has a time-out
/// for each read and no bound for the length of a line.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(int fd, Trace& trace) : fd_(fd), trace_(trace) {}

  bool is_readable() const override { return begin_ < end_ || wait(POLLIN); }
  bool is_writable() const override { return wait(POLLOUT); }

  ssize_t read(char* to, std::size_t size) override {
    if (begin_ == end_ && !fill()) return failed_ ? -1 : 0;
    const std::size_t count = std::min(size, end_ - begin_);
    std::memcpy(to, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* bytes, std::size_t size) override {
    if (!wait(POLLOUT)) return -1;
    const ssize_t count = ::send(fd_, bytes, size, MSG_NOSIGNAL);
    if (count < 0) trace_.fail(Fault::closed);
    return count;
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  bool wait(short events) const {
    const Wait wait = wait_for(fd_, events, trace_, trace_.deadline);
    if (wait != Wait::ready) trace_.fail(wait == Wait::late ? Fault::timed_out : Fault::cancelled);
    return wait == Wait::ready;
  }

  bool fill() {
    failed_ = true;
    if (trace_.allowed == 0) {
      trace_.fail(Fault::too_large);
      return false;
    }
    ssize_t count = -1;
    do {
      if (!wait(POLLIN)) return false;
      count = ::recv(fd_, buffer_.data(), std::min(buffer_.size(), trace_.allowed), 0);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    failed_ = count < 0;
    if (count <= 0) {
      trace_.fail(Fault::closed);
      return false;
    }
    // Said at once: such a peer may leave the connection open and wait for a handshake.
    failed_ = !trace_.any && (buffer_[0] == kTlsHandshake || buffer_[0] == kTlsAlert);
    if (failed_) {
      trace_.fail(Fault::tls);
      return false;
    }
    trace_.any = true;
    begin_ = 0;
    end_ = static_cast<std::size_t>(count);
    trace_.allowed -= end_;
    return true;
  }

  int fd_;
  Trace& trace_;
  std::array<char, 16384> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool failed_ = false;
};

/// Connects and returns the descriptor, or -1 with errno.
int connect_to(const Server& server, const Trace& trace) {
  const auto deadline = std::min(Clock::now() + server.connect_timeout, trace.deadline);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  if (::inet_pton(AF_INET, server.ip.c_str(), &address.sin_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int error = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    error = errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      error = ETIMEDOUT;
      const Wait wait = wait_for(fd, POLLOUT, trace, deadline);
      if (wait == Wait::ready) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (wait == Wait::cancelled) error = ECANCELED;
    }
  }
  if (error == 0) return fd;
  ::close(fd);
  errno = error;
  return -1;
}

/// cpp-httplib makes the request and reads the answer; the socket under it is ours.
class Client : public httplib::ClientImpl {
 public:
  Client(const Server& server, Trace& trace)
      : ClientImpl(server.ip, server.port), server_(server), trace_(trace) {
    set_url_encode(false);
  }

 private:
  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override {
    const int fd = connect_to(server_, trace_);
    if (fd < 0) {
      trace_.error = errno;
      trace_.fail(errno == ECANCELED ? Fault::cancelled : Fault::unreachable);
      error = httplib::Error::Connection;
      return false;
    }
    socket.sock = fd;
    return true;
  }

  bool process_socket(const Socket& socket,
                      std::function<bool(httplib::Stream&)> callback) override {
    BoundedStream stream(socket.sock, trace_);
    return callback(stream);
  }

  const Server& server_;
  Trace& trace_;
};

std::string describe(const Trace& trace, const Server& server) {
  switch (trace.fault) {
    case Fault::unreachable:
      return std::generic_category().message(trace.error);
    case Fault::timed_out:
      return "no complete answer in time";
    case Fault::closed:
      return trace.any ? "the connection was closed in the middle of the answer"
                       : "the connection was closed without an answer";
    case Fault::tls:
      return "the answer is a TLS record";
    case Fault::too_large:
      return "the answer is larger than " + std::to_string(server.max_body) + " bytes";
    default:
      return "the answer is not HTTP";
  }
}

}  // namespace

std::optional<Credentials> Credentials::parse(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  const bool control = std::any_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (colon == 0 || colon == std::string_view::npos || control) return std::nullopt;
  return Credentials{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))};
}

Answer get(const Server& server, const std::string& path) {
  Trace trace;
  trace.deadline = Clock::now() + server.timeout;
  trace.cancel_fd = server.cancel_fd;
  Client client(server, trace);
  if (server.credentials) {
    client.set_basic_auth(server.credentials->user, server.credentials->password);
  }
  Answer answer;
  const auto head_read = [&](const httplib::Response& response) {
    answer.status = response.status;
    answer.content_type = response.get_header_value("Content-Type");
    // The framing of chunks comes on top of the body; a sender of one-byte chunks is not worth more
    // than this.
    trace.allowed = server.max_body + server.max_body / 8 + kMaxHead;
    return true;
  };
  const auto body_read = [&](const char* bytes, std::size_t size) {
    if (size > server.max_body - answer.body.size()) {
      trace.fail(Fault::too_large);
      return false;
    }
    answer.body.append(bytes, size);
    return true;
  };
  const auto result = client.Get(path, head_read, body_read);
  if (result) return answer;
  if (trace.fault == Fault::none) trace.fault = Fault::garbage;
  answer = {};
  answer.fault = trace.fault;
  answer.reason = describe(trace, server);
  return answer;
}

}  // namespace compactor::http
