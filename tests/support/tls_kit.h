// Connections of TLS, made by OpenSSL in memory, and what opens them.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "decrypt/keys.h"
#include "decrypt/record.h"

namespace tls_kit {

using compactor::decrypt::Keys;
using compactor::decrypt::Role;

/// What both ends agree on.
struct Terms {
  int version = TLS1_2_VERSION;
  std::string ciphers = "AES128-SHA";             // up to TLS 1.2
  std::string suites = "TLS_AES_128_GCM_SHA256";  // from TLS 1.3 on
  bool encrypt_then_mac = true;
  bool extended_master_secret = true;
  std::string server_name{};
  bool client_certificate = false;
  std::string server_groups{};  // of TLS 1.3; another than the client's first: it has to try again
  std::size_t largest_record = 0;  // of text; 0: as OpenSSL likes it
};

/// What one end has written at once.
struct Flight {
  Role sender;
  std::string bytes;
};

/// The handshake is done when it is made.
class Conversation {
 public:
  /// `resumed`: it goes on with the session of that one.
  explicit Conversation(const Terms& terms, const Conversation* resumed = nullptr);

  void say(Role sender, std::string_view text);
  /// Of TLS 1.3: what this end sends from here on has other keys.
  void change_keys(Role sender);
  void end(Role sender);

  const std::vector<Flight>& flights() const { return flights_; }
  /// All that one end has written.
  std::string bytes(Role sender) const;
  const std::string& key_log() const { return key_log_; }
  std::string cipher() const { return SSL_get_cipher_name(ends_[0].get()); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  static SSL_CTX* make_context(Role role, const Terms& terms);
  std::unique_ptr<SSL, Free> make_end(Role role, SSL_CTX* context);
  SSL* end_of(Role role) const { return ends_[index(role)].get(); }
  void shake_hands();
  /// What this end has written goes to the other one. False when it was nothing.
  bool pass(Role sender);
  static void keep_line(const SSL* ssl, const char* line);

  std::unique_ptr<SSL, Free> ends_[2];
  std::vector<Flight> flights_;
  std::string key_log_;
};

/// Handshake records cut into small ones, which means the same.
std::string in_small_records(std::string_view handshake, std::size_t largest);

/// A file for the time of a test.
class File {
 public:
  explicit File(std::string_view content);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }
  void append(std::string_view content) const;

 private:
  std::string path_;
};

/// The key of the servers in all conversations, and another one, in PEM.
std::string server_key();
std::string other_key();
std::string elliptic_key();
std::string with_password(const std::string& key);

std::unique_ptr<Keys> keys_of_server();
std::unique_ptr<Keys> keys_of_log(const std::string& log);

}  // namespace tls_kit
