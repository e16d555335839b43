#include "tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <functional>
#include <memory>

namespace compactor::tls {
namespace {

constexpr std::size_t kMostNames = 8;  // are shown

/// What a peer calls itself is shown to people.
std::string printable(std::string text) {
  constexpr std::size_t kLongest = 128;
  if (text.size() > kLongest) text.resize(kLongest);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return text;
}

std::string text_of(BIO& memory) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(&memory, &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::string name_text(const X509_NAME& name) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> memory(BIO_new(BIO_s_mem()), ::BIO_free);
  X509_NAME_print_ex(memory.get(), &name, 0, XN_FLAG_ONELINE);
  return printable(text_of(*memory));
}

std::string bytes_of(const ASN1_STRING& text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&text)),
          static_cast<std::size_t>(ASN1_STRING_length(&text))};
}

std::string address_text(const ASN1_STRING& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = ASN1_STRING_length(&address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(&address) != 16) return "?";
  ::inet_ntop(family, ASN1_STRING_get0_data(&address), text, sizeof text);
  return text;
}

std::string common_name(const X509& certificate) {
  const X509_NAME* name = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  return bytes_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

/// Calls `each` with the names that the certificate has beside its subject, until it returns true.
bool any_alternative_name(const X509& certificate,
                          const std::function<bool(const GENERAL_NAME&)>& each) {
  using Names = std::unique_ptr<GENERAL_NAMES, decltype(&::GENERAL_NAMES_free)>;
  const Names names(static_cast<GENERAL_NAMES*>(
                        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
                    ::GENERAL_NAMES_free);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (each(*sk_GENERAL_NAME_value(names.get(), i))) return true;
  }
  return false;
}

}  // namespace

std::string subject_of(const X509& certificate) {
  return name_text(*X509_get_subject_name(&certificate));
}

std::string issuer_of(const X509& certificate) {
  return name_text(*X509_get_issuer_name(&certificate));
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME& time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string time_text(const ASN1_TIME& time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return "?";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ", &parts);
  return text.data();
}

std::string names_of(const X509& certificate) {
  std::string names;
  std::size_t count = 0;
  any_alternative_name(certificate, [&](const GENERAL_NAME& name) {
    std::string text;
    if (name.type == GEN_DNS) text = printable(bytes_of(*name.d.dNSName));
    if (name.type == GEN_IPADD) text = address_text(*name.d.iPAddress);
    if (text.empty()) return false;
    if (++count > kMostNames) {
      names += " …";
      return true;
    }
    names += (names.empty() ? "" : ", ") + text;
    return false;
  });
  return names.empty() ? printable(common_name(certificate)) : names;
}

bool is_for_name(const X509& certificate, std::string_view host) {
  return any_alternative_name(certificate,
                              [&](const GENERAL_NAME& name) {
                                return name.type == GEN_DNS && bytes_of(*name.d.dNSName) == host;
                              }) ||
         common_name(certificate) == host;
}

bool is_for_ip(const X509& certificate, const std::string& ip) {
  return any_alternative_name(certificate, [&](const GENERAL_NAME& name) {
    return name.type == GEN_IPADD && address_text(*name.d.iPAddress) == ip;
  });
}

}  // namespace compactor::tls
