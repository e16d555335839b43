// What is asked of a certificate.
#pragma once

#include <openssl/x509.h>

#include <chrono>
#include <string>
#include <string_view>

namespace compactor::tls {

/// As OpenSSL prints it in one line: "CN = node, O = Mesos".
std::string subject_of(const X509& certificate);
/// Who signed it, written so too.
std::string issuer_of(const X509& certificate);
/// 2026-11-30 12:39:49Z
std::string time_text(const ASN1_TIME& time);
std::chrono::system_clock::time_point time_of(const ASN1_TIME& time);

/// Whom it is for: its names and addresses, or, without any, its common name; as text for people.
std::string names_of(const X509& certificate);

/// It is for this host, compared exactly, as libprocess' legacy scheme does: with each DNS name,
/// and with the common name.
bool is_for_name(const X509& certificate, std::string_view host);
/// One of its addresses is this one, numeric.
bool is_for_ip(const X509& certificate, const std::string& ip);

}  // namespace compactor::tls
