#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

#include "compactor/tls.h"

namespace compactor {
namespace {

using Scheme = TlsOptions::HostnameValidation;

constexpr std::string_view kPrefix = "LIBPROCESS_SSL_";
constexpr std::string_view kOldPrefix = "SSL_";
constexpr unsigned kDeepest = 100;

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view wanted) {
  throw Error(std::string(kPrefix) + std::string(name) + " is \"" + std::string(value) +
              "\": it takes " + std::string(wanted));
}

bool parse_bool(std::string_view name, std::string_view value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  refuse(name, value, "true, 1, false or 0");
}

unsigned parse_depth(std::string_view name, std::string_view value) {
  unsigned depth = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), depth);
  if (error != std::errc() || end != value.data() + value.size() || depth > kDeepest)
    refuse(name, value, "a number up to " + std::to_string(kDeepest));
  return depth;
}

Scheme parse_scheme(std::string_view name, std::string_view value) {
  if (value == "legacy") return Scheme::legacy;
  if (value == "openssl") return Scheme::openssl;
  refuse(name, value, "legacy or openssl");
}

struct Flag {
  std::string_view name;
  bool TlsOptions::*member;
};
constexpr std::array kFlags{
    Flag{"ENABLED", &TlsOptions::enabled},
    Flag{"SUPPORT_DOWNGRADE", &TlsOptions::support_downgrade},
    Flag{"VERIFY_SERVER_CERT", &TlsOptions::verify_server_cert},
    Flag{"VERIFY_CERT", &TlsOptions::verify_server_cert},
    Flag{"REQUIRE_CLIENT_CERT", &TlsOptions::require_client_cert},
    Flag{"REQUIRE_CERT", &TlsOptions::require_client_cert},
    Flag{"VERIFY_IPADD", &TlsOptions::verify_ipadd},
    Flag{"ENABLE_TLS_V1_0", &TlsOptions::enable_tls_v1_0},
    Flag{"ENABLE_TLS_V1_1", &TlsOptions::enable_tls_v1_1},
    Flag{"ENABLE_TLS_V1_2", &TlsOptions::enable_tls_v1_2},
    Flag{"ENABLE_TLS_V1_3", &TlsOptions::enable_tls_v1_3},
};

struct Text {
  std::string_view name;
  std::string TlsOptions::*member;
};
constexpr std::array kTexts{
    Text{"KEY_FILE", &TlsOptions::key_file}, Text{"CERT_FILE", &TlsOptions::cert_file},
    Text{"CA_FILE", &TlsOptions::ca_file},   Text{"CA_DIR", &TlsOptions::ca_dir},
    Text{"CIPHERS", &TlsOptions::ciphers},   Text{"ECDH_CURVES", &TlsOptions::ecdh_curves},
};

// The old names come before the new ones, which win.
constexpr std::array<std::string_view, 20> kNames{
    "ENABLED",         "KEY_FILE",
    "CERT_FILE",       "CA_FILE",
    "CA_DIR",          "SUPPORT_DOWNGRADE",
    "VERIFY_CERT",     "VERIFY_SERVER_CERT",
    "REQUIRE_CERT",    "REQUIRE_CLIENT_CERT",
    "VERIFY_IPADD",    "VERIFICATION_DEPTH",
    "CIPHERS",         "HOSTNAME_VALIDATION_SCHEME",
    "ECDH_CURVES",     "ENABLE_SSL_V3",
    "ENABLE_TLS_V1_0", "ENABLE_TLS_V1_1",
    "ENABLE_TLS_V1_2", "ENABLE_TLS_V1_3",
};

std::string variable(std::string_view prefix, std::string_view name) {
  const std::string whole = std::string(prefix) + std::string(name);
  const char* value = std::getenv(whole.c_str());
  return value == nullptr ? "" : value;
}

void warn_of_old_name(TlsOptions& options, std::string_view name) {
  const std::string_view now = name == "VERIFY_CERT"    ? "VERIFY_SERVER_CERT"
                               : name == "REQUIRE_CERT" ? "REQUIRE_CLIENT_CERT"
                                                        : "";
  if (now.empty()) return;
  options.warnings.push_back(std::string(kPrefix) + std::string(name) + " is the old name of " +
                             std::string(kPrefix) + std::string(now));
}

}  // namespace

void TlsOptions::set(std::string_view name, std::string_view value) {
  for (const Flag& flag : kFlags) {
    if (flag.name == name) return (void)(this->*flag.member = parse_bool(name, value));
  }
  for (const Text& text : kTexts) {
    if (text.name == name) return (void)(this->*text.member = value);
  }
  if (name == "VERIFICATION_DEPTH") {
    verification_depth = parse_depth(name, value);
  } else if (name == "HOSTNAME_VALIDATION_SCHEME") {
    hostname_validation_scheme = parse_scheme(name, value);
  } else if (name == "ENABLE_SSL_V3") {
    // SSL 3 is broken (RFC 7568), and no OpenSSL of these days has it.
    if (parse_bool(name, value)) refuse(name, value, "false alone: there is no SSL 3 here");
  } else {
    throw Error(std::string(kPrefix) + std::string(name) + " is no variable of libprocess");
  }
}

TlsOptions TlsOptions::from_environment() {
  TlsOptions options;
  // SSL_CERT_FILE is other programs' variable too: without TLS it is none of our business.
  bool old_counts = true;
  for (const std::string_view name : kNames) {
    const std::string now = variable(kPrefix, name);
    const std::string old = old_counts ? variable(kOldPrefix, name) : "";
    if (name == "ENABLED") old_counts = !now.empty() || !old.empty();
    if (now.empty() && old.empty()) continue;
    options.set(name, now.empty() ? old : now);
    warn_of_old_name(options, name);
    if (now.empty() || old.empty() || now == old) continue;
    options.warnings.push_back(std::string(kPrefix) + std::string(name) + " and " +
                               std::string(kOldPrefix) + std::string(name) +
                               " differ: the first counts");
  }
  if (!options.enabled) options.warnings.clear();
  return options;
}

}  // namespace compactor
