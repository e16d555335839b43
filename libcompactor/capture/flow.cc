#include "capture/flow.h"

#include <algorithm>

namespace compactor::capture {
namespace {

/// How far before the first bytes seen a SYN may stand that was overtaken by them.
constexpr std::uint64_t kOvertaken = std::uint64_t{1} << 16;
/// How far into a stream of which only the SYN was seen the other side may acknowledge it.
constexpr std::int64_t kUnseen = std::int64_t{1} << 24;

/// The number acknowledges the SYN of this direction, and perhaps data that came with it or after
/// it (RFC 7413: TCP Fast Open).
bool acknowledges_syn(const Half& half, std::uint32_t number) {
  const std::int64_t after = distance(half.begin, half.offset_of(number));
  return after >= 0 && after <= distance(half.begin, half.sent());
}

}  // namespace

void Half::number(std::uint32_t seq) {
  if (numbered) return;
  numbered = true;
  zero = seq;
}

std::uint64_t Half::offset_of(std::uint32_t seq) const {
  const auto here = zero + static_cast<std::uint32_t>(next - kOrigin);
  return next + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(seq - here)});
}

void Half::start_after(std::uint32_t syn_number) {
  syn = syn_number;
  number(syn_number + 1);
  if (started) return;
  started = true;
  begin = next = offset_of(syn_number + 1);
  acked = std::max(acked, begin);
  wait.reset();
}

std::uint64_t Half::first() const {
  const std::uint64_t seen = pieces.empty() ? fin.value_or(acked) : pieces.begin()->first;
  return std::min(first_acked.value_or(seen), seen);
}

std::uint64_t Half::sent() const {
  if (fin) return *fin;
  return pieces.empty() && acked == next + 1 ? next : std::max(acked, next);
}

bool Reassembler::Flow::belongs(const Segment& segment) const {
  const Side side = sender(segment);
  if (segment.syn) return belongs_syn(segment, half(side), half(other(side)));
  if (!closed || segment.length == 0) return true;
  const Half& mine = half(side);
  const std::uint64_t end = mine.offset_of(segment.seq) + segment.length;
  return mine.numbered && end <= mine.next && !is_far(distance(mine.next, end));
}

bool Reassembler::Flow::belongs_syn(const Segment& segment, const Half& mine,
                                    const Half& theirs) const {
  if (mine.syn == segment.seq) return true;
  if (closed) return false;
  if (segment.has_ack && theirs.syn) {
    if (!acknowledges_syn(theirs, segment.ack)) return false;
    if (mine.syn) return mine.next == mine.begin && mine.pieces.empty();
  }
  if (mine.syn) return false;
  if (!mine.numbered) return true;
  const std::uint64_t begin = mine.offset_of(segment.seq + 1);
  if (mine.started) return begin == mine.begin;
  return begin <= mine.first() && mine.first() - begin <= kOvertaken;
}

bool Reassembler::Flow::is_stale(const Segment& segment) const {
  const Side side = sender(segment);
  const Half& mine = half(side);
  const Half& theirs = half(other(side));
  if (segment.syn || mine.numbered == theirs.numbered) return false;
  if (mine.numbered) {  // this side has sent its SYN, the other one has not been heard of
    return segment.rst && mine.syn && mine.offset_of(segment.seq) > mine.sent() + 1;
  }
  if (!theirs.syn || !segment.has_ack) return false;
  const std::int64_t acked = distance(theirs.begin, theirs.offset_of(segment.ack));
  return acked < 0 || acked > kUnseen;
}

}  // namespace compactor::capture
