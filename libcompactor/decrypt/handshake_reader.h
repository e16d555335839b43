// Payloads of handshake records -> handshake messages, which may be cut anywhere (RFC 8446 §4,
// §5.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace compactor::decrypt {

/// The types that are of interest here.
enum class HandshakeType : std::uint8_t {
  hello_request = 0,
  client_hello = 1,
  server_hello = 2,
  new_session_ticket = 4,
  server_hello_done = 14,
  client_key_exchange = 16,
  finished = 20,
  key_update = 24,
};

struct HandshakeMessage {
  HandshakeType type{};
  std::string_view body;
  std::string_view bytes;  // with its header
};

/// What is held of the messages of one flight, and of one message.
constexpr std::size_t kMostHandshake = std::size_t{64} << 10;

class HandshakeReader {
 public:
  void add(std::string_view payload);
  /// False when none is complete. Views are valid until the next call.
  bool next(HandshakeMessage& message);

  /// A message is too long to be held. Nothing is taken any more.
  bool broken() const { return broken_; }
  bool is_between() const { return done_ == held_.size(); }
  std::size_t memory() const { return held_.size(); }

 private:
  std::string held_;
  std::size_t done_ = 0;  // bytes of it that have been handed out
  bool broken_ = false;
};

}  // namespace compactor::decrypt
