#include "tls/faults.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <utility>

#include "tls/certificate.h"

namespace compactor {
namespace {

class TlsCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int code) const override {
    constexpr std::array<const char*, 14> kTexts{"no error",
                                                 "the certificate has expired",
                                                 "the certificate does not count yet",
                                                 "the certificate is by an unknown authority",
                                                 "the certificate is for another name",
                                                 "the certificate is bad",
                                                 "no cipher in common",
                                                 "no version of TLS in common",
                                                 "no TLS",
                                                 "a client certificate is required",
                                                 "our certificate is not trusted",
                                                 "no TLS handshake in time",
                                                 "the connection was ended in the TLS handshake",
                                                 "TLS failed"};
    const auto index = static_cast<std::size_t>(code);
    return index < kTexts.size() ? kTexts[index] : kTexts.back();
  }
};

}  // namespace

const std::error_category& tls_category() {
  static const TlsCategory category;
  return category;
}

namespace tls {
namespace {

Failure failure(TlsFault fault, std::string reason) {
  return {fault, std::move(reason)};
}

std::string in_brackets(const X509* certificate) {
  const std::string subject = certificate == nullptr ? "" : subject_of(*certificate);
  return subject.empty() ? "" : " (" + subject + ")";
}

std::string certificate_text(const CertificateTrouble& trouble) {
  const bool own = trouble.at_fault == trouble.shown || trouble.at_fault == nullptr;
  return (own ? "its certificate" : "a certificate above its own") + in_brackets(trouble.at_fault);
}

std::string issuer_text(const X509* certificate) {
  if (certificate == nullptr) return "";
  const std::string issuer = issuer_of(*certificate);
  return issuer.empty() ? "" : ", " + issuer;
}

/// Whether OpenSSL calls it so, as a server, or an alert of the peer does.
bool is_any_of(int reason, std::initializer_list<int> reasons) {
  for (const int each : reasons) {
    if (each == reason) return true;
  }
  return false;
}

bool tells_own_certificate_refused(int reason) {
  return is_any_of(
      reason, {SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
               SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
               SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
               SSL_R_TLSV1_ALERT_ACCESS_DENIED, SSL_R_TLSV1_ALERT_DECRYPT_ERROR});
}

bool tells_certificate_required(int reason) {
  return is_any_of(
      reason, {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE});
}

bool tells_versions(int reason) {
  return is_any_of(reason,
                   {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL,
                    SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_VERSION_TOO_LOW, SSL_R_WRONG_SSL_VERSION});
}

bool tells_plain(int reason) {
  return is_any_of(reason, {SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST,
                            SSL_R_HTTPS_PROXY_REQUEST, SSL_R_UNKNOWN_PROTOCOL});
}

}  // namespace

Failure certificate_failure(const CertificateTrouble& trouble) {
  const X509* certificate = trouble.at_fault;
  const std::string subject = certificate_text(trouble);
  switch (trouble.error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return failure(
          TlsFault::expired,
          subject + " has expired" +
              (certificate == nullptr ? "" : " on " + time_text(*X509_get0_notAfter(certificate))));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return failure(TlsFault::not_yet_valid,
                     subject + " does not count yet" +
                         (certificate == nullptr
                              ? ""
                              : ", but from " + time_text(*X509_get0_notBefore(certificate))));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return failure(TlsFault::unknown_authority, subject + " is signed by itself");
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return failure(TlsFault::unknown_authority, "its certificate" + in_brackets(trouble.shown) +
                                                      " is by an unknown authority" +
                                                      issuer_text(certificate));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return failure(TlsFault::wrong_name,
                     "its certificate is for " +
                         (trouble.shown == nullptr ? "others" : names_of(*trouble.shown)) +
                         " and not for " + trouble.wanted);
    default:
      return failure(TlsFault::bad_certificate,
                     subject + ": " + X509_verify_cert_error_string(trouble.error));
  }
}

Failure openssl_failure(unsigned long error, bool agreed) {
  const int reason = ERR_GET_REASON(error);
  const char* text = ERR_reason_error_string(error);
  const std::string words = text == nullptr ? "TLS failed" : text;
  if (tells_certificate_required(reason)) {
    return reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
               ? failure(TlsFault::client_cert_required, "it shows no certificate")
               : failure(TlsFault::client_cert_required, "it requires a certificate of ours");
  }
  if (tells_own_certificate_refused(reason) ||
      (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE && agreed))
    return failure(TlsFault::own_cert_refused, "it does not take our certificate (" + words + ")");
  if (reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM ||
      reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ||
      reason == SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY)
    return failure(TlsFault::no_shared_cipher, "there is no cipher that both sides have");
  if (tells_versions(reason))
    return failure(TlsFault::no_shared_version, "there is no version of TLS that both sides have");
  if (tells_plain(reason)) return failure(TlsFault::plain_peer, "what it says is no TLS");
  return failure(TlsFault::other, "TLS: " + words);
}

}  // namespace tls
}  // namespace compactor
