#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "figures.h"
#include "harness.h"
#include "wire/encode.h"

namespace bench::floor {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(port);
  endpoint.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return endpoint;
}

/// OpenSSL over the socket, and nothing else.
class Tls {
 public:
  Tls(int fd, bool server, const std::string& folder) : context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context_, 1);
    SSL_CTX_use_certificate_file(context_, (folder + "/node.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, (folder + "/node.key").c_str(), SSL_FILETYPE_PEM);
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd);
    for (int done = 0; done != 1;) {
      done = server ? SSL_accept(ssl_) : SSL_connect(ssl_);
      const int error = SSL_get_error(ssl_, done);
      if (done == 1) break;
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        throw std::runtime_error("no TLS handshake");
      pollfd ready{fd, static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
      ::poll(&ready, 1, -1);
    }
  }
  ~Tls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  std::size_t write(std::string_view bytes) const {
    const int taken = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (taken <= 0) check(taken);
    return static_cast<std::size_t>(std::max(taken, 0));
  }
  /// All the records that are there.
  std::size_t read(std::vector<char>& buffer) const {
    std::size_t total = 0;
    while (total < buffer.size()) {
      const int got =
          SSL_read(ssl_, buffer.data() + total, static_cast<int>(buffer.size() - total));
      if (got <= 0) {
        if (total == 0) check(got);
        break;
      }
      total += static_cast<std::size_t>(got);
    }
    return total;
  }

 private:
  /// Nothing was done: it has to wait, or the peer is gone.
  void check(int result) const {
    const int error = SSL_get_error(ssl_, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      throw std::runtime_error("the peer has gone");
  }

  SSL_CTX* context_;
  SSL* ssl_;
};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {
    if (fd_ < 0) fail("socket");
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }
  void secure(bool server, const std::string& folder) {
    if (!folder.empty()) tls_ = std::make_unique<Tls>(fd_, server, folder);
  }

  /// The bytes taken; 0 when it is full.
  std::size_t write(std::string_view bytes) const {
    if (tls_) return tls_->write(bytes);
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("send");
    return static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  }
  /// The number of bytes; 0 when there is nothing now.
  std::size_t read(std::vector<char>& buffer) const {
    if (tls_) return tls_->read(buffer);
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got == 0) throw std::runtime_error("the peer has gone");
    if (got < 0 && errno != EAGAIN) fail("recv");
    return static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }

 private:
  int fd_;
  std::unique_ptr<Tls> tls_;
};

/// Made before the processes are forked, so that both know its port.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in endpoint = loopback(0);
    socklen_t size = sizeof endpoint;
    auto* generic = reinterpret_cast<sockaddr*>(&endpoint);
    if (::bind(socket_.fd(), generic, size) != 0 || ::listen(socket_.fd(), 1) != 0 ||
        ::getsockname(socket_.fd(), generic, &size) != 0)
      fail("listen");
    port = ntohs(endpoint.sin_port);
  }
  std::uint16_t port;

  std::unique_ptr<Socket> accept(const Load& load) const {
    auto socket =
        std::make_unique<Socket>(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK));
    no_delay(*socket);
    socket->secure(true, load.tls);
    return socket;
  }
  static void no_delay(const Socket& socket) {
    const int on = 1;
    ::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

 private:
  Socket socket_;
};

std::unique_ptr<Socket> connect_to(std::uint16_t port, const Load& load) {
  auto socket = std::make_unique<Socket>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in endpoint = loopback(port);
  if (::connect(socket->fd(), reinterpret_cast<const sockaddr*>(&endpoint), sizeof endpoint) != 0)
    fail("connect");
  const int on = 1;
  if (::ioctl(socket->fd(), FIONBIO, &on) != 0) fail("ioctl");
  Listener::no_delay(*socket);
  socket->secure(false, load.tls);
  return socket;
}

class Poll {
 public:
  Poll() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  void watch(const Socket& socket, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket.fd();
    if (::epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, socket.fd(), &event) != 0) fail("epoll_ctl");
  }
  /// True when the socket was among those that are ready.
  void wait() { count_ = std::max(0, ::epoll_wait(epoll_.fd(), events_.data(), 2, -1)); }
  bool ready(const Socket& socket) const {
    return std::any_of(events_.begin(), events_.begin() + count_,
                       [&](const epoll_event& e) { return e.data.fd == socket.fd(); });
  }

 private:
  Socket epoll_;
  std::array<epoll_event, 2> events_{};
  int count_ = 0;
};

/// One unit of bytes over and over, written as far as it is owed.
class Repeated {
 public:
  explicit Repeated(const std::string& unit) : unit_(unit.size()) {
    while (block_.size() < kBlock) block_ += unit;
  }
  std::size_t unit() const { return unit_; }
  void owe(std::size_t units) { owed_ += units * unit_; }
  bool owing() const { return owed_ > 0; }
  void write_to(const Socket& socket) {
    while (owed_ > 0) {
      const std::string_view next = std::string_view(block_).substr(at_, owed_);
      const std::size_t taken = socket.write(next);
      owed_ -= taken;
      at_ = (at_ + taken) % block_.size();
      if (taken == 0) return;
    }
  }

 private:
  const std::size_t unit_;
  std::string block_;
  std::size_t owed_ = 0, at_ = 0;
};

/// Tells how many units have come.
class Counted {
 public:
  explicit Counted(std::size_t unit) : unit_(unit), buffer_(kBlock) {}
  /// The units completed by what is there now.
  std::size_t read_from(const Socket& socket) {
    const std::size_t before = bytes_ / unit_;
    std::size_t got;
    do {
      got = socket.read(buffer_);
      bytes_ += got;
    } while (got == buffer_.size());
    return bytes_ / unit_ - before;
  }

