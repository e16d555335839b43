#include "capture/tls_spotter.h"

#include <utility>

#include "tls/record.h"

namespace compactor::capture {
namespace {

/// A single byte does not decide; text does not begin with this one.
bool may_begin_tls(std::string_view bytes) {
  return bytes.size() == 1 && bytes[0] >= 0x14 && bytes[0] <= 0x17;
}

}  // namespace

void TlsSpotter::look(Side sender, std::string_view bytes, const Stamp& stamp,
                      std::optional<Side> client) {
  auto& held = held_[index(sender)];
  const std::string joined = held ? held->bytes + std::string(bytes) : std::string();
  const std::string_view whole = joined.empty() ? bytes : joined;
  if (may_begin_tls(whole)) {
    held = std::make_unique<Held>(Held{std::string(whole), stamp});
    return;
  }
  const bool is_hello = sender == client && tls::opening_of(whole) == tls::Opening::tls;
  decide(sender, is_hello || tls::begins_record(whole), client);
}

void TlsSpotter::miss(Side sender, std::optional<Side> client) {
  if (is_decided(sender)) return;
  missed_[index(sender)] = true;
  if (held_[index(sender)]) decide(sender, false, client);
}

/// What is not seen from its beginning on may begin with anything: there the other side decides.
void TlsSpotter::decide(Side sender, bool is_tls, std::optional<Side> client) {
  Speech& mine = speech_[index(sender)];
  Speech& theirs = speech_[index(other(sender))];
  const bool from_start = client && !missed_[index(sender)];
  mine = is_tls || (theirs == Speech::tls && !from_start) ? Speech::tls : Speech::text;
  if (mine == Speech::tls && theirs == Speech::text && !client) theirs = Speech::tls;
}

TlsSpotter::Held TlsSpotter::take_held(Side sender) {
  const std::unique_ptr<Held> held = std::move(held_[index(sender)]);
  return held ? *held : Held{};
}

}  // namespace compactor::capture
