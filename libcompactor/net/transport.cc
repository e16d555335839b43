#include "net/transport.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

#include "net/net.h"

namespace compactor {
namespace {

using Step = tls::Session::Step;

/// What a call of the system says that has not done it.
Transfer not_done(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return {0, true, {}};
  return {0, false, {error, std::system_category()}};
}

}  // namespace

Transfer Transport::read(char* buffer, std::size_t size) {
  if (tls_) return read_tls(buffer, size);
  const ssize_t got = ::recv(descriptor(), buffer, size, 0);
  return got < 0 ? not_done(errno) : Transfer{static_cast<std::size_t>(got), false, {}};
}

/// All the records that are here: one alone is 16 KiB at most.
Transfer Transport::read_tls(char* buffer, std::size_t size) {
  Transfer done;
  unread_ = false;
  read_wants_write_ = false;
  tls_->look_again();
  while (done.bytes < size) {
    std::size_t got = 0;
    const Step step = tls_->read(buffer + done.bytes, size - done.bytes, got);
    done.bytes += got;
    if (step == Step::done) continue;
    read_wants_write_ = step == Step::wants_write;
    done.again = step == Step::wants_read || step == Step::wants_write;
    // What comes after these bytes is told by the next read; OpenSSL says it again.
    if (done.bytes > 0)
      unread_ = !done.again;
    else if (step == Step::failed)
      return broken();
    return done;
  }
  unread_ = true;
  return done;
}

Transfer Transport::write(std::span<const iovec> parts) {
  if (tls_) return write_tls(parts);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t written;
  do {
    written = ::sendmsg(descriptor(), &message, MSG_NOSIGNAL);
  } while (written < 0 && errno == EINTR);
  return written < 0 ? not_done(errno) : Transfer{static_cast<std::size_t>(written), false, {}};
}

Transfer Transport::write_tls(std::span<const iovec> parts) {
  Transfer done;
  for (const iovec& part : parts) {
    const char* bytes = static_cast<const char*>(part.iov_base);
    for (std::size_t left = part.iov_len; left > 0;) {
      std::size_t taken = 0;
      const Step step = tls_->write(bytes, left, taken);
      done.bytes += taken;
      bytes += taken;
      left -= taken;
      if (step == Step::done) continue;
      done.again = step == Step::wants_read || step == Step::wants_write;
      if (!done.again) done.error = tls_->failure().error;
      return done;
    }
  }
  return done;
}

void Transport::shut_write() {
  if (tls_) tls_->shut_write();
  ::shutdown(descriptor(), SHUT_WR);
}

bool Transport::has_unread() {
  int unread = 0;
  return unread_ || (::ioctl(descriptor(), FIONREAD, &unread) == 0 && unread > 0);
}

std::uint64_t Transport::acknowledged(std::uint64_t written) {
  return (tls_ ? tls_->sent() : written) - unacknowledged(descriptor());
}

void Transport::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace compactor
