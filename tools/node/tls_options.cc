#include "node/tls_options.h"

#include <chrono>
#include <filesystem>
#include <string_view>

#include "text/time.h"

namespace tool {

namespace {

constexpr std::string_view variable_prefix = "LIBPROCESS_SSL_";

/// NAME=VALUE; the name with or without the prefix of the variables.
void apply_setting(compactor::TlsOptions& options, const std::string& typed) {
  auto equals = typed.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Failure(Exit::usage, "usage", "--tls-set \"" + typed + "\" is no NAME=VALUE",
                  "as in --tls-set VERIFICATION_DEPTH=2");
  }
  std::string_view name = std::string_view(typed).substr(0, equals);
  if (name.starts_with(variable_prefix)) name.remove_prefix(variable_prefix.size());
  options.set(name, std::string_view(typed).substr(equals + 1));
}

void apply_options(compactor::TlsOptions& options, const TlsArguments& arguments) {
  if (arguments.key) options.key_file = *arguments.key;
  if (arguments.cert) options.cert_file = *arguments.cert;
  if (arguments.ca) {
    std::error_code ignored;
    bool folder = std::filesystem::is_directory(*arguments.ca, ignored);
    options.ca_file = folder ? "" : *arguments.ca;
    options.ca_dir = folder ? *arguments.ca : "";
  }
  if (arguments.verify) options.verify_server_cert = true;
  if (arguments.require_client_cert) options.require_client_cert = true;
  if (arguments.downgrade) options.support_downgrade = true;
  for (const auto& setting : arguments.settings) apply_setting(options, setting);
  bool by_name =
      options.hostname_validation_scheme == compactor::TlsOptions::HostnameValidation::openssl;
  if (arguments.hostname) {
    options.hostname = *arguments.hostname;
  } else if (by_name) {
    options.hostname = arguments.target_host;
  }
}

std::string date_text(std::chrono::system_clock::time_point time) {
  std::string text;
  compactor::text::TimeText().append(text, time);
  return text.substr(0, std::string_view("2026-11-30").size());
}

void require(bool enabled, const std::string& file, const char* variable, const char* option) {
  if (!enabled || !file.empty()) return;
  throw Failure(Exit::usage, "usage",
                "TLS is on, but " + std::string(variable_prefix) + variable + " is not set",
                std::string(option) + " FILE sets it too");
}

}  // namespace

void add_tls_options(CommandLine& line, TlsArguments& arguments) {
  line.group("TLS (default: the LIBPROCESS_SSL_* variables)");
  line.flag("--tls", arguments.on, "speak TLS, on connections both ways");
  line.text("--tls-key", "FILE", arguments.key, "own key, PEM");
  add_tls_peer_options(line, arguments);
}

void add_tls_peer_options(CommandLine& line, TlsArguments& arguments) {
  line.text("--tls-cert", "FILE", arguments.cert, "own certificate, PEM; may hold a chain");
  line.text("--tls-ca", "FILE|DIR", arguments.ca, "who may sign the certificates of peers");
  line.flag("--tls-verify", arguments.verify, "verify servers; else any certificate will do");
  line.flag("--tls-require-client-cert", arguments.require_client_cert,
            "clients have to show a certificate that verifies; servers too");
  line.flag("--tls-downgrade", arguments.downgrade,
            "take plain clients too, and go on in plain where a server has no TLS");
  line.text("--tls-hostname", "NAME", arguments.hostname,
            "whom a server's certificate must be for, and SNI; default by the PID's host");
  line.list("--tls-set", "NAME=VALUE", arguments.settings,
            "any other of the variables, as in VERIFY_IPADD=true");
}

std::string given_tls_peer_option(const TlsArguments& arguments) {
  if (arguments.cert) return "--tls-cert";
  if (arguments.ca) return "--tls-ca";
  if (arguments.verify) return "--tls-verify";
  if (arguments.require_client_cert) return "--tls-require-client-cert";
  if (arguments.downgrade) return "--tls-downgrade";
  if (arguments.hostname) return "--tls-hostname";
  return arguments.settings.empty() ? "" : "--tls-set";
}

compactor::TlsOptions make_tls(const TlsArguments& arguments) {
  compactor::TlsOptions options;
  try {
    options = compactor::TlsOptions::from_environment();
    apply_options(options, arguments);
  } catch (const compactor::Error& error) {
    throw Failure(Exit::usage, "usage", error.what(), "unset it, or correct it");
  }
  if (arguments.on) options.enabled = true;
  auto given = arguments.key ? "--tls-key" : given_tls_peer_option(arguments);
  if (!options.enabled && !given.empty()) {
    throw Failure(Exit::usage, "usage", given + " is about TLS, which is off",
                  "--tls (or LIBPROCESS_SSL_ENABLED=true) turns it on");
  }
  require(options.enabled, options.key_file, "KEY_FILE", "--tls-key");
  require(options.enabled, options.cert_file, "CERT_FILE", "--tls-cert");
  return options;
}

std::shared_ptr<const compactor::tls::Config> load_tls(const compactor::TlsOptions& options) {
  if (!options.enabled) return nullptr;
  try {
    return compactor::tls::Config::load(options);
  } catch (const compactor::Error& error) {
    throw tls_failure(error);
  }
}

Failure tls_failure(const compactor::Error& error) {
  if (dynamic_cast<const compactor::TlsFileError*>(&error) != nullptr) {
    return Failure(Exit::local, "tls", error.what(),
                   "--tls-key, --tls-cert and --tls-ca name the files");
  }
  return Failure(Exit::usage, "usage", error.what());
}

void reload_tls(Console& console, const std::function<void()>& read) {
  try {
    read();
    console.note("certificate and key are read again (SIGHUP)");
  } catch (const std::runtime_error& error) {  // of the library, or a Failure
    console.warning(std::string(error.what()) + ": what was read before goes on");
  }
}

std::string tls_text(const compactor::TlsPeer& tls) {
  auto whose = tls.subject.empty()
                   ? ", no certificate"
                   : ", certificate of " + tls.subject + " until " + date_text(tls.until);
  return tls.version + " " + tls.cipher + whose;
}

const char* tls_hint(const std::error_code& error) {
  using compactor::TlsFault;
  if (error.category() != compactor::tls_category()) return "";
  switch (static_cast<TlsFault>(error.value())) {
    case TlsFault::expired:
      return "its owner has to renew it";
    case TlsFault::not_yet_valid:
      return "is one of the clocks wrong?";
    case TlsFault::unknown_authority:
      return "--tls-ca FILE names whose signature counts";
    case TlsFault::wrong_name:
      return "--tls-hostname NAME says whom it must be for; --tls-set VERIFY_IPADD=true lets "
             "addresses in it count";
    case TlsFault::no_shared_cipher:
      return "--tls-set CIPHERS=… offers others; a default libprocess needs a certificate of RSA";
    case TlsFault::no_shared_version:
      return "--tls-set ENABLE_TLS_V1_2=true (V1_3, V1_1 …) offers another";
    case TlsFault::plain_peer:
    case TlsFault::closed:
      return "is it a plain port? LIBPROCESS_SSL_ENABLED=false speaks plain, --tls-downgrade tries "
             "both";
    case TlsFault::client_cert_required:
      return "--tls-cert and --tls-key are shown to it";
    case TlsFault::own_cert_refused:
      return "it has to trust who signed ours (its LIBPROCESS_SSL_CA_FILE), and find our name in "
             "it";
    case TlsFault::timed_out:
      return "is it a port of TLS? --connect-timeout changes the time";
    default:
      return "";
  }
}

}  // namespace tool
