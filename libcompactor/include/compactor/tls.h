// TLS, as libprocess speaks it: on the one port of a Context, from the first byte.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include "compactor/error.h"
#include "compactor/export.h"

namespace compactor {

/// What the LIBPROCESS_SSL_* variables say; the names are theirs. Defaults are those of libprocess,
/// except that better ciphers, and TLS 1.3, are on offer too.
struct COMPACTOR_API TlsOptions {
  /// Where the name that a certificate must be for comes from.
  enum class HostnameValidation : std::uint8_t {
    legacy,   // a reverse look-up of the peer's address; clients are checked too
    openssl,  // the address that is connected to (or `hostname`); clients are not checked
  };

  bool enabled = false;
  std::string key_file;   // PEM, without a passphrase; required
  std::string cert_file;  // PEM, may hold a chain; required
  std::string ca_file;    // who may sign a peer's certificate; neither of the two: whom the system
  std::string ca_dir;     // trusts
  bool support_downgrade = false;    // accept plain peers too, and try plain where TLS fails
  bool verify_server_cert = false;   // as a client; off, any certificate is taken
  bool require_client_cert = false;  // as a server; switches verify_server_cert on too
  bool verify_ipadd = false;         // an IP address in a certificate counts too
  unsigned verification_depth = 4;   // longest chain
  HostnameValidation hostname_validation_scheme = HostnameValidation::legacy;
  std::string hostname;              // what every server's certificate must be for, and is asked
                                     // for by SNI, whatever its address; empty: see above
  std::string ciphers;               // of TLS up to 1.2, as OpenSSL writes them; empty: good ones,
                                     // then those of libprocess
  std::string ecdh_curves = "auto";  // colon list
  bool enable_tls_v1_0 = false;
  bool enable_tls_v1_1 = false;
  bool enable_tls_v1_2 = true;
  bool enable_tls_v1_3 = true;

  /// What from_environment() found odd: one line each for the user.
  std::vector<std::string> warnings;

  /// The variables without their prefix: set("KEY_FILE", "/etc/…"). Throws Error for a name that is
  /// none, or a value that it cannot have.
  void set(std::string_view name, std::string_view value);

  /// The variables LIBPROCESS_SSL_*, and with the old prefix SSL_*, where they are set and not
  /// empty. Throws Error as set().
  static TlsOptions from_environment();
};

/// A file of TlsOptions is missing, unreadable, holds something else, or does not fit the others.
class COMPACTOR_API TlsFileError : public Error {
 public:
  using Error::Error;
};

/// Why there is no TLS connection. An error_code of tls_category() has one of these as its value.
enum class TlsFault : std::uint8_t {
  none,
  expired,            // the peer's certificate, or one above it
  not_yet_valid,      // … or its time has not come
  unknown_authority,  // nobody we trust has signed it
  wrong_name,         // it is for others
  bad_certificate,    // anything else is wrong with it
  no_shared_cipher,
  no_shared_version,
  plain_peer,            // what came is no TLS
  client_cert_required,  // the peer wants a certificate of ours
  own_cert_refused,      // the peer does not trust ours
  timed_out,             // the handshake was not ended in time
  closed,                // the peer ended the connection in the handshake
  other,
};
COMPACTOR_API const std::error_category& tls_category();
inline std::error_code make_error_code(TlsFault fault) {
  return {static_cast<int>(fault), tls_category()};
}

/// A TLS connection that is up.
struct TlsPeer {
  std::string version;  // TLSv1.2
  std::string cipher;   // as OpenSSL names it
  std::string subject;  // of the peer's certificate; empty when it has shown none
  std::chrono::system_clock::time_point until{};  // its end
};

}  // namespace compactor

template <>
struct std::is_error_code_enum<compactor::TlsFault> : std::true_type {};
