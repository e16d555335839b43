#include "support/place.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace place {
namespace {

/// What a command that failed said, on one line; nothing when it succeeded.
Lack failure_of(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::string said;
  char piece[256];
  while (const std::size_t count = std::fread(piece, 1, sizeof piece, pipe))
    said.append(piece, count);
  if (::pclose(pipe) == 0) return std::nullopt;
  said = said.substr(0, said.find('\n'));
  return said.empty() ? "\"" + command + "\" failed" : said;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words) line += word + " ";
  return line;
}

}  // namespace

std::vector<std::string> unshare_arguments() {
  std::vector<std::string> arguments{"--net", "--mount"};
  // A user namespace has only one user, which is too few for tests of the change to another.
  if (::geteuid() != 0) arguments.insert(arguments.begin(), "--map-root-user");
  return arguments;
}

Lack own_network() {
  static const Lack lack = failure_of("unshare " + joined(unshare_arguments()) + "true");
  if (!lack) return lack;
  return "no network namespace can be made (" + *lack + ")";
}

Lack another_user() {
  static const Lack lack = failure_of("setpriv --reuid=65534 --regid=65534 --clear-groups -- true");
  if (!lack) return lack;
  return "no other user can be become (" + *lack + ")";
}

Lack live_capture() {
  const int all = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (all < 0) return std::string("no packets can be captured: ") + std::strerror(errno);
  ::close(all);
  return std::nullopt;
}

Lack localhost() {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo("localhost", nullptr, &hints, &list) != 0) {
    return "the name localhost is not known";
  }
  const auto address = reinterpret_cast<const sockaddr_in*>(list->ai_addr)->sin_addr.s_addr;
  ::freeaddrinfo(list);
  if (address == htonl(INADDR_LOOPBACK)) return std::nullopt;
  return "localhost is not 127.0.0.1";
}

Lack privileged_ports() {
  int first = 1024;
  std::ifstream("/proc/sys/net/ipv4/ip_unprivileged_port_start") >> first;
  if (first > 1) return std::nullopt;
  return "every user may bind every port (net.ipv4.ip_unprivileged_port_start is " +
         std::to_string(first) + ")";
}

}  // namespace place
