// What the LIBPROCESS_SSL_* variables mean.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <string>

#include "compactor/tls.h"

namespace tls_options {
namespace {

using compactor::Error;
using compactor::TlsOptions;

/// A variable for as long as it lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  ~Variable() { ::unsetenv(name_.c_str()); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
};

TEST_CASE("nothing set: off, TLS 1.2 and 1.3, legacy, a depth of 4") {
  const auto options = TlsOptions::from_environment();
  CHECK_FALSE(options.enabled);
  CHECK(options.enable_tls_v1_2);
  CHECK(options.enable_tls_v1_3);
  CHECK_FALSE(options.enable_tls_v1_1);
  CHECK(options.verification_depth == 4);
  CHECK(options.hostname_validation_scheme == TlsOptions::HostnameValidation::legacy);
  CHECK(options.warnings.empty());
}

TEST_CASE("each variable, by either prefix; the new one wins, and that is told") {
  const Variable enabled("LIBPROCESS_SSL_ENABLED", "1");
  const Variable key("SSL_KEY_FILE", "/old.key");
  const Variable cert("SSL_CERT_FILE", "/old.pem"),
      new_cert("LIBPROCESS_SSL_CERT_FILE", "/new.pem");
  const Variable verify("SSL_VERIFY_CERT", "true");
  const Variable depth("LIBPROCESS_SSL_VERIFICATION_DEPTH", "2");
  const Variable v3("LIBPROCESS_SSL_ENABLE_TLS_V1_3", "false");
  const auto options = TlsOptions::from_environment();
  CHECK(options.enabled);
  CHECK(options.key_file == "/old.key");
  CHECK(options.cert_file == "/new.pem");
  CHECK(options.verify_server_cert);
  CHECK(options.verification_depth == 2);
  CHECK_FALSE(options.enable_tls_v1_3);
  REQUIRE(options.warnings.size() == 2);
  CHECK(options.warnings[0].find("CERT_FILE differ") != std::string::npos);
  CHECK(options.warnings[1].find("old name") != std::string::npos);
}

TEST_CASE("without TLS the variables of other programs are none of ours") {
  const Variable cert("SSL_CERT_FILE", "/etc/ssl/cert.pem"), ciphers("SSL_CIPHERS", "x");
  const auto options = TlsOptions::from_environment();
  CHECK(options.cert_file.empty());
  CHECK(options.ciphers.empty());
}

TEST_CASE("a value or a name that cannot be is refused, and named") {
  TlsOptions options;
  const auto why = [&](const char* name, const char* value) -> std::string {
    try {
      options.set(name, value);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(why("ENABLED", "yes") == "LIBPROCESS_SSL_ENABLED is \"yes\": it takes true, 1, false or 0");
  CHECK(why("VERIFICATION_DEPTH", "-1").find("a number") != std::string::npos);
  CHECK(why("VERIFICATION_DEPTH", "4x").find("a number") != std::string::npos);
  CHECK(why("HOSTNAME_VALIDATION_SCHEME", "none").find("legacy or openssl") != std::string::npos);
  CHECK(why("ENABLE_SSL_V3", "1").find("no SSL 3") != std::string::npos);
  CHECK(why("NOSUCH", "1").find("no variable") != std::string::npos);
  CHECK(why("ENABLE_SSL_V3", "0").empty());
  CHECK(why("VERIFY_IPADD", "1").empty());
  CHECK(options.verify_ipadd);
}

}  // namespace
}  // namespace tls_options
