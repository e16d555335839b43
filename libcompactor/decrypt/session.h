// One connection of TLS: its records -> what can be said of it, and, with keys, what is in it. The
// records of each direction come in their order; the two directions need not come in that of time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "decrypt/handshake_reader.h"
#include "decrypt/hello.h"
#include "decrypt/key_schedule.h"
#include "decrypt/keys.h"
#include "decrypt/record.h"
#include "decrypt/record_opener.h"
#include "decrypt/suite.h"

namespace compactor::decrypt {

class Session {
 public:
  /// `keys`: null when there are none. They outlive it.
  explicit Session(const Keys* keys) : keys_(keys) {}

  enum class Taken : std::uint8_t {
    yes,
    not_yet,  // it can only be opened after more of the other direction: it is to be handed in
              // again then, before those behind it
  };
  /// `text`: what of the record is text of the application, valid until the next call.
  Taken take(Role sender, const Record& record, std::string_view& text);

  /// Some of what this side has sent is not known, for that reason: what comes after it cannot be
  /// opened.
  void lose(Role sender, std::string why);
  /// Likewise for both.
  void lose_all(const std::string& why);

  /// Records of this side still tell something.
  bool wants(Role sender) const;
  /// Nothing more of what this side says can be opened.
  bool is_lost(Role sender) const { return at(sender).lost; }
  /// At least one protected record was opened.
  bool opened() const { return opened_; }
  /// Why something could not be opened; empty when all was.
  const std::string& reason() const { return reason_; }

  const std::optional<ClientHello>& client_hello() const { return client_hello_; }
  const std::optional<ServerHello>& server_hello() const { return server_hello_; }
  /// As far as it is known: chosen, or on offer. 0 when it is not.
  std::uint16_t version() const;

  /// The text handed out last is done with.
  void forget_text();
  /// Bytes held of what this side has sent.
  std::size_t memory(Role sender) const;

 private:
  struct Direction {
    HandshakeReader messages{};
    std::string transcript{};  // of TLS 1.2 and older: messages up to the exchange of keys
    bool transcript_complete = false;
    std::unique_ptr<RecordOpener> opener{};  // null: not protected yet
    std::string secret{};                    // of TLS 1.3, which the keys come from
    std::string opened{};                    // the record opened last
    bool lost = false;
    bool resumes = false;   // of the server: it has agreed on keys without an exchange of them
    bool finished = false;  // of TLS 1.3: what follows has the keys of the application
  };

  static constexpr const char* kNoHandshake =
      "its handshake is not in the capture, or not as a whole";

  Direction& at(Role role) { return directions_[index(role)]; }
  const Direction& at(Role role) const { return directions_[index(role)]; }
  bool is_tls13() const { return server_hello_ && server_hello_->version >= kTls13; }

  Taken take_application(Role sender);
  Taken take_plain(Role sender, const Record& record);
  Taken take_protected(Role sender, Record record, std::string_view& text);
  void read_handshake(Role sender, std::string_view payload);
  void read_message(Role sender, const HandshakeMessage& message);
  void read_client_message(const HandshakeMessage& message);
  void read_server_message(const HandshakeMessage& message);
  void add_to_transcript(Role sender, const HandshakeMessage& message, HandshakeType last);
  void choose(const ServerHello& hello);
  void read_protected_handshake(Role sender, std::string_view payload);

  // session_keys.cc
  Taken wait_for(Role sender);
  Taken change_cipher(Role sender);
  bool find_master(Role sender, bool& later);
  std::optional<std::string> master_of_exchange();
  Taken start_traffic(Role sender);
  void use_secret(Role sender, std::string secret);
  bool may_be_logged_later(Role sender) const;

  const Keys* keys_;
  std::array<Direction, 2> directions_{};
  std::optional<ClientHello> client_hello_;
  std::optional<ServerHello> server_hello_;
  const Suite* suite_ = nullptr;
  std::string exchange_;  // the secret that the client has encrypted
  std::optional<KeyBlock> block_;
  bool opened_ = false;
  std::string reason_;
};

}  // namespace compactor::decrypt
