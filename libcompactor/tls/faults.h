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

/// What the verification of a peer found.
struct CertificateTrouble {
  int error;             // one of X509_V_ERR_*
  const X509* shown;     // the peer's own certificate
  const X509* at_fault;  // that, or one above it in its chain
  std::string wanted;    // whom we wanted to speak with
};
Failure certificate_failure(const CertificateTrouble& trouble);

/// `error` is one of OpenSSL's queue; `agreed` says that a cipher had been agreed on.
Failure openssl_failure(unsigned long error, bool agreed);

}  // namespace compactor::tls
