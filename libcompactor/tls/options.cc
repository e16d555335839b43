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

template <bool TlsOptions::*member>
void set_flag(TlsOptions& options, std::string_view name, std::string_view value) {
  options.*member = parse_bool(name, value);
}

template <std::string TlsOptions::*member>
void set_text(TlsOptions& options, std::string_view, std::string_view value) {
  options.*member = value;
}

void set_depth(TlsOptions& options, std::string_view name, std::string_view value) {
  unsigned depth = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), depth);
  if (error != std::errc() || end != value.data() + value.size() || depth > kDeepest)
    refuse(name, value, "a number up to " + std::to_string(kDeepest));
  options.verification_depth = depth;
}

void set_scheme(TlsOptions& options, std::string_view name, std::string_view value) {
  if (value != "legacy" && value != "openssl") refuse(name, value, "legacy or openssl");
  options.hostname_validation_scheme = value == "legacy" ? Scheme::legacy : Scheme::openssl;
}

/// SSL 3 is broken (RFC 7568), and no OpenSSL of these days has it.
void set_ssl_3(TlsOptions&, std::string_view name, std::string_view value) {
  if (parse_bool(name, value)) refuse(name, value, "false alone: there is no SSL 3 here");
}

struct Variable {
  std::string_view name;
  void (*set)(TlsOptions& options, std::string_view name, std::string_view value);
  std::string_view name_now{};  // where `name` is an old one
};

// An old name stands before the one that it has now, which wins.
constexpr std::array kVariables{
    Variable{"ENABLED", set_flag<&TlsOptions::enabled>},
    Variable{"KEY_FILE", set_text<&TlsOptions::key_file>},
    Variable{"CERT_FILE", set_text<&TlsOptions::cert_file>},
    Variable{"CA_FILE", set_text<&TlsOptions::ca_file>},
    Variable{"CA_DIR", set_text<&TlsOptions::ca_dir>},
    Variable{"SUPPORT_DOWNGRADE", set_flag<&TlsOptions::support_downgrade>},
    Variable{"VERIFY_CERT", set_flag<&TlsOptions::verify_server_cert>, "VERIFY_SERVER_CERT"},
    Variable{"VERIFY_SERVER_CERT", set_flag<&TlsOptions::verify_server_cert>},
    Variable{"REQUIRE_CERT", set_flag<&TlsOptions::require_client_cert>, "REQUIRE_CLIENT_CERT"},
    Variable{"REQUIRE_CLIENT_CERT", set_flag<&TlsOptions::require_client_cert>},
    Variable{"VERIFY_IPADD", set_flag<&TlsOptions::verify_ipadd>},
    Variable{"VERIFICATION_DEPTH", set_depth},
    Variable{"HOSTNAME_VALIDATION_SCHEME", set_scheme},
    Variable{"CIPHERS", set_text<&TlsOptions::ciphers>},
    Variable{"ECDH_CURVES", set_text<&TlsOptions::ecdh_curves>},
    Variable{"ENABLE_SSL_V3", set_ssl_3},
    Variable{"ENABLE_TLS_V1_0", set_flag<&TlsOptions::enable_tls_v1_0>},
    Variable{"ENABLE_TLS_V1_1", set_flag<&TlsOptions::enable_tls_v1_1>},
    Variable{"ENABLE_TLS_V1_2", set_flag<&TlsOptions::enable_tls_v1_2>},
    Variable{"ENABLE_TLS_V1_3", set_flag<&TlsOptions::enable_tls_v1_3>},
};

std::string value_of(std::string_view prefix, std::string_view name) {
  const std::string whole = std::string(prefix) + std::string(name);
  const char* value = std::getenv(whole.c_str());
  return value == nullptr ? "" : value;
}

}  // namespace

void TlsOptions::set(std::string_view name, std::string_view value) {
  for (const Variable& variable : kVariables) {
    if (variable.name == name) return variable.set(*this, name, value);
  }
  throw Error(std::string(kPrefix) + std::string(name) + " is no variable of libprocess");
}

TlsOptions TlsOptions::from_environment() {
  TlsOptions options;
  const std::string prefix(kPrefix);
  // SSL_CERT_FILE is other programs' variable too: without TLS it is none of our business.
  const bool old_counts =
      !value_of(kPrefix, "ENABLED").empty() || !value_of(kOldPrefix, "ENABLED").empty();
  for (const Variable& variable : kVariables) {
    const std::string name(variable.name);
    const std::string now = value_of(kPrefix, name);
    const std::string old = old_counts ? value_of(kOldPrefix, name) : "";
    if (now.empty() && old.empty()) continue;
    options.set(name, now.empty() ? old : now);
    if (!variable.name_now.empty()) {
      options.warnings.push_back(prefix + name + " is the old name of " + prefix +
                                 std::string(variable.name_now));
    }
    if (!now.empty() && !old.empty() && now != old) {
      options.warnings.push_back(prefix + name + " and " + std::string(kOldPrefix) + name +
                                 " differ: the first counts");
    }
  }
  if (!options.enabled) options.warnings.clear();
  return options;
}

}  // namespace compactor
