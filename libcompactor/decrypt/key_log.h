// A key log, as browsers and OpenSSL write it ("NSS format", draft-ietf-tls-keylogfile): a line for
// each secret, with the random of the ClientHello that it belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace compactor::decrypt {

/// A file of keys that is of no use. what() says why, without its name.
class KeyFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Secret : std::uint8_t {
  master,  // of TLS 1.2 and older
  client_handshake,
  server_handshake,
  client_application,
  server_application,
};

class KeyLog {
 public:
  /// Whether a file may be empty, because who writes it has yet to begin.
  enum class Empty : std::uint8_t { refused, allowed };

  /// Throws KeyFileError when it cannot be read, or is no key log.
  KeyLog(const std::string& path, Empty empty);
  ~KeyLog();
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;

  /// What the file says of it now: it is read on as it grows.
  std::optional<std::string> find(Secret secret, std::string_view client_random);

 private:
  void read_on();
  void read_lines(std::string_view bytes);
  void read_line(std::string_view line);

  int file_ = -1;
  bool grows_ = false;                                    // it can be read on
  std::string line_;                                      // that is not complete
  bool too_long_ = false;                                 // … and is no line of a key log
  bool foreign_ = false;                                  // something else stands there
  std::size_t lines_ = 0;                                 // that can be read
  std::unordered_map<std::string, std::string> secrets_;  // by kind and random
};

}  // namespace compactor::decrypt
