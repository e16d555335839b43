// TLS from outside: peers of Python's ssl module (tls_peer.py), and what compactor is given to
// speak with them.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "support/harness.h"

namespace e2e {

inline std::string tls_script() {
  return SOURCE_ROOT "/tests/support/tls_peer.py";
}
inline std::string key_of(const std::string& name) {
  return certificates::file(name + ".key");
}
inline std::string certificate_of(const std::string& name) {
  return certificates::file(name + ".pem");
}

/// The variables of a process that has this certificate; `more` without the prefix.
inline Environment tls_variables(const std::string& name = "node", const Environment& more = {}) {
  Environment made{{"LIBPROCESS_SSL_ENABLED", "true"},
                   {"LIBPROCESS_SSL_KEY_FILE", key_of(name)},
                   {"LIBPROCESS_SSL_CERT_FILE", certificate_of(name)},
                   {"LIBPROCESS_SSL_CA_FILE", certificate_of("ca")}};
  for (const auto& [variable, value] : more) made["LIBPROCESS_SSL_" + variable] = value;
  return made;
}
inline Settings with_tls(const std::string& name = "node", const Environment& more = {}) {
  return {.environment = tls_variables(name, more)};
}
/// Servers are verified, by their address.
inline Environment by_address(Environment more = {}) {
  more["VERIFY_SERVER_CERT"] = "true";
  more["HOSTNAME_VALIDATION_SCHEME"] = "openssl";
  more["VERIFY_IPADD"] = "true";
  return more;
}

/// What tls_peer.py tells of that kind.
inline std::vector<Json> tls_events(const std::string& out, const std::string& kind) {
  std::vector<Json> events;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) {
    auto event = Json::parse(line);
    if (event.at("event") == kind) events.push_back(std::move(event));
  }
  return events;
}

/// Listens, and answers each message with 202.
class TlsPeer {
 public:
  explicit TlsPeer(const std::string& name, const Arguments& options = {})
      : process_(arguments(name, options), {.program = "python3"}),
        port_(event("port").at("port")) {}

  std::uint16_t port() const { return port_; }
  std::string pid() const { return "peer@127.0.0.1:" + std::to_string(port_); }
  /// The next of that kind; others are passed over.
  Json event(const std::string& kind) {
    while (const auto line = process_.line()) {
      auto told = Json::parse(*line);
      if (told.at("event") == kind) return told;
    }
    throw std::runtime_error("the peer ended without an event " + kind);
  }
  /// The messages that came and were not asked for by event().
  std::vector<Json> messages() {
    process_.signal(9);
    return tls_events(process_.finish().out, "message");
  }

 private:
  static Arguments arguments(const std::string& name, const Arguments& options) {
    Arguments all{tls_script(), "serve", key_of(name), certificate_of(name)};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }

  Background process_;
  std::uint16_t port_;
};

/// A client that says `bytes` over TLS.
struct TlsClient {
  Json up;             // version, cipher, certificate; null when the handshake failed
  std::string answer;  // all that came
};
inline TlsClient tls_client(std::uint16_t port, const std::string& bytes,
                            const Arguments& options = {}) {
  Arguments all{tls_script(), "connect", std::to_string(port)};
  all.insert(all.end(), options.begin(), options.end());
  const auto out = run(all, {.input = bytes, .program = "python3"}).out;
  const auto up = tls_events(out, "up");
  return {up.empty() ? Json() : up[0], tls_events(out, "answer").at(0).at("bytes")};
}

}  // namespace e2e
