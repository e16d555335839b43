// Why this does not stand on cpp-httplib. By the public interface of its version 0.11.4 (Debian 12)
// these cannot be kept:
// - It matches the status line with std::regex, which recurses for each byte: a peer that sends
//   30,000 bytes without a line end overflows the stack (SIGSEGV). No callback comes before that.
// - No line has a limit, nor has the head.
// - A chunk that is longer than its size says ends the body as if it were complete; so does a
//   Content-Length with letters after the number. The rest is dropped without an error.
// - After 1xx other than a bare 100, with trailers, or with bare line feeds it does not read the
//   answer; with the last it waits until the time is up.
// Version 0.53 has the first two right.
#include "http/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include "net/handshake.h"
#include "net/transport.h"
#include "text/ascii.h"
#include "text/base64.h"
#include "tls/record.h"
#include "wire/message.h"
#include "wire/parser.h"

namespace compactor::http {
namespace {

using Clock = std::chrono::steady_clock;

/// Why there is no answer.
struct Failed {
  Fault fault;
  std::string reason;  // for people
  std::error_code error{};
};

/// A connection for one request: every wait ends at a deadline or when the caller cancels. What
/// goes wrong is thrown as Failed.
class Connection {
 public:
  explicit Connection(const Server& server)
      : transport_(io_), cancel_fd_(server.cancel_fd), deadline_(Clock::now() + server.timeout) {}

  void connect(const Server& server) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    if (::inet_pton(AF_INET, server.ip.c_str(), &address.sin_addr) != 1) throw unreachable(EINVAL);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw unreachable(errno);
    asio::error_code failed;
    transport_.socket().assign(asio::ip::tcp::v4(), fd, failed);
    if (failed) {
      ::close(fd);
      throw unreachable(failed.value());
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    if (errno != EINPROGRESS) throw unreachable(errno);
    const auto until = std::min(Clock::now() + server.connect_timeout, deadline_);
    if (!ready(POLLOUT, until)) throw unreachable(ETIMEDOUT);
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) throw unreachable(error);
  }

  /// Its time is no part of the request's.
  TlsPeer secure(const Server& server) {
    Network network{[this](std::function<void()> call) {
      asio::post(io_, std::move(call));
      return true;
    }};
    const auto began = Clock::now();
    std::optional<tls::Failure> outcome;
    const auto handshake =
        std::make_shared<Handshake>(network, server.connect_timeout, server.tls, tls::Role::client,
                                    std::move(transport_), server.ip, server.tls_name);
    handshake->start([&](Transport transport, const tls::Failure& failure) {
      transport_ = std::move(transport);
      outcome = failure;
      io_.stop();
    });
    stop_when_cancelled();
    // The look-up of a name comes from another thread, which must not find the loop out of work.
    const auto work = asio::make_work_guard(io_);
    io_.run();
    if (!outcome) {
      handshake->cancel();
      throw Failed{Fault::cancelled, "cancelled"};
    }
    if (outcome->error) throw Failed{Fault::tls, outcome->reason, outcome->error};
    deadline_ += Clock::now() - began;
    return transport_.tls()->peer();
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const Transfer done = transport_.write(bytes);
      // An answer may be there all the same: reading will tell.
      if (done.error) return;
      bytes.remove_prefix(done.bytes);
      if (done.again) wait(POLLOUT);
    }
  }

  /// Some bytes; none at the end of the stream, which a reset is too.
  std::string_view read() {
    for (;;) {
      const Transfer done = transport_.read(buffer_.data(), buffer_.size());
      if (done.bytes > 0) return {buffer_.data(), done.bytes};
      if (done.error.category() == tls_category())
        throw Failed{Fault::tls, std::string(transport_.reason()), done.error};
      if (!done.again) return {};
      wait(POLLIN);
    }
  }

 private:
  static Failed unreachable(int error) {
    return {Fault::unreachable, std::generic_category().message(error)};
  }

  void stop_when_cancelled() {
    if (cancel_fd_ < 0) return;
    cancelled_.emplace(io_, ::dup(cancel_fd_));
    cancelled_->async_wait(asio::posix::stream_descriptor::wait_read,
                           [this](const asio::error_code& failed) {
                             if (!failed) io_.stop();
                           });
  }

  void wait(short events) {
    if (!ready(events, deadline_)) throw Failed{Fault::timed_out, "no complete answer in time"};
  }

  /// False when the time has come first.
  bool ready(short events, Clock::time_point until) {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
      if (left <= 0) return false;
      pollfd polled[] = {{transport_.descriptor(), events, 0}, {cancel_fd_, POLLIN, 0}};
      const int count = ::poll(polled, 2, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
      if (count > 0 && polled[1].revents != 0) throw Failed{Fault::cancelled, "cancelled"};
      if (count > 0) return true;
    }
  }

