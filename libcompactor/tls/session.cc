#include "tls/session.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "tls/certificate.h"
#include "tls/faults.h"

namespace compactor::tls {
namespace {

/// Numeric, IPv4 or IPv6.
bool is_address(const std::string& text) {
  in6_addr address{};  // has room for both
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

/// What OpenSSL reads from and writes to. Its own raises SIGPIPE.
struct Session::Socket {
  int descriptor;
  bool ended = false;  // the peer has
  bool empty = false;  // the last read has got all there was
  int error = 0;       // the last that was not passing
  std::uint64_t sent = 0;

  static Socket& of(BIO* bio) { return *static_cast<Socket*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t taken =
        ::send(of(bio).descriptor, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (taken >= 0) {
      of(bio).sent += static_cast<std::uint64_t>(taken);
      return static_cast<int>(taken);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      BIO_set_retry_write(bio);
    } else {
      of(bio).error = errno;
    }
    return -1;
  }

  static int read(BIO* bio, char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    if (of(bio).empty) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ssize_t got = ::recv(of(bio).descriptor, bytes, static_cast<std::size_t>(size), 0);
    of(bio).empty = got < size;
    if (got > 0) return static_cast<int>(got);
    if (got == 0) {
      of(bio).ended = true;
      return 0;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      BIO_set_retry_read(bio);
    } else {
      of(bio).error = errno;
    }
    return -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return of(bio).ended ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static const auto made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
      BIO_meth_set_write(method, write);
      BIO_meth_set_read(method, read);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
};

Session::Session(std::shared_ptr<const Config> config, Role role, int socket, std::string ip,
                 const std::string& name)
    : config_(std::move(config)),
      role_(role),
      ip_(std::move(ip)),
      wanted_(name.empty() ? ip_ : name),
      socket_(std::make_unique<Socket>(Socket{socket})),
      ssl_(SSL_new(config_->get())) {
  BIO* bio = BIO_new(Socket::method());
  if (!ssl_ || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, socket_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (role == Role::client) {
    SSL_set_connect_state(ssl_.get());
    if (!name.empty() && !is_address(name)) SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
    if (config_->verifies_servers()) verify_server(name);
  } else {
    SSL_set_accept_state(ssl_.get());
    if (config_->options().require_client_cert)
      SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verified);
  }
}

Session::~Session() = default;

std::uint64_t Session::sent() const {
  return socket_->sent;
}

// --- Verification

/// With the scheme openssl the name is part of it.
void Session::verify_server(const std::string& name) {
  SSL_set_verify(ssl_.get(), SSL_VERIFY_PEER, verified);
  if (is_legacy()) return;
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_.get());
  if (!is_address(wanted_)) {
    X509_VERIFY_PARAM_set1_host(wanted, wanted_.c_str(), wanted_.size());
  } else if (!name.empty() || config_->options().verify_ipadd) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, wanted_.c_str());
  } else {
    fail(TlsFault::wrong_name, "only its address, " + ip_ +
                                   ", is known of it, and addresses in certificates do not count");
  }
}

bool Session::is_legacy() const {
  return config_->options().hostname_validation_scheme == TlsOptions::HostnameValidation::legacy;
}

int Session::verified(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return ok;
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<Session*>(SSL_get_app_data(ssl));
  self->explain_certificate(store);
  return ok;
}

void Session::explain_certificate(X509_STORE_CTX* store) {
  failure_ = certificate_failure({.error = X509_STORE_CTX_get_error(store),
                                  .shown = X509_STORE_CTX_get0_cert(store),
                                  .at_fault = X509_STORE_CTX_get_current_cert(store),
                                  .wanted = wanted_});
}

bool Session::needs_name() const {
  const TlsOptions& options = config_->options();
  if (!is_legacy()) return false;
  return role_ == Role::client ? config_->verifies_servers() && options.hostname.empty()
                               : options.require_client_cert;
}

bool Session::is_for_address() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return config_->options().verify_ipadd && certificate != nullptr && is_for_ip(*certificate, ip_);
}

bool Session::check_name(const std::string& host) {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return true;  // it was not asked for one
  if (is_address(host) ? is_for_ip(*certificate, host) : is_for_name(*certificate, host))
    return true;
  fail(TlsFault::wrong_name,
       "its certificate is for " + names_of(*certificate) + " and not for " + host +
           (host == ip_ || role_ == Role::server || !config_->options().hostname.empty()
                ? ""
                : ", as " + ip_ + " is called"));
  return false;
}

void Session::no_name(const std::string& why) {
  fail(TlsFault::wrong_name, "the name of " + ip_ + " cannot be looked up (" + why +
                                 "), and its certificate has to be for that");
}

// --- Bytes

void Session::look_again() {
  socket_->empty = false;
}

Session::Step Session::handshake() {
  if (failure_.error) return Step::failed;
  look_again();
  ERR_clear_error();
  const Step step = step_of(SSL_do_handshake(ssl_.get()));
  if (step == Step::ended)
    return fail(TlsFault::closed, "it ended the connection in the handshake");
  if (step != Step::done) return step;
  up_ = true;
  const std::string& hostname = config_->options().hostname;
  const bool check =
      role_ == Role::client && is_legacy() && config_->verifies_servers() && !hostname.empty();
  return !check || check_name(hostname) ? Step::done : Step::failed;
}

Session::Step Session::read(char* bytes, std::size_t size, std::size_t& got) {
  got = 0;
  ERR_clear_error();
  const int result =
      SSL_read(ssl_.get(), bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  if (result > 0) got = static_cast<std::size_t>(result);
  return step_of(result);
}

Session::Step Session::write(const char* bytes, std::size_t size, std::size_t& taken) {
  taken = 0;
  ERR_clear_error();
  const int result =
      SSL_write(ssl_.get(), bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  if (result > 0) taken = static_cast<std::size_t>(result);
  return step_of(result);
}

void Session::shut_write() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

Session::Step Session::step_of(int result) {
  if (result > 0) return Step::done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Step::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;
    default:
      return explain();
  }
}

Session::Step Session::fail(TlsFault fault, std::string reason) {
  failure_ = {fault, std::move(reason)};
  return Step::failed;
}

Session::Step Session::explain() {
  if (failure_.error) return Step::failed;  // of the certificate, as it was found
  const unsigned long error = ERR_peek_error();
  if (error == 0 && socket_->error != 0 && up_) {
    failure_ = {{socket_->error, std::system_category()},
                std::generic_category().message(socket_->error)};
    return Step::failed;
  }
  if (error == 0) return fail(TlsFault::closed, "it broke the connection in the handshake");
  const bool agreed = SSL_get_current_cipher(ssl_.get()) != nullptr;
  failure_ = openssl_failure(error, agreed);
  ERR_clear_error();
  return Step::failed;
}

TlsPeer Session::peer() const {
  TlsPeer peer;
  peer.version = SSL_get_version(ssl_.get());
  peer.cipher = SSL_get_cipher_name(ssl_.get());
  if (const X509* certificate = SSL_get0_peer_certificate(ssl_.get())) {
    peer.subject = subject_of(*certificate);
    peer.until = time_of(*X509_get0_notAfter(certificate));
  }
  return peer;
}

}  // namespace compactor::tls
