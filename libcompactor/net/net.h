// Small things around sockets.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
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
/// Bytes were sent, were sent again, and are not acknowledged. A peer that only does not read is
/// none of those: it acknowledges what its window lets through.
bool retransmitting(int socket);

/// Bytes that were written and that the peer's kernel has not acknowledged; 0 when not connected.
std::size_t unacknowledged(int socket);
/// Closing it ends the connection with a RST and forgets what is unacknowledged.
void reset_at_close(int socket);

/// Whether who connects to it comes to this host.
bool is_local_address(in_addr address);

/// How a broken connection is told to those linked to it.
ExitReason exit_reason(const std::error_code& error);
/// As text for people: "connection refused", in lower case.
std::string describe(const std::error_code& error);

/// Raises the soft limit of descriptors to the hard one and returns that.
std::size_t raise_descriptor_limit();

/// How many connections there may be: what was asked for; else what the descriptors allow. Their
/// limit is raised for either.
std::size_t connection_limit(std::size_t asked);

/// The errors of getaddrinfo().
const std::error_category& resolve_category();

}  // namespace compactor