  asio::io_context io_{1};  // for the handshake
  Transport transport_;
  std::optional<asio::posix::stream_descriptor> cancelled_;
  int cancel_fd_;
  Clock::time_point deadline_;
  std::array<char, 16384> buffer_;
};

std::string request_text(const Server& server, const std::string& path) {
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + server.ip + ":" +
                        std::to_string(server.port) +
                        "\r\nUser-Agent: compactor\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
                        "Connection: close\r\n";
  if (server.credentials) {
    request += "Authorization: Basic ";
    text::append_base64(request, server.credentials->user + ":" + server.credentials->password);
    request += "\r\n";
  }
  return request + "\r\n";
}

/// Takes the final response; those before it (1xx) announce it and are passed over.
class FinalResponse : public wire::Sink {
 public:
  explicit FinalResponse(std::size_t max_body) : max_body_(max_body) {}

  bool on_message(const wire::HttpMessage& response) override {
    constexpr int kSwitchingProtocols = 101;
    if (response.status / 100 == 1 && response.status != kSwitchingProtocols) return true;
    complete_ = true;
    answer_.status = response.status;
    if (const auto* type = response.header("Content-Type")) answer_.content_type = *type;
    if (response.status == kSwitchingProtocols) {
      trouble_ = "it changes the protocol (101), which was not asked for";
    } else {
      read_body(response);
    }
    return false;
  }

  bool complete() const { return complete_; }
  /// Why the response is unusable; empty when it is not.
  const std::string& trouble() const { return trouble_; }
  Answer& answer() { return answer_; }

 private:
  void read_body(const wire::HttpMessage& response) {
    const auto* coding = response.header("Content-Encoding");
    std::string inflated;
    const auto body = wire::delivered_body(response, inflated, max_body_, trouble_);
    if (body) answer_.body = *body;
    const bool known = coding == nullptr || wire::is_gzip(response) ||
                       text::equal_ignoring_case(*coding, "identity");
    if (!known && !response.body.empty())
      trouble_ = "Content-Encoding: " + std::string(*coding) + ", which was not asked for";
  }

  std::size_t max_body_;
  bool complete_ = false;
  std::string trouble_;
  Answer answer_;
};

Failed unusable(const std::string& trouble) {
  // As the parser and zlib's wrapper word it: "head over 80 KiB", "body over 1000 bytes" …
  const bool too_large = trouble.find(" over ") != std::string::npos;
  return {too_large ? Fault::too_large : Fault::garbage,
          (too_large ? "the answer is too large: " : "the answer is not usable: ") + trouble};
}

Answer read_answer(Connection& connection, std::size_t max_body) {
  wire::Parser parser(wire::Kind::response, max_body);
  FinalResponse response(max_body);
  while (!response.complete()) {
    const std::string_view bytes = connection.read();
    if (bytes.empty()) {
      if (parser.finish(response) && response.complete()) break;
      if (parser.offset() == 0)
        throw Failed{Fault::closed, "the connection was closed without an answer"};
      throw Failed{Fault::cut, "the connection was closed in the middle of the answer"};
    }
    if (parser.offset() == 0 && tls::begins_record(bytes))
      throw Failed{Fault::tls, "the answer is a TLS record"};
    if (!parser.feed(bytes, response) && parser.broken()) throw unusable(parser.error());
  }
  if (!response.trouble().empty()) throw unusable(response.trouble());
  return std::move(response.answer());
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

namespace {

Answer ask(const Server& server, const std::string& path) {
  std::optional<TlsPeer> tls;
  try {
    Connection connection(server);
    connection.connect(server);
    if (server.tls) tls = connection.secure(server);
    connection.write(request_text(server, path));
    Answer answer = read_answer(connection, server.max_body);
    answer.tls = tls;
    return answer;
  } catch (const Failed& failed) {
    Answer answer;
    answer.tls = tls;
    answer.fault = failed.fault;
    answer.reason = failed.reason;
    answer.error = failed.error;
    return answer;
  }
}

}  // namespace

Answer get(const Server& server, const std::string& path) {
  Answer answer = ask(server, path);
  const bool downgrades = server.tls && server.tls->options().support_downgrade;
  if (answer.fault != Fault::tls || !downgrades) return answer;
  Server plain = server;
  plain.tls = nullptr;
  const std::string why = answer.reason;
  answer = ask(plain, path);
  answer.downgraded = why;
  return answer;
}

}  // namespace compactor::http
