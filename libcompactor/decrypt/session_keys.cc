// How the keys of a session are found.
#include <utility>

#include "decrypt/byte_reader.h"
#include "decrypt/session.h"

namespace compactor::decrypt {

/// From here on this side protects what it sends (TLS 1.2 and older).
Session::Taken Session::change_cipher(Role sender) {
  const bool from_client = sender == Role::client;
  if (from_client ? !client_hello_ : suite_ == nullptr) {
    lose(sender, kNoHandshake);
    return Taken::yes;
  }
  if (from_client ? suite_ == nullptr : !client_hello_) return wait_for(other(sender));
  bool later = false;
  if (!block_ && !find_master(sender, later)) return later ? wait_for(other(sender)) : Taken::yes;
  Direction& direction = at(sender);
  direction.messages = {};
  direction.transcript = {};
  direction.opener =
      RecordOpener::make(*suite_, {server_hello_->version, server_hello_->encrypt_then_mac},
                         sender == Role::client ? block_->client : block_->server);
  if (at(other(sender)).opener) block_.reset();
  if (!direction.opener) lose(sender, "OpenSSL does not have its cipher");
  return Taken::yes;
}

/// `later`: when more of the other side has come.
bool Session::find_master(Role sender, bool& later) {
  auto master = keys_->secret(Secret::master, client_hello_->random);
  if (!master) {
    // Without an exchange of keys in between, both use those of an earlier connection.
    if (sender == Role::server && !at(Role::server).transcript_complete)
      at(Role::server).resumes = true;
    const bool resumed = at(Role::server).resumes ||
                         (sender == Role::client && !at(Role::client).transcript_complete);
    const bool complete =
        at(Role::client).transcript_complete && at(Role::server).transcript_complete;
    later = resumed ? may_be_logged_later(sender) : !complete;
    if (later) return false;
    if (resumed) {
      lose_all(keys_->has_logs()
                   ? "it resumes an earlier session, and the key log has no secret of it"
                   : "it resumes an earlier session, whose keys only a key log has");
      return false;
    }
    master = master_of_exchange();
  }
  exchange_ = {};
  if (!master) return false;
  block_ = key_block(*suite_, server_hello_->version, *master, client_hello_->random,
                     server_hello_->random);
  return true;
}

/// By a server's key; loses both directions when none opens it.
std::optional<std::string> Session::master_of_exchange() {
  if (suite_->key_exchange == KeyExchange::ephemeral) {
    lose_all(keys_->has_logs() ? "the key log has no secret of it"
                               : "its keys are exchanged anew for each connection (" +
                                     std::string(suite_->name) + "), which needs a key log");
    return std::nullopt;
  }
  ByteReader exchange(exchange_);
  const auto premaster = keys_->premaster(exchange.vector(2), client_hello_->version);
  if (!premaster) {
    lose_all(keys_->has_server_keys() ? "no key that was given is its server's"
                                      : "the key log has no secret of it");
    return std::nullopt;
  }
  const char* digest = prf_digest(*suite_, server_hello_->version);
  if (!server_hello_->extended_master_secret)
    return master_secret(digest, *premaster, client_hello_->random, server_hello_->random);
  // Of the client's messages the first stands before those of the server, the others behind.
  const std::string& mine = at(Role::client).transcript;
  ByteReader reader(mine);
  reader.take(1);
  const std::size_t first = 4 + reader.vector(3).size();
  return extended_master_secret(
      digest, *premaster, mine.substr(0, first) + at(Role::server).transcript + mine.substr(first));
}

/// A client logs a secret when it has got so far, and then speaks: live that may be later than the
/// server's records with it are seen.
bool Session::may_be_logged_later(Role sender) const {
  const Direction& client = at(Role::client);
  return sender == Role::server && keys_->has_logs() && !client.opener && !client.finished;
}

/// Of TLS 1.3: looks for the keys of what this side sends from here on.
Session::Taken Session::start_traffic(Role sender) {
  const bool finished = at(sender).finished;
  const Secret of_client = finished ? Secret::client_application : Secret::client_handshake;
  const Secret of_server = finished ? Secret::server_application : Secret::server_handshake;
  auto found = keys_->secret(sender == Role::client ? of_client : of_server, client_hello_->random);
  if (found) {
    use_secret(sender, *std::move(found));
  } else if (may_be_logged_later(sender)) {
    return wait_for(Role::client);
  } else {
    lose(sender, !keys_->has_logs() ? "its keys are exchanged anew for each connection (TLSv1.3), "
                                      "which needs a key log"
                 : finished         ? "the key log has not all of its secrets"
                                    : "the key log has no secret of it");
  }
  return Taken::yes;
}

void Session::use_secret(Role sender, std::string secret) {
  Direction& direction = at(sender);
  direction.opener = RecordOpener::make(*suite_, {kTls13, false}, traffic_keys(*suite_, secret));
  direction.secret = std::move(secret);
  if (!direction.opener) lose(sender, "OpenSSL does not have its cipher");
}

}  // namespace compactor::decrypt
