#include "decrypt/session.h"

#include <utility>

#include "decrypt/alert.h"
#include "decrypt/byte_reader.h"

namespace compactor::decrypt {
namespace {

constexpr const char* kTooLong = "its handshake is longer than is held of one (64 KiB)";

/// An alert that ends the connection, in plain.
std::optional<unsigned> fatal_alert(const Record& record) {
  constexpr unsigned kFatal = 2;
  ByteReader alert(record.payload);
  const unsigned level = alert.u8();
  const unsigned what = alert.u8();
  if (alert.failed() || !alert.empty() || level != kFatal) return std::nullopt;
  return what;
}

}  // namespace

Session::Taken Session::take(Role sender, const Record& record, std::string_view& text) {
  text = {};
  if (!wants(sender)) return Taken::yes;
  if (at(sender).opener) return take_protected(sender, record, text);
  const Taken taken = take_plain(sender, record);
  // TLS 1.3 does not say when it begins to protect.
  if (taken == Taken::yes && at(sender).opener && record.type == ContentType::application)
    return take_protected(sender, record, text);
  return taken;
}

Session::Taken Session::take_plain(Role sender, const Record& record) {
  switch (record.type) {
    case ContentType::handshake:
      read_handshake(sender, record.payload);
      break;
    case ContentType::change_cipher_spec:
      if (keys_ == nullptr || is_tls13()) break;
      return change_cipher(sender);
    case ContentType::application:
      return take_application(sender);
    case ContentType::alert:
      if (const auto what = fatal_alert(record))
        lose_all("the handshake failed: " + alert_words(*what) + " from the " +
                 (sender == Role::client ? "client" : "server"));
      break;
    case ContentType::heartbeat:
      break;
  }
  return Taken::yes;
}

/// The first record of TLS 1.3 that is protected, or that is after Finished.
Session::Taken Session::take_application(Role sender) {
  const bool agreed = server_hello_ && !server_hello_->is_retry;
  const bool waits = sender == Role::client && client_hello_ && !agreed;
  if (waits && client_hello_->early_data) {
    lose(sender, "its client sends before the handshake (early data)");
  } else if (waits) {
    return wait_for(Role::server);
  } else if (!agreed || !is_tls13()) {
    lose(sender, kNoHandshake);
  } else if (!client_hello_) {
    return wait_for(Role::client);
  } else if (keys_ != nullptr) {
    return start_traffic(sender);
  }
  return Taken::yes;
}

Session::Taken Session::take_protected(Role sender, Record record, std::string_view& text) {
  const bool plain = is_tls13() && record.type != ContentType::application;
  if (plain) return Taken::yes;  // to please boxes in the middle, or an alert
  Direction& direction = at(sender);
  if (!direction.opener->open(record, direction.opened)) {
    lose(sender,
         "a record could not be verified: it is damaged, or the keys are of another "
         "connection");
    return Taken::yes;
  }
  opened_ = true;
  if (record.type == ContentType::application) {
    text = record.payload;
  } else if (record.type == ContentType::handshake && is_tls13()) {
    read_protected_handshake(sender, record.payload);
  } else if (record.type == ContentType::change_cipher_spec) {
    lose_all("it agrees on new keys in the middle (renegotiation)");
  }
  return Taken::yes;
}

void Session::read_handshake(Role sender, std::string_view payload) {
  HandshakeReader& messages = at(sender).messages;
  messages.add(payload);
  HandshakeMessage message;
  while (wants(sender) && messages.next(message)) read_message(sender, message);
  if (messages.broken()) lose_all(kTooLong);
  if (!wants(sender)) messages = {};
}

void Session::read_message(Role sender, const HandshakeMessage& message) {
  sender == Role::client ? read_client_message(message) : read_server_message(message);
}

void Session::read_client_message(const HandshakeMessage& message) {
  if (message.type == HandshakeType::client_hello) {
    auto hello = read_client_hello(message.body);
    if (!hello) return lose(Role::client, kNoHandshake);
    client_hello_ = std::move(hello);
  }
  if (message.type == HandshakeType::client_key_exchange) exchange_ = message.body;
  add_to_transcript(Role::client, message, HandshakeType::client_key_exchange);
}

void Session::read_server_message(const HandshakeMessage& message) {
  if (message.type == HandshakeType::hello_request) return;
  if (message.type == HandshakeType::server_hello) {
    const auto hello = read_server_hello(message.body);
    if (!hello) return lose_all(kNoHandshake);
    choose(*hello);
  }
  add_to_transcript(Role::server, message, HandshakeType::server_hello_done);
}

/// That side has to say more first; if it can, for all that is known.
Session::Taken Session::wait_for(Role sender) {
  if (!at(sender).lost) return Taken::not_yet;
  lose_all(kNoHandshake);
  return Taken::yes;
}

/// What both have agreed on.
void Session::choose(const ServerHello& hello) {
  const bool anew = suite_ != nullptr;
  server_hello_ = hello;
  if (hello.is_retry || keys_ == nullptr) return;
  suite_ = find_suite(hello.suite);
  if (anew) return lose_all(kNoHandshake);  // it says so only once
  const bool supported = suite_ != nullptr && suite_->protection != Protection::none;
  if (hello.compressed) return lose_all("it is compressed, which is not supported");
  if (!supported)
    return lose_all("its cipher suite " + suite_name(hello.suite) + " is not supported");
  if (hello.version < kTls10 || hello.version > kTls13)
    return lose_all("its version is not supported");
  if (!is_tls13()) return;
  for (Direction& direction : directions_) direction.transcript = {};
}

/// Up to the message that ends the exchange of keys.
void Session::add_to_transcript(Role sender, const HandshakeMessage& message, HandshakeType last) {
  Direction& direction = at(sender);
  if (keys_ == nullptr || direction.lost || direction.transcript_complete || is_tls13()) return;
  direction.transcript += message.bytes;
  direction.transcript_complete = message.type == last;
  if (direction.transcript.size() > kMostHandshake) lose_all(kTooLong);
}

/// Of TLS 1.3: after Finished the keys are those of the application, which are looked for when they
/// are needed; KeyUpdate changes them.
void Session::read_protected_handshake(Role sender, std::string_view payload) {
  Direction& direction = at(sender);
  direction.messages.add(payload);
  HandshakeMessage message;
  while (!direction.lost && direction.messages.next(message)) {
    if (message.type == HandshakeType::finished && !std::exchange(direction.finished, true)) {
      direction.opener.reset();
      direction.messages = {};
      return;
    }
    if (message.type == HandshakeType::key_update)
      use_secret(sender, next_traffic_secret(*suite_, direction.secret));
  }
  if (direction.messages.broken()) lose(sender, kTooLong);
}

void Session::lose(Role sender, std::string why) {
  Direction& direction = at(sender);
  if (reason_.empty()) reason_ = std::move(why);
  direction = {};
  direction.lost = true;
  if (sender == Role::client) exchange_ = {};
}

void Session::lose_all(const std::string& why) {
  lose(Role::client, why);
  lose(Role::server, why);
}

void Session::forget_text() {
  for (Direction& direction : directions_) direction.opened = {};
}

bool Session::wants(Role sender) const {
  if (at(sender).lost) return false;
  if (keys_ != nullptr) return true;
  return sender == Role::client ? !client_hello_ : !server_hello_ || server_hello_->is_retry;
}

std::uint16_t Session::version() const {
  if (server_hello_) return server_hello_->version;
  return client_hello_ ? client_hello_->highest : 0;
}

std::size_t Session::memory(Role sender) const {
  const Direction& direction = at(sender);
  return direction.messages.memory() + direction.transcript.size() +
         (sender == Role::client ? exchange_.size() : 0);
}

}  // namespace compactor::decrypt
