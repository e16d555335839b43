// What all TLS connections of a process share: its certificate, whom it trusts, what it offers.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "compactor/tls.h"

namespace compactor::tls {

/// Immutable; any thread. A session keeps the one it began with.
class Config {
 public:
  /// Reads the files. Throws Error for what is missing or cannot be, TlsFileError for a file; each
  /// names its variable.
  static std::shared_ptr<const Config> load(const TlsOptions& options);

  const TlsOptions& options() const { return options_; }
  /// What the user should know of the certificate, and of the options: one line each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Servers are verified.
  bool verifies_servers() const {
    return options_.verify_server_cert || options_.require_client_cert;
  }
  SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  explicit Config(const TlsOptions& options);
  void offer();
  void load_certificate();
  void load_authorities();
  void look_for_oddities();

  TlsOptions options_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::vector<std::string> warnings_;
};

}  // namespace compactor::tls
