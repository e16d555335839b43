#include "tls/config.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "tls/certificate.h"

namespace compactor::tls {
namespace {

// Forward secrecy and authenticated encryption first; then what a default libprocess is limited to.
constexpr const char* kCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:AESGCM:ECDHE+AES:AES128-SHA256:AES256-SHA256:"
    "AES128-SHA:AES256-SHA:!aNULL:!eNULL:!PSK:!SRP";
// OpenSSL 3 has TLS 1.0 and 1.1 at this level only.
constexpr const char* kForOldVersions = ":@SECLEVEL=0";

// Read at once, as far as it is there; a record with what is around it is at most so long twice.
constexpr std::size_t kReadAhead = std::size_t{34} << 10;

constexpr auto kWarnBefore = std::chrono::hours(24 * 14);

int no_passphrase(char*, int, int, void*) {
  return 0;
}

/// The last of OpenSSL's errors, which are then forgotten.
std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "OpenSSL gives no reason" : reason;
}

[[noreturn]] void fail(const char* variable, const std::string& path, const std::string& why) {
  throw TlsFileError(std::string("LIBPROCESS_SSL_") + variable + " (" + path + "): " + why);
}

/// OpenSSL says of a missing file what it says of any other.
void check_readable(const char* variable, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  const int error = errno;
  if (file == nullptr) fail(variable, path, std::generic_category().message(error));
  char byte = 0;
  const bool failed = std::fread(&byte, 1, 1, file) == 0 && std::ferror(file) != 0;
  const int read_error = errno;
  std::fclose(file);
  if (failed) fail(variable, path, std::generic_category().message(read_error));
}

void require(const char* variable, const std::string& value) {
  if (!value.empty()) return;
  throw Error(std::string("TLS is on, but LIBPROCESS_SSL_") + variable + " is not set");
}

}  // namespace

std::shared_ptr<const Config> Config::load(const TlsOptions& options) {
  ERR_clear_error();
  return std::shared_ptr<const Config>(new Config(options));
}

Config::Config(const TlsOptions& options)
    : options_(options), context_(SSL_CTX_new(TLS_method())), warnings_(options.warnings) {
  if (!context_) throw Error("OpenSSL: " + openssl_reason());
  require("KEY_FILE", options_.key_file);
  require("CERT_FILE", options_.cert_file);
  offer();
  load_certificate();
  if (verifies_servers()) load_authorities();
  look_for_oddities();
}

void Config::offer() {
  const TlsOptions& o = options_;
  if (!o.enable_tls_v1_0 && !o.enable_tls_v1_1 && !o.enable_tls_v1_2 && !o.enable_tls_v1_3)
    throw Error("TLS is on, but no version of it is (LIBPROCESS_SSL_ENABLE_TLS_V1_2 …)");
  SSL_CTX* context = context_.get();
  // What the system's configuration of OpenSSL says of versions is not meant for this.
  SSL_CTX_set_min_proto_version(context, 0);
  SSL_CTX_set_max_proto_version(context, 0);
  std::uint64_t flags = SSL_OP_NO_SSLv3 | SSL_OP_CIPHER_SERVER_PREFERENCE |
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                        SSL_OP_IGNORE_UNEXPECTED_EOF;  // as every libprocess ends a connection
  if (!o.enable_tls_v1_0) flags |= SSL_OP_NO_TLSv1;
  if (!o.enable_tls_v1_1) flags |= SSL_OP_NO_TLSv1_1;
  if (!o.enable_tls_v1_2) flags |= SSL_OP_NO_TLSv1_2;
  if (!o.enable_tls_v1_3) flags |= SSL_OP_NO_TLSv1_3;
  SSL_CTX_set_options(context, flags);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_dh_auto(context, 1);
  std::string ciphers = o.ciphers.empty() ? kCiphers : o.ciphers;
  if (o.enable_tls_v1_0 || o.enable_tls_v1_1) ciphers += kForOldVersions;
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    throw Error("LIBPROCESS_SSL_CIPHERS is \"" + o.ciphers + "\": " + openssl_reason());
  if (o.ecdh_curves != "auto" && SSL_CTX_set1_groups_list(context, o.ecdh_curves.c_str()) != 1)
    throw Error("LIBPROCESS_SSL_ECDH_CURVES is \"" + o.ecdh_curves + "\": OpenSSL has no such");
}

void Config::load_certificate() {
  SSL_CTX* context = context_.get();
  check_readable("CERT_FILE", options_.cert_file);
  check_readable("KEY_FILE", options_.key_file);
  if (SSL_CTX_use_certificate_chain_file(context, options_.cert_file.c_str()) != 1)
    fail("CERT_FILE", options_.cert_file, "no certificate in PEM (" + openssl_reason() + ")");
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_PrivateKey_file(context, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                       ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    fail("KEY_FILE", options_.key_file,
         other ? "the key is not that of the certificate in " + options_.cert_file
               : "no key in PEM without a passphrase (" + openssl_reason() + ")");
  }
  if (SSL_CTX_check_private_key(context) != 1)
    fail("KEY_FILE", options_.key_file,
         "the key is not that of the certificate in " + options_.cert_file);
}

void Config::load_authorities() {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_verify_depth(context, static_cast<int>(options_.verification_depth));
  if (options_.ca_file.empty() && options_.ca_dir.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    return;
  }
  if (!options_.ca_file.empty()) {
    check_readable("CA_FILE", options_.ca_file);
    if (SSL_CTX_load_verify_file(context, options_.ca_file.c_str()) != 1)
      fail("CA_FILE", options_.ca_file, "no certificate in PEM (" + openssl_reason() + ")");
  }
  if (options_.ca_dir.empty()) return;
  std::error_code error;
  const std::filesystem::directory_iterator folder(options_.ca_dir, error);
  if (error) fail("CA_DIR", options_.ca_dir, error.message());
  SSL_CTX_load_verify_dir(context, options_.ca_dir.c_str());
}

void Config::look_for_oddities() {
  const X509* certificate = SSL_CTX_get0_certificate(context_.get());
  const std::string file = options_.cert_file;
  const auto until = time_of(*X509_get0_notAfter(certificate));
  const auto now = std::chrono::system_clock::now();
  const std::string end = time_text(*X509_get0_notAfter(certificate));
  if (until < now) {
    warnings_.push_back("the certificate in " + file + " has expired on " + end);
  } else if (until < now + kWarnBefore) {
    warnings_.push_back("the certificate in " + file + " ends on " + end);
  }
  if (time_of(*X509_get0_notBefore(certificate)) > now) {
    warnings_.push_back("the certificate in " + file + " counts from " +
                        time_text(*X509_get0_notBefore(certificate)) + " on only");
  }
  if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) != EVP_PKEY_RSA) {
    warnings_.push_back("the certificate in " + file +
                        " is not one of RSA: a default libprocess cannot speak with it");
  }
  if (options_.support_downgrade && verifies_servers()) {
    warnings_.push_back(
        "SUPPORT_DOWNGRADE defeats verification: a server that fails it is spoken to in plain");
  }
}

}  // namespace compactor::tls
