// What is known of one TCP connection: its two directions, and what of each has been seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/reassembly.h"

namespace compactor::capture {

/// Where the numbering of a direction begins: far enough from 0 for what turns out to lie before
/// it.
constexpr std::uint64_t kOrigin = std::uint64_t{1} << 40;
/// The largest window TCP can have (RFC 7323): what is further away does not belong to the stream.
constexpr std::int64_t kWindow = std::int64_t{1} << 30;

inline std::int64_t distance(std::uint64_t from, std::uint64_t to) {
  return static_cast<std::int64_t>(to - from);
}
inline bool is_far(std::int64_t distance) {
  return distance > kWindow || distance < -kWindow;
}

/// Bytes that came before their turn.
struct Piece {
  std::uint64_t end = 0;  // data may stop short of it: the snaplen took the rest
  std::string data;
  Time time;
  std::uint64_t acked = 0;
};

/// One direction of a connection.
struct Half {
  struct Wait {
    Time since;
    std::uint64_t at = 0;  // what it is that is waited for: the byte at this offset
  };

  bool numbered = false;
  std::uint32_t zero = 0;                 // the sequence number of kOrigin
  std::optional<std::uint32_t> syn;       // the sequence number of SYN
  std::vector<std::uint32_t> other_syns;  // of further answers to the same SYN, until it is known
                                          // which one counts
  bool started = false;                   // from which byte on is decided, and that is …
  std::uint64_t begin = kOrigin;
  std::uint64_t next = kOrigin;   // the first byte not yet handed on
  std::uint64_t acked = kOrigin;  // how far the other side is known to have received this one
  std::optional<std::uint64_t> first_acked;  // … when that was first seen
  std::optional<Time> awaited;       // when the other side last said that it has no more than that
  std::optional<std::uint64_t> fin;  // where the stream ends
  bool ended = false;                // … and that has been handed on
  std::map<std::uint64_t, Piece> pieces;  // by offset of the first byte; disjoint
  std::size_t held = 0;
  std::optional<Wait> wait;

  void number(std::uint32_t seq);
  std::uint64_t offset_of(std::uint32_t seq) const;
  /// Begins right after this SYN.
  void start_after(std::uint32_t syn_number);
  /// The first byte that was sent after the capture began, as far as is known.
  std::uint64_t first() const;
  /// The end of the bytes that were sent for certain. An acknowledged number after the last byte
  /// may be that of a FIN that is not in the capture.
  std::uint64_t sent() const;
};

struct Reassembler::Flow {
  ConnectionInfo info;
  Key key;
  std::array<Half, 2> halves;
  std::array<Holdings<Holder>::Place, 2> places;  // of the halves that hold something
  std::unique_ptr<StreamReader> reader;
  Flows::iterator self;
  Time began;
  Time last;
  bool opened = false;
  std::optional<Time> reset;
  Side reset_by = Side::a;
  std::optional<Side> first_end;  // whose FIN came first
  bool closed = false;
  std::optional<std::size_t> restless;  // its place among those for which time matters

  Half& half(Side side) { return halves[index(side)]; }
  const Half& half(Side side) const { return halves[index(side)]; }
  Side sender(const Segment& segment) const { return segment.source == info.a ? Side::a : Side::b; }
  /// It can be a segment of this connection, and not of a new one.
  bool belongs(const Segment& segment) const;
  /// It belongs to an older connection of the same addresses and ports, of which one side still
  /// knows, and tells nothing of this one (RFC 5961 §4: a challenge ACK, and its RST).
  bool is_stale(const Segment& segment) const;

 private:
  bool belongs_syn(const Segment& segment, const Half& mine, const Half& theirs) const;
};

}  // namespace compactor::capture