 private:
  const std::size_t unit_;
  std::vector<char> buffer_;
  std::size_t bytes_ = 0;
};

/// Exactly what the library sends for the same load (every port that is bound here has 5 digits).
std::string message(const Load& load, const std::string& from = "source",
                    const std::string& to = "sink") {
  std::string bytes;
  compactor::wire::append_message(bytes, compactor::Style::libprocess, from + "@127.0.0.1:45678",
                                  {to, "127.0.0.1", 45678}, "message", std::string(load.body, 'x'));
  return bytes;
}

std::string accepted() {
  std::string bytes;
  compactor::wire::append_accepted(bytes, "Sun, 06 Nov 1994 08:49:37 GMT",
                                   compactor::wire::Persist::implied);
  return bytes;
}

/// Answers `expected` messages; returns the seconds from the first to the last.
double serve(const Listener& listener, const Load& load, std::size_t expected) {
  const auto socket = listener.accept(load);
  Poll poll;
  poll.watch(*socket, EPOLLIN);
  Counted messages(message(load).size());
  Repeated answers(accepted());
  Clock::time_point first{};
  double seconds = 0;
  for (std::size_t count = 0; count < expected || answers.owing();) {
    if (count < expected) poll.wait();
    const std::size_t more = count < expected ? messages.read_from(*socket) : 0;
    if (count == 0) first = Clock::now();
    count += more;
    if (count == expected && more > 0) seconds = seconds_since(first);
    answers.owe(more);
    answers.write_to(*socket);
  }
  return seconds;
}

}  // namespace

double flood(const Load& load) {
  const Listener listener;
  return run_pair(
      [&] { return static_cast<double>(load.messages) / serve(listener, load, load.messages); },
      [&] {
        const auto socket = connect_to(listener.port, load);
        Poll poll;
        poll.watch(*socket, EPOLLIN | EPOLLOUT | EPOLLET);
        Repeated messages(message(load));
        Counted answers(accepted().size());
        messages.owe(load.messages);
        for (std::size_t answered = 0; answered < load.messages;) {
          poll.wait();
          answered += answers.read_from(*socket);
          messages.write_to(*socket);
        }
      });
}

double post(const Load& load) {
  const Listener listener;
  const std::size_t rounds = load.messages + kWarmUp;
  return run_pair(
      [&] {
        const auto socket = connect_to(listener.port, load);
        Poll poll;
        poll.watch(*socket, EPOLLIN);
        Repeated messages(message(load));
        Counted answers(accepted().size());
        std::vector<double> times;
        for (std::size_t i = 0; i < rounds; ++i) {
          const auto start = Clock::now();
          messages.owe(1);
          messages.write_to(*socket);
          do {
            poll.wait();
          } while (answers.read_from(*socket) == 0);
          if (i >= kWarmUp) times.push_back(microseconds_since(start));
        }
        return median(times);
      },
      [&] { serve(listener, load, rounds); });
}

namespace {

/// One side of a ping-pong: a connection that we send messages on, and one that they come in on.
class Player {
 public:
  Player(const Socket& out, const Socket& in, const Load& load, const std::string& from,
         const std::string& to)
      : out_(out),
        in_(in),
        sent_(message(load, from, to)),
        received_(message(load, to, from).size()),
        answers_out_(accepted()),
        answers_in_(accepted().size()) {
    poll_.watch(out, EPOLLIN);
    poll_.watch(in, EPOLLIN);
  }
  void send() {
    sent_.owe(1);
    sent_.write_to(out_);
  }
  void answer() {
    answers_out_.owe(1);
    answers_out_.write_to(in_);
  }
  /// Reads answers, until a message has come.
  void receive() {
    for (std::size_t come = 0; come == 0;) {
      poll_.wait();
      if (poll_.ready(out_)) answers_in_.read_from(out_);
      if (poll_.ready(in_)) come = received_.read_from(in_);
    }
  }

 private:
  const Socket& out_;
  const Socket& in_;
  Poll poll_;
  Repeated sent_;
  Counted received_;
  Repeated answers_out_;
  Counted answers_in_;
};

}  // namespace

double ping_pong(const Load& load) {
  const Listener first, second;
  const std::size_t rounds = load.messages + kWarmUp;
  Pipe done;
  return run_pair(
      [&] {
        const auto out = connect_to(second.port, load);
        const auto in = first.accept(load);
        Player player(*out, *in, load, "source", "sink");
        std::vector<double> times;
        for (std::size_t i = 0; i < rounds; ++i) {
          const auto start = Clock::now();
          player.send();
          if (i > 0) player.answer();
          player.receive();
          if (i >= kWarmUp) times.push_back(microseconds_since(start));
        }
        player.answer();
        done.put("");
        return median(times);
      },
      [&] {
        const auto in = second.accept(load);
        const auto out = connect_to(first.port, load);
        Player player(*out, *in, load, "sink", "source");
        for (std::size_t i = 0; i < rounds; ++i) {
          player.receive();
          player.send();
          player.answer();
        }
        done.take();
      });
}

void post_once(const std::string& id, const std::string& port) {
  const auto socket = connect_to(static_cast<std::uint16_t>(std::stoul(port)), {});
  Poll poll;
  poll.watch(*socket, EPOLLIN);
  socket->write(message({1, 5}, "source", id));
  std::vector<char> answer(kBlock);
  do {
    poll.wait();
  } while (socket->read(answer) == 0);
}

}  // namespace bench::floor
