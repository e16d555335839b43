// Small things around sockets.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "compactor/context.h"
#include "compactor/message.h"

namespace compactor {

bool parse_ipv4(const std::string& text, in_addr& address);
Address to_address(const sockaddr_in& endpoint);
Address peer_of(int socket);
Address local_of(int socket);

/// A non-blocking, close-on-exec TCP socket that listens. Throws SocketError naming the address and
/// the reason.
int listen_on(const std::string& ip, std::uint16_t port);

void set_no_delay(int socket);
void set_keepalive(int socket, Duration idle, Duration interval, int count);

/// For how long the peer has acknowledged nothing, although written bytes were sent to it again in
/// that time; 0 when there are none, and when it may just not have been asked for a while.
std::chrono::milliseconds silent_for(int socket);

/// How a broken connection is told to those linked to it.
ExitReason exit_reason(const std::error_code& error);
/// As text for people: "connection refused", in lower case.
std::string describe(const std::error_code& error);

/// Raises the soft limit of descriptors to the hard one and returns that.
std::size_t raise_descriptor_limit();

/// The errors of getaddrinfo().
const std::error_category& resolve_category();
std::error_code resolve_once(const std::string& host, in_addr& address);

}  // namespace compactor
