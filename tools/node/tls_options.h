// TLS on the command line: the LIBPROCESS_SSL_* variables, and the options that win over them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "cli/command_line.h"
#include "cli/failure.h"
#include "compactor/error.h"
#include "compactor/tls.h"
#include "output/console.h"
#include "tls/config.h"

namespace tool {

struct TlsArguments {
  bool on = false;
  std::optional<std::string> key;
  std::optional<std::string> cert;
  std::optional<std::string> ca;
  bool verify = false;
  bool require_client_cert = false;
  bool downgrade = false;
  std::optional<std::string> hostname;
  std::vector<std::string> settings;  // NAME=VALUE

  /// What the user typed as the host of what is connected to, where that is one and a name.
  std::string target_host;
};
void add_tls_options(CommandLine& line, TlsArguments& arguments);
/// Those but --tls and --tls-key, under the heading that there is.
void add_tls_peer_options(CommandLine& line, TlsArguments& arguments);
/// The first that is given, but --tls and --tls-key; empty: none is.
std::string given_tls_peer_option(const TlsArguments& arguments);

/// The options over the variables. Throws Failure (exit 2) for what does not read, and for options
/// that are about TLS where it is off.
compactor::TlsOptions make_tls(const TlsArguments& arguments);

/// Reads the files; null where TLS is off. Throws Failure (exit 6 for a file, 2 for the rest).
std::shared_ptr<const compactor::tls::Config> load_tls(const compactor::TlsOptions& options);
/// That failure, of an error of the library.
Failure tls_failure(const compactor::Error& error);

/// Version, cipher, and whose certificate until when.
std::string tls_text(const compactor::TlsPeer& tls);

/// Calls `read`, which reads certificate and key again, and says so, or why all stays as it was.
void reload_tls(Console& console, const std::function<void()>& read);

/// What to do about it, by the error of a handshake; "" when nothing is known.
const char* tls_hint(const std::error_code& error);

}  // namespace tool
