#include "net/net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>

namespace compactor {
namespace {

class ResolveCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "resolve"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

sockaddr_in make_endpoint(in_addr address, std::uint16_t port) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(port);
  endpoint.sin_addr = address;
  return endpoint;
}

const sockaddr* generic(const sockaddr_in& endpoint) {
  return reinterpret_cast<const sockaddr*>(&endpoint);
}

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);
}

std::optional<std::string> first_address_up() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    if ((entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_LOOPBACK) != 0) continue;
    return to_address(*reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)).host;
  }
  return std::nullopt;
}

[[noreturn]] void throw_socket_error(const std::string& what) {
  const std::error_code code(errno, std::system_category());
  throw SocketError(what + ": " + describe(code), code);
}

}  // namespace

bool parse_ipv4(const std::string& text, in_addr& address) {
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

Address to_address(const sockaddr_in& endpoint) {
  char text[INET_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET, &endpoint.sin_addr, text, sizeof text);
  return {text, ntohs(endpoint.sin_port)};
}

Address peer_of(int socket) {
  sockaddr_in endpoint{};
  socklen_t size = sizeof endpoint;
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&endpoint), &size);
  return to_address(endpoint);
}

Address local_of(int socket) {
  sockaddr_in endpoint{};
  socklen_t size = sizeof endpoint;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&endpoint), &size);
  return to_address(endpoint);
}

int listen_on(const std::string& ip, std::uint16_t port) {
  in_addr address{};
  if (!parse_ipv4(ip, address)) throw Error("not an IPv4 address: " + ip);
  const std::string where = ip + ":" + std::to_string(port);
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) throw_socket_error("cannot open a socket");
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  const sockaddr_in endpoint = make_endpoint(address, port);
  if (::bind(socket.get(), generic(endpoint), sizeof endpoint) != 0)
    throw_socket_error("cannot bind " + where);
  if (::listen(socket.get(), SOMAXCONN) != 0) throw_socket_error("cannot listen on " + where);
  return socket.release();
}

void set_no_delay(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
}

void set_keepalive(int socket, Duration idle, Duration interval, int count) {
  const auto seconds = [](Duration d) {
    return static_cast<int>(
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(d).count()));
  };
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds(idle));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds(interval));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, count);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool retransmitting(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked > 0 &&
         info.tcpi_retransmits > 0;
}

std::size_t unacknowledged(int socket) {
  int bytes = 0;
  return ::ioctl(socket, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

void reset_at_close(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool is_local_address(in_addr address) {
  // The kernel knows best: only a local address can be bound.
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in endpoint = make_endpoint(address, 0);
  return socket.get() >= 0 && ::bind(socket.get(), generic(endpoint), sizeof endpoint) == 0;
}

ExitReason exit_reason(const std::error_code& error) {
  if (!error) return ExitReason::closed;
  if (error.category() == resolve_category()) return ExitReason::unreachable;
  if (error.category() == tls_category()) return ExitReason::tls;
  switch (error.value()) {
    case ECONNREFUSED:
      return ExitReason::refused;
    case ECONNRESET:
      return ExitReason::reset;
    case ETIMEDOUT:
      return ExitReason::timed_out;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return ExitReason::unreachable;
    default:  // also EPIPE: a FIN had come before
      return ExitReason::closed;
  }
}

std::string describe(const std::error_code& error) {
  std::string text = error.message();
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t connection_limit(std::size_t asked) {
  const std::size_t descriptors = raise_descriptor_limit();
  if (asked > 0) return asked;
  return descriptors > 128 ? descriptors - 64 : descriptors / 2;
}

const std::error_category& resolve_category() {
  static const ResolveCategory category;
  return category;
}

std::optional<std::string> source_address_to(const std::string& ip) {
  in_addr address{};
  if (!parse_ipv4(ip, address)) return std::nullopt;
  // Connecting a datagram socket sends nothing; it only asks the routing table.
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in endpoint = make_endpoint(address, 9);
  if (socket.get() < 0 || ::connect(socket.get(), generic(endpoint), sizeof endpoint) != 0)
    return std::nullopt;
  return local_of(socket.get()).host;
}

std::string default_source_address() {
  // Any global address will do: only the route to it is looked up (192.0.2.0/24 is for
  // documentation, RFC 5737).
  if (const auto source = source_address_to("192.0.2.1")) return *source;
  return first_address_up().value_or("127.0.0.1");
}

}  // namespace compactor
