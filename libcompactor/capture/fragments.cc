#include "capture/fragments.h"

#include <algorithm>
#include <iterator>

namespace compactor::capture {
namespace {

/// The largest payload that IP can fragment.
constexpr std::size_t kLargest = 65'535;
constexpr std::size_t kMostHeld = std::size_t{8} << 20;
constexpr std::size_t kPieceCost = 128;     // beside its bytes
constexpr std::size_t kDatagramCost = 320;  // beside its pieces
/// How long the first piece waits for the others (RFC 791 §3.2 gives 15 s, RFC 8200 60 s).
constexpr std::chrono::seconds kPatience{60};

}  // namespace

bool FragmentAssembler::add(const Fragment& piece, Time now, ByteView& payload,
                            std::uint8_t& protocol) {
  make_room(now);
  // An empty piece tells nothing, and would cost nothing to send.
  if (piece.payload.wire == 0 || piece.offset + piece.payload.wire > kLargest) {
    ++given_up_;
    return false;
  }
  Datagram& datagram = datagram_of(piece, now);
  ++datagram.fragments;
  ++held_fragments_;
  keep(datagram, piece);
  if (!is_complete(datagram)) return false;
  join(datagram, payload);
  protocol = datagram.protocol;
  erase(by_key_.at(datagram.key));
  return true;
}

FragmentAssembler::Datagram& FragmentAssembler::datagram_of(const Fragment& piece, Time now) {
  const Key key{piece.source, piece.destination, piece.id,
                piece.v6 ? std::uint8_t{0} : piece.protocol, piece.v6};
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) return *known->second;
  datagrams_.push_back({key, now, {}, 0, piece.protocol, 0});
  by_key_.emplace(key, std::prev(datagrams_.end()));
  held_ += kDatagramCost;
  return datagrams_.back();
}

void FragmentAssembler::keep(Datagram& datagram, const Fragment& piece) {
  if (piece.offset == 0) datagram.protocol = piece.protocol;
  if (piece.last) datagram.end = piece.offset + piece.payload.wire;
  // Only what is not known yet: copies, and pieces cut elsewhere, overlap.
  const std::size_t end = piece.offset + piece.payload.wire;
  for (std::size_t at = piece.offset; at < end;) {
    const auto after = datagram.pieces.upper_bound(at);
    if (after != datagram.pieces.begin()) {
      const auto before = std::prev(after);
      const std::size_t known = before->first + before->second.wire;
      if (known > at) {
        at = known;
        continue;
      }
    }
    const std::size_t stop = after == datagram.pieces.end() ? end : std::min(end, after->first);
    const std::size_t from = std::min(at - piece.offset, piece.payload.bytes.size());
    Piece kept{std::string(piece.payload.bytes.substr(from, stop - at)), stop - at};
    held_ += kept.bytes.size() + kPieceCost;
    datagram.pieces.emplace(at, std::move(kept));
    at = stop;
  }
}

bool FragmentAssembler::is_complete(const Datagram& datagram) {
  if (datagram.end == 0) return false;
  std::size_t next = 0;
  for (const auto& [at, piece] : datagram.pieces) {
    if (at != next) return false;
    next = at + piece.wire;
  }
  return next >= datagram.end;
}

/// Up to the first byte that the snaplen took.
void FragmentAssembler::join(const Datagram& datagram, ByteView& payload) {
  joined_.clear();
  for (const auto& [at, piece] : datagram.pieces) {
    joined_ += piece.bytes;
    if (piece.bytes.size() < piece.wire) break;
  }
  // A piece may have said that it is the last, and others go on behind it.
  payload = {std::string_view(joined_).substr(0, datagram.end), datagram.end};
}

void FragmentAssembler::make_room(Time now) {
  while (!datagrams_.empty() && (held_ > kMostHeld || now - datagrams_.front().first > kPatience)) {
    given_up_ += datagrams_.front().fragments;
    erase(datagrams_.begin());
  }
}

void FragmentAssembler::erase(Datagrams::iterator datagram) {
  for (const auto& [at, piece] : datagram->pieces) held_ -= piece.bytes.size() + kPieceCost;
  held_ -= kDatagramCost;
  held_fragments_ -= datagram->fragments;
  by_key_.erase(datagram->key);
  datagrams_.erase(datagram);
}

}  // namespace compactor::capture
