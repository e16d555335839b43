// Connections that speak TLS: their bytes go to a TlsConnection, and the text that comes out of it
// is read as if it had stood on the wire.
#include <utility>

#include "capture/exchange_reader.h"
#include "tls/record.h"

namespace compactor::capture {

void Exchange::on_first_data(Side sender, std::string_view bytes, const Stamp& stamp) {
  spotter_.look(sender, bytes, stamp, connection_.client);
  if (!spotter_.is_decided(sender)) return;
  const TlsSpotter::Held held = spotter_.take_held(sender);
  const std::string joined = held.bytes.empty() ? std::string() : held.bytes + std::string(bytes);
  const std::string_view whole = joined.empty() ? bytes : joined;
  if (spotter_.speech(sender) == TlsSpotter::Speech::tls && !tls_) begin_tls(sender, whole);
  Stamp from = stamp;
  from.offset -= held.bytes.size();
  take(sender, whole, from);
}

/// Nothing that follows is the first of what this side says.
void Exchange::miss_first_data(Side sender) {
  if (spotter_.is_decided(sender)) return;
  spotter_.miss(sender, connection_.client);
  const TlsSpotter::Held held = spotter_.take_held(sender);
  if (!held.bytes.empty()) take(sender, held.bytes, held.stamp);
}

void Exchange::take(Side sender, std::string_view bytes, const Stamp& stamp) {
  if (!speaks_tls(sender)) {
    read(sender, bytes, stamp);
    return account_unfinished(sender);
  }
  ledger().tls_bytes += bytes.size();
  tls_->on_data(sender, bytes, stamp);
  finish_late();
  account_unfinished(sender);
  account_unfinished(other(sender));  // which may have waited for this
}

void Exchange::begin_tls(Side sender, std::string_view bytes) {
  const Side theirs = other(sender);
  const bool is_hello = tls::opening_of(bytes) == tls::Opening::tls;
  const bool fresh = !spotter_.is_decided(theirs) && !spotter_.has_missed(theirs);
  if (!connection_.client && is_hello && fresh && !spotter_.has_missed(sender))
    begin_with_hello(sender);
  TlsText& text = *this;
  const Side client = connection_.client.value_or(sender);
  tls_ = std::make_unique<TlsConnection>(text, client, options().keys);
  began_tls_ = last_data_;
  ++ledger().tls;
  // What the other side has said was passed over, or may still be looked at.
  if (spotter_.speech(theirs) == TlsSpotter::Speech::tls) {
    stream(theirs).cut_off();
    ledger().passed_over_bytes -= passed_over_;
    ledger().tls_bytes += passed_over_;
    tls_->count(std::exchange(passed_over_, 0));
    tls_->on_missed_start(theirs);
  }
  for (const Side side : {Side::a, Side::b}) {
    if (spotter_.has_missed(side)) tls_->on_missed_start(side);
  }
  tracker_.events_.on_tls_begin(connection_, sender);
  if (options().tls_wait) wait_for_time();
}

/// The capture began after the connection, but before anybody had said anything.
void Exchange::begin_with_hello(Side sender) {
  connection_.client = sender;
  stream(sender).start(wire::Kind::request);
  stream(other(sender)).start(wire::Kind::response);
  pipeline_ = Pipeline(Range{});
}

void Exchange::finish_late() {
  for (const Side side : {Side::a, Side::b}) {
    if (!ends_later_[index(side)] || tls_->waits(side)) continue;
    ends_later_[index(side)] = false;
    stream(side).finish(true);
  }
}

void Exchange::on_text(Side sender, std::string_view text, const Stamp& stamp) {
  ledger().tls_bytes -= text.size();
  read(sender, text, stamp);
}

void Exchange::on_hidden(Side sender) {
  hidden_[index(sender)] = true;
  stream(sender).cut_off();
}

void Exchange::tell_tls() {
  if (std::exchange(told_tls_, true)) return;
  const std::string cipher = tls_->cipher();
  const std::string reason = tls_->reason();
  SeenTls seen{last_data_,          connection_, tls_->client(), tls_->version(),
               tls_->server_name(), cipher,      tls_->bytes()};
  if (tls_->has_keys()) {
    seen.opened = tls_->opened();
    seen.reason = reason;
  }
  tracker_.events_.on_tls(seen);
}

/// Whether that is still to be done.
bool Exchange::tell_old_tls(Time now) {
  if (!tls_ || told_tls_ || !options().tls_wait) return false;
  if (now - began_tls_ >= *options().tls_wait) tell_tls();
  return !told_tls_;
}

}  // namespace compactor::capture
