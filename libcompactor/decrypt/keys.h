// What opens connections: private keys of servers, and key logs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decrypt/key_log.h"

struct evp_pkey_st;

namespace compactor::decrypt {

class Keys {
 public:
  Keys();
  ~Keys();
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  // Both throw KeyFileError.
  /// A server's RSA key, in PEM.
  void add_server_key(const std::string& path);
  void add_log(const std::string& path, KeyLog::Empty empty);

  bool has_server_keys() const { return !server_keys_.empty(); }
  bool has_logs() const { return !logs_.empty(); }

  /// What a client has encrypted for a server; `version` is what it said in its ClientHello.
  /// Nothing when none of the keys is that server's.
  std::optional<std::string> premaster(std::string_view encrypted, std::uint16_t version) const;
  std::optional<std::string> secret(Secret secret, std::string_view client_random) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };

  std::vector<std::unique_ptr<evp_pkey_st, FreeKey>> server_keys_;
  std::vector<std::unique_ptr<KeyLog>> logs_;
};

}  // namespace compactor::decrypt
