#include <charconv>
#include <cstdlib>
#include <iostream>

#include "compactor/context.h"

namespace compactor {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::uint16_t port_variable(const char* name) {
  const std::string text = variable(name);
  if (text.empty()) return 0;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(std::string(name) + " is no port: " + text);
  }
  return port;
}

}  // namespace

Options Options::from_environment() {
  Options options;
  options.ip = variable("LIBPROCESS_IP");
  options.port = port_variable("LIBPROCESS_PORT");
  options.advertise_ip = variable("LIBPROCESS_ADVERTISE_IP");
  options.advertise_port = port_variable("LIBPROCESS_ADVERTISE_PORT");
  const std::string match = variable("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH");
  options.require_peer_ip_match = match == "true" || match == "1";
  options.tls = TlsOptions::from_environment();
  return options;
}

std::string Address::str() const {
  return host + ":" + std::to_string(port);
}

void Observer::warning(std::string_view text) {
  std::cerr << "compactor: " + std::string(text) + "\n";
}

}  // namespace compactor
