#include "compactor/pid.h"

#include <charconv>
#include <ostream>

#include "compactor/error.h"

namespace compactor {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

[[noreturn]] void invalid(std::string_view text, const char* why) {
  throw InvalidPid("invalid PID '" + std::string(text) + "': " + why);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Pid Pid::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) invalid(text, "no '@', expected id@host:port");
  const std::string_view address = text.substr(at + 1);
  if (address.find('@') != std::string_view::npos) invalid(text, "more than one '@'");
  const auto colon = address.find(':');
  if (colon == std::string_view::npos) invalid(text, "no port, expected id@host:port");
  if (address.find(':', colon + 1) != std::string_view::npos) {
    invalid(text, "more than one ':' behind the '@' (libprocess has no IPv6 here)");
  }
  const auto port = parse_port(address.substr(colon + 1));
  if (!port) invalid(text, "the port is no decimal number from 0 to 65535");
  return Pid{std::string(text.substr(0, at)), std::string(address.substr(0, colon)), *port};
}

std::optional<Pid> Pid::from_peer(std::string_view text) {
  text = trimmed(text);
  const auto at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto colon = text.find(':', at + 1);
  // libprocess resolves the host while it reads, so an empty one does not fit either.
  if (colon == std::string_view::npos || colon == at + 1) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  return Pid{std::string(text.substr(0, at)), std::string(text.substr(at + 1, colon - at - 1)),
             *port};
}

std::string Pid::str() const {
  return id + '@' + address();
}

std::string Pid::address() const {
  return host + ':' + std::to_string(port);
}

std::string Pid::as_url(std::string_view endpoint) const {
  std::string url = "http://" + address() + '/' + id;
  if (!endpoint.empty()) url.append("/").append(endpoint);
  return url;
}

std::ostream& operator<<(std::ostream& out, const Pid& pid) {
  return out << pid.str();
}

}  // namespace compactor

std::size_t std::hash<compactor::Pid>::operator()(const compactor::Pid& pid) const noexcept {
  const std::hash<std::string> of_text;
  constexpr std::size_t kSpread = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio: mixes all bits
  return (of_text(pid.id) * kSpread + of_text(pid.host)) * kSpread + pid.port;
}
