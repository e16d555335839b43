// OpenSSL's errors as those of people.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <system_error>

#include "compactor/tls.h"

namespace compactor::tls {

/// Why there is no TLS connection, or why it has ended.
struct Failure {
  std::error_code error;  // of tls_category(), or the system's
  std::string reason;     // for people, of the peer: "its certificate has expired on …"
};

/// `error` is one of X509_V_ERR_*, of this certificate, if it is known; `wanted` is whom we wanted
/// to speak with.
Failure certificate_failure(int error, const X509* certificate, const std::string& wanted);

/// `error` is one of OpenSSL's queue; `agreed` says that a cipher had been agreed on.
Failure openssl_failure(unsigned long error, bool agreed);

}  // namespace compactor::tls
