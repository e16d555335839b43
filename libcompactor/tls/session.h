// TLS on one connection.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "compactor/tls.h"
#include "tls/config.h"
#include "tls/faults.h"

namespace compactor::tls {

enum class Role : std::uint8_t { client, server };

/// Reads and writes a non-blocking socket that outlives it. Not thread-safe.
class Session {
 public:
  enum class Step : std::uint8_t {
    done,
    wants_read,   // call it again when the socket is readable
    wants_write,  // … or writable
    ended,        // the peer says no more; with close_notify or, as a libprocess does, without
    failed,       // see failure()
  };

  /// The server's certificate is verified, if the configuration says so, and is to be for `name`;
  /// where that is empty, for `ip`. With the scheme legacy this is not checked here: see names().
  Session(std::shared_ptr<const Config> config, Role role, int socket, std::string ip,
          const std::string& name);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Step handshake();
  /// The socket is worth another look: once a look has brought less than there was room for, it is
  /// taken for empty until then. To be called before a series of read().
  void look_again();
  /// `got` of the bytes are there, also when the step is another than done.
  Step read(char* bytes, std::size_t size, std::size_t& got);
  /// What was not taken has to be written again, first of all, from any address.
  Step write(const char* bytes, std::size_t size, std::size_t& taken);
  /// Says that we say no more, as far as the socket takes it now.
  void shut_write();

  const Failure& failure() const { return failure_; }
  /// Bytes of the records that went into the socket.
  std::uint64_t sent() const;

  // Once the handshake is done.
  TlsPeer peer() const;
  /// What is left to be checked: for the scheme legacy, whether the peer's certificate is for the
  /// name that a reverse look-up of its address gives.
  bool needs_name() const;
  /// It is for this address, and addresses count.
  bool is_for_address() const;
  /// It is for `host`. If not, there is a failure.
  bool check_name(const std::string& host);
  /// It is not, as there is no such name.
  void no_name(const std::string& why);

 private:
  struct Socket;
  struct Free {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  static int verified(int ok, X509_STORE_CTX* store);

  void verify_server(const std::string& name);
  bool is_legacy() const;
  Step step_of(int result);
  Step fail(TlsFault fault, std::string reason);
  Step explain();
  void explain_certificate(X509_STORE_CTX* store);

  std::shared_ptr<const Config> config_;
  const Role role_;
  const std::string ip_;
  const std::string wanted_;  // whom we want to speak with
  std::unique_ptr<Socket> socket_;
  std::unique_ptr<SSL, Free> ssl_;
  Failure failure_;
  bool up_ = false;
};

}  // namespace compactor::tls
