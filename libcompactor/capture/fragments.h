// Pieces of IP packets -> the packets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>

#include "capture/byte_view.h"
#include "capture/packet.h"

namespace compactor::capture {

/// A piece of an IP packet: RFC 791, RFC 8200 §4.5.
struct Fragment {
  Address source;
  Address destination;
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;  // of what is in it; in IPv6 that of the first piece counts
  bool v6 = false;
  std::size_t offset = 0;  // where its payload stands in that of the packet
  bool last = false;
  ByteView payload;
};

/// Holds the pieces until a packet is complete, within bounds of memory and of time.
class FragmentAssembler {
 public:
  /// Takes a piece. When it completes its packet: true, with the payload and protocol of that;
  /// valid until the next call. The first copy of a byte counts.
  bool add(const Fragment& piece, Time now, ByteView& payload, std::uint8_t& protocol);

  /// Fragments of packets that were given up, or that are not complete.
  std::uint64_t left_out() const { return given_up_ + held_fragments_; }
  /// Bytes of memory.
  std::size_t memory() const { return held_; }

 private:
  struct Key {
    Address source;
    Address destination;
    std::uint32_t id;
    std::uint8_t protocol;  // 0 in IPv6
    bool v6;
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr)
  };
  struct Piece {
    std::string bytes;     // captured
    std::size_t wire = 0;  // on the wire
  };
  struct Datagram {
    Key key;
    Time first;
    std::map<std::size_t, Piece> pieces;  // by offset; disjoint: of a fragment between others
                                          // that are known, there may be several
    std::size_t end = 0;                  // where the last piece ends; 0 while that is missing
    std::uint8_t protocol = 0;
    std::uint64_t fragments = 0;  // that have come
  };
  using Datagrams = std::list<Datagram>;

  Datagram& datagram_of(const Fragment& piece, Time now);
  void keep(Datagram& datagram, const Fragment& piece);
  static bool is_complete(const Datagram& datagram);
  void join(const Datagram& datagram, ByteView& payload);
  void make_room(Time now);
  void erase(Datagrams::iterator datagram);

  Datagrams datagrams_;  // oldest first
  std::map<Key, Datagrams::iterator> by_key_;
  std::string joined_;
  std::size_t held_ = 0;
  std::uint64_t held_fragments_ = 0;
  std::uint64_t given_up_ = 0;
};

}  // namespace compactor::capture
