#include "capture/tls_connection.h"

#include <algorithm>
#include <utility>

#include "decrypt/suite.h"

namespace compactor::capture {
namespace {

/// Of records of one side that wait for the other.
constexpr std::size_t kMostWaiting = std::size_t{64} << 10;

}  // namespace

void TlsConnection::on_data(Side sender, std::string_view bytes, const Stamp& stamp) {
  if (!std::exchange(looked_, true)) look_at_header(sender, bytes);
  bytes_ += bytes.size();
  Direction& direction = at(sender);
  direction.seen = stamp.offset + bytes.size();
  if (direction.cutter.is_between()) direction.begin = stamp;
  std::string_view rest = bytes;
  decrypt::Record record;
  while (session_.wants(role(sender)) && direction.cutter.next(rest, record)) {
    Stamp end = stamp;
    end.offset = direction.seen - rest.size();
    if (!direction.waiting.empty() || !take(sender, record, direction.begin, end))
      hold(sender, record, direction.begin, end);
    take_waiting(other(sender));
    direction.begin = end;
  }
  if (direction.cutter.broken())
    session_.lose(role(sender), "what is no record of TLS stands in it");
  settle();
}

/// Of the first bytes: who sends a hello, and, met in the middle, which version it is. From 1.2 on
/// headers do not say.
void TlsConnection::look_at_header(Side sender, std::string_view bytes) {
  constexpr std::size_t kUpToMessage = decrypt::kRecordHeaderSize + 1;
  if (bytes.size() < kUpToMessage) return;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const auto type = static_cast<decrypt::ContentType>(byte(0));
  const auto version = static_cast<std::uint16_t>(byte(1) << 8 | byte(2));
  const auto message = static_cast<decrypt::HandshakeType>(byte(5));
  if (type == decrypt::ContentType::application && version < decrypt::kTls12)
    header_version_ = version;
  if (type != decrypt::ContentType::handshake) return;
  if (message == decrypt::HandshakeType::client_hello) client_ = sender;
  if (message == decrypt::HandshakeType::server_hello) client_ = other(sender);
}

/// False when it has to wait.
bool TlsConnection::take(Side sender, const decrypt::Record& record, const Stamp& begin,
                         const Stamp& end) {
  std::string_view text;
  if (session_.take(role(sender), record, text) == decrypt::Session::Taken::not_yet) return false;
  if (!text.empty()) tell(sender, text, begin, end);
  return true;
}

void TlsConnection::hold(Side sender, const decrypt::Record& record, const Stamp& begin,
                         const Stamp& end) {
  Direction& direction = at(sender);
  direction.waiting_bytes += record.payload.size() + sizeof(Held);
  if (direction.waiting_bytes > kMostWaiting)
    return session_.lose(role(sender), "more came before its handshake than is held (64 KiB)");
  direction.waiting.push_back(
      {record.type, record.version, std::string(record.payload), begin, end});
}

void TlsConnection::take_waiting(Side sender) {
  Direction& direction = at(sender);
  while (!direction.waiting.empty()) {
    const Held& held = direction.waiting.front();
    if (!take(sender, {held.type, held.version, held.payload}, held.begin, held.end)) return;
    direction.waiting_bytes -= held.payload.size() + sizeof(Held);
    direction.waiting.pop_front();
  }
}

/// Text came when the packet did with which its record was complete, and its first byte when that
/// began.
void TlsConnection::tell(Side sender, std::string_view text, const Stamp& begin, const Stamp& end) {
  Direction& direction = at(sender);
  const std::uint64_t offset = direction.offsets.end();
  direction.offsets.add(end.offset, text.size());
  const Stamp whole{end.time, offset, received(sender, end.acked)};
  if (begin.time == end.time) return text_.on_text(sender, text, whole);
  text_.on_text(sender, text.substr(0, 1), {begin.time, offset, received(sender, begin.acked)});
  if (text.size() > 1) text_.on_text(sender, text.substr(1), {whole.time, offset + 1, whole.acked});
}

/// How much text of the other side this one had received. An acknowledgement may come before the
/// bytes that it is of, as a capture is not quite in order. How much text these hold is not known
/// then: of a request less is said than may be true, of an answer more, as either only keeps pairs
/// from being ruled out.
std::uint64_t TlsConnection::received(Side sender, std::uint64_t acked) {
  Direction& theirs = at(other(sender));
  const std::uint64_t known =
      theirs.waiting.empty() ? theirs.seen : theirs.waiting.front().begin.offset;
  const std::uint64_t text = theirs.offsets.text_at(std::min(acked, known));
  theirs.offsets.forget(acked);
  return acked <= known || sender == client_ ? text : text + (acked - known);
}

void TlsConnection::on_gap(Side sender, std::uint64_t bytes) {
  session_.lose(role(sender), std::to_string(bytes) + " bytes of it are not in the capture");
  take_waiting(other(sender));
  settle();
}

void TlsConnection::on_missed_start(Side sender) {
  session_.lose(role(sender), "its handshake is not in the capture, or not as a whole");
  take_waiting(other(sender));
  settle();
}

void TlsConnection::give_up(Side sender) {
  session_.lose(role(sender), "it was given up for want of memory");
  settle();
}

/// Of what can no longer be opened nothing is held.
void TlsConnection::settle() {
  session_.forget_text();
  for (const Side side : {Side::a, Side::b}) {
    Direction& direction = at(side);
    if (!session_.wants(role(side))) direction.cutter = {};
    if (!session_.is_lost(role(side)) || std::exchange(direction.hidden, true)) continue;
    direction.waiting = {};
    direction.waiting_bytes = 0;
    text_.on_hidden(side);
  }
}

std::string TlsConnection::reason() const {
  if (!session_.reason().empty() || session_.opened()) return session_.reason();
  return "its handshake was not completed";
}

std::string_view TlsConnection::version() const {
  const std::uint16_t version = session_.version();
  return decrypt::version_name(version != 0 ? version : header_version_);
}

std::string_view TlsConnection::server_name() const {
  const auto& hello = session_.client_hello();
  return hello ? std::string_view(hello->server_name) : std::string_view();
}

std::string TlsConnection::cipher() const {
  const auto& hello = session_.server_hello();
  return hello && !hello->is_retry ? decrypt::suite_name(hello->suite) : std::string();
}

std::size_t TlsConnection::memory(Side sender) const {
  const Direction& direction = at(sender);
  return direction.cutter.memory() + direction.waiting_bytes + session_.memory(role(sender));
}

}  // namespace compactor::capture
