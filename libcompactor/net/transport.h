// A connection that bytes go over: TCP, or TLS on it.
#pragma once

#include <sys/uio.h>

#include <asio.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "tls/session.h"

namespace compactor {

/// What one read or write did.
struct Transfer {
  std::size_t bytes = 0;
  bool again = false;     // the rest has to wait
  std::error_code error;  // of the system, or of tls_category(): it is broken

  /// Of a read: the peer says no more.
  bool ended() const { return bytes == 0 && !again && !error; }
};

/// Non-blocking. Owned by whoever reads and writes it; a branch, and no more, decides between TCP
/// and TLS. Not thread-safe.
class Transport {
 public:
  using Socket = asio::ip::tcp::socket;

  /// Closed.
  explicit Transport(asio::io_context& io) : socket_(io) {}
  explicit Transport(const asio::any_io_executor& io) : socket_(io) {}
  /// The socket is set not to block.
  explicit Transport(Socket socket) : socket_(std::move(socket)) {}

  Socket& socket() { return socket_; }
  int descriptor() { return socket_.native_handle(); }

  /// From here on all bytes go through the session, whose handshake is done.
  void secure(std::unique_ptr<tls::Session> session) {
    tls_ = std::move(session);
    unread_ = true;  // text may have come with the end of the handshake
  }
  /// Null: TCP alone.
  const tls::Session* tls() const { return tls_.get(); }

  Transfer read(char* buffer, std::size_t size);
  /// As much as is taken now. What was not has to be written again, first of all.
  Transfer write(std::span<const iovec> parts);
  Transfer write(std::string_view bytes) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return write({&part, 1});
  }
  /// Nothing more is written; the peer is told.
  void shut_write();
  /// Bytes are here, or in the kernel, that were not read.
  bool has_unread();
  /// Of the bytes that went into the socket, those that the peer's kernel has; `written` of text
  /// did.
  std::uint64_t acknowledged(std::uint64_t written);
  /// Why it broke, in words; empty where the error says it all.
  std::string_view reason() const {
    return tls_ ? std::string_view(tls_->failure().reason) : std::string_view();
  }

  /// `handler(error)` is called when read() has something to say.
  template <class Handler>
  void wait_read(Handler&& handler) {
    if (unread_) {
      asio::post(socket_.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
        handler(asio::error_code());
      });
      return;
    }
    socket_.async_wait(read_wants_write_ ? Socket::wait_write : Socket::wait_read,
                       std::forward<Handler>(handler));
  }
  /// … when write() may take something.
  template <class Handler>
  void wait_write(Handler&& handler) {
    socket_.async_wait(Socket::wait_write, std::forward<Handler>(handler));
  }

  void close();

 private:
  Transfer read_tls(char* buffer, std::size_t size);
  Transfer write_tls(std::span<const iovec> parts);
  Transfer broken() const { return {0, false, tls_->failure().error}; }

  Socket socket_;
  std::unique_ptr<tls::Session> tls_;
  bool unread_ = false;  // the session may have more, though the socket is not readable
  bool read_wants_write_ = false;
};

}  // namespace compactor
