#include "capture/reassembly.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace compactor::capture {
namespace {

/// Where the numbering of a direction begins: far enough from 0 for what turns out to lie before
/// it.
constexpr std::uint64_t kOrigin = std::uint64_t{1} << 40;
/// The largest window TCP can have (RFC 7323): what is further away does not belong to the stream.
constexpr std::int64_t kWindow = std::int64_t{1} << 30;
/// How far before the first bytes seen a SYN may stand that was overtaken by them.
constexpr std::uint64_t kOvertaken = std::uint64_t{1} << 16;
/// What a held piece costs beside its bytes.
constexpr std::size_t kPieceCost = 160;

std::int64_t distance(std::uint64_t from, std::uint64_t to) {
  return static_cast<std::int64_t>(to - from);
}

bool is_far(std::int64_t distance) {
  return distance > kWindow || distance < -kWindow;
}

}  // namespace

/// Bytes that came before their turn.
struct Reassembler::Piece {
  std::uint64_t end = 0;  // data may stop short of it: the snaplen took the rest
  std::string data;
  Time time;
  std::uint64_t acked = 0;
};

/// One direction of a connection.
struct Reassembler::Half {
  struct Wait {
    Time since;
    std::uint64_t at = 0;  // what it is that is waited for: the byte at this offset
  };

  bool numbered = false;
  std::uint32_t zero = 0;            // the sequence number of kOrigin
  std::optional<std::uint32_t> syn;  // the sequence number of SYN
  bool started = false;              // from which byte on is decided, and that is …
  std::uint64_t begin = kOrigin;
  std::uint64_t next = kOrigin;   // the first byte not yet handed on
  std::uint64_t acked = kOrigin;  // how far the other side is known to have received this one
  std::optional<std::uint64_t> first_acked;  // … when that was first seen
  std::optional<std::uint64_t> fin;          // where the stream ends
  bool ended = false;                        // … and that has been handed on
  std::map<std::uint64_t, Piece> pieces;     // by offset of the first byte; disjoint
  std::size_t held = 0;
  std::optional<Wait> wait;

  void number(std::uint32_t seq) {
    if (numbered) return;
    numbered = true;
    zero = seq;
  }
  std::uint64_t offset_of(std::uint32_t seq) const {
    const auto here = zero + static_cast<std::uint32_t>(next - kOrigin);
    return next + static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(seq - here)});
  }
  /// The first byte that was sent after the capture began, as far as is known.
  std::uint64_t first() const {
    const std::uint64_t seen = pieces.empty() ? fin.value_or(acked) : pieces.begin()->first;
    return std::min(first_acked.value_or(seen), seen);
  }
  /// The end of the bytes that were sent for certain. An acknowledged number behind the last byte
  /// may be that of a FIN that is not in the capture.
  std::uint64_t sent() const {
    if (fin) return *fin;
    return pieces.empty() && acked == next + 1 ? next : std::max(acked, next);
  }
};

struct Reassembler::Flow {
  ConnectionInfo info;
  Key key;
  std::array<Half, 2> halves;
  std::unique_ptr<StreamReader> reader;
  Flows::iterator self;
  Time last;
  std::optional<Time> reset;
  bool closed = false;
  bool restless = false;

  Half& half(Side side) { return halves[index(side)]; }
  const Half& half(Side side) const { return halves[index(side)]; }
  Side sender(const Segment& segment) const { return segment.source == info.a ? Side::a : Side::b; }
  bool belongs(const Segment& segment) const {
    const Side side = sender(segment);
    if (segment.syn) return belongs_syn(segment, half(side), half(other(side)));
    if (!closed || segment.length == 0) return true;
    const Half& mine = half(side);
    const std::uint64_t end = mine.offset_of(segment.seq) + segment.length;
    return mine.numbered && end <= mine.next && !is_far(distance(mine.next, end));
  }

 private:
  bool belongs_syn(const Segment& segment, const Half& mine, const Half& theirs) const {
    if (mine.syn) return *mine.syn == segment.seq;
    if (closed) return false;
    if (segment.has_ack && theirs.syn && segment.ack != *theirs.syn + 1) return false;
    if (!mine.numbered) return true;
    const std::uint64_t begin = mine.offset_of(segment.seq + 1);
    if (mine.started) return begin == mine.begin;
    return begin <= mine.first() && mine.first() - begin <= kOvertaken;
  }
};

std::size_t Reassembler::KeyHash::operator()(const Key& key) const noexcept {
  const auto text = [](const Endpoint& endpoint) {
    return std::string_view(reinterpret_cast<const char*>(endpoint.address.bytes.data()),  // NOLINT
                            endpoint.address.bytes.size());
  };
  const std::hash<std::string_view> hash;
  const std::size_t ports = std::size_t{key.low.port} << 16 | key.high.port;
  return (hash(text(key.low)) * 31 + hash(text(key.high))) * 31 + ports * 0x9e3779b97f4a7c15;
}

Reassembler::Reassembler(OpenReader open, const ReassemblyLimits& limits)
    : open_(std::move(open)), limits_(limits) {}

Reassembler::~Reassembler() = default;

Reassembler::Key Reassembler::key_of(const Segment& segment) {
  return segment.source < segment.destination ? Key{segment.source, segment.destination}
                                              : Key{segment.destination, segment.source};
}

void Reassembler::on_segment(const Segment& segment, Time time) {
  on_time(time);
  ++stats_.segments;
  Flow* flow = flow_for(segment, time);
  if (flow == nullptr) return;
  if (flow->closed) {
    if (segment.length > 0) ++stats_.retransmitted;
    return;
  }
  touch(*flow, time);
  const Side side = flow->sender(segment);
  read(*flow, side, segment, time);
  if (!flow->closed) settle(*flow, time);
}

void Reassembler::on_time(Time now) {
  if (!pace_.due(now)) return;
  const std::vector<Flow*> due = restless_;  // settling takes flows off the list
  for (Flow* flow : due) settle(*flow, now);
  evict_idle(now);
}

void Reassembler::finish(Time now) {
  while (!flows_.empty()) {
    Flow& flow = flows_.front();
    close(flow, flow.reset ? Close::reset : Close::ended, now);
  }
  while (!closed_.empty()) erase(closed_.front());
}

// Which connection a segment belongs to.

Reassembler::Flow* Reassembler::flow_for(const Segment& segment, Time time) {
  const Key key = key_of(segment);
  Flow* flow = find(key);
  if (flow != nullptr && !flow->belongs(segment)) {
    if (!flow->closed) close(*flow, Close::replaced, time);
    erase(*flow);
    flow = nullptr;
  }
  if (flow != nullptr) return flow;
  // What carries nothing tells nothing of a connection that is not known.
  if (!segment.syn && segment.length == 0) return nullptr;
  make_room(time);
  return &create(key, segment, time);
}

Reassembler::Flow* Reassembler::find(const Key& key) {
  if (last_ != nullptr && last_->key == key) return last_;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  last_ = &*found->second;
  return last_;
}

Reassembler::Flow& Reassembler::create(const Key& key, const Segment& segment, Time time) {
  Flow& flow = flows_.emplace_back();
  flow.self = std::prev(flows_.end());
  flow.key = key;
  flow.info.number = next_number_++;
  flow.info.a = segment.source;
  flow.info.b = segment.destination;
  flow.last = time;
  by_key_.emplace(key, flow.self);
  ++stats_.connections;
  last_ = &flow;
  return flow;
}

void Reassembler::touch(Flow& flow, Time time) {
  flow.last = time;
  if (std::next(flow.self) != flows_.end()) flows_.splice(flows_.end(), flows_, flow.self);
}

void Reassembler::make_room(Time now) {
  if (flows_.size() + closed_.size() < limits_.connections) return;
  if (!closed_.empty()) return erase(closed_.front());
  Flow& oldest = flows_.front();
  close(oldest, Close::evicted, now);
  erase(oldest);
}

void Reassembler::evict_idle(Time now) {
  while (!closed_.empty() && now - closed_.front().last > limits_.linger) erase(closed_.front());
  while (!flows_.empty() && now - flows_.front().last > limits_.idle) {
    Flow& oldest = flows_.front();
    close(oldest, Close::evicted, now);
    erase(oldest);
  }
}

// What a segment says.

void Reassembler::read(Flow& flow, Side side, const Segment& segment, Time time) {
  if (segment.syn) read_syn(flow, side, segment);
  if (segment.rst) return read_reset(flow, side, segment, time);
  Half& half = flow.half(side);
  half.number(segment.seq);
  const std::uint64_t begin = half.offset_of(segment.syn ? segment.seq + 1 : segment.seq);
  if (is_far(distance(half.next, begin))) {
    ++stats_.out_of_window;
    return;
  }
  read_data(flow, side, segment, {time, begin, read_ack(flow, side, segment)});
  if (flow.closed) return;
  if (segment.fin && !half.fin && begin + segment.length >= half.next)
    half.fin = begin + segment.length;
  deliver_end(flow, side, time);
}

void Reassembler::read_syn(Flow& flow, Side side, const Segment& segment) {
  Half& half = flow.half(side);
  if (half.syn) return;
  half.number(segment.seq + 1);
  half.syn = segment.seq;
  if (!flow.reader) flow.info.client = segment.has_ack ? other(side) : side;
  if (half.started) return;
  half.started = true;
  half.begin = half.next = half.offset_of(segment.seq + 1);
  half.acked = std::max(half.acked, half.begin);
  half.wait.reset();
}

void Reassembler::read_reset(Flow& flow, Side side, const Segment& segment, Time time) {
  const Half& half = flow.half(side);
  if (half.numbered && is_far(distance(half.next, half.offset_of(segment.seq)))) {
    ++stats_.out_of_window;
    return;
  }
  if (!flow.reset) ++stats_.resets;
  if (!flow.reset) flow.reset = time;
}

std::uint64_t Reassembler::read_ack(Flow& flow, Side side, const Segment& segment) {
  Half& acked = flow.half(other(side));
  if (!segment.has_ack) return acked.acked;
  acked.number(segment.ack);
  const std::uint64_t offset = acked.offset_of(segment.ack);
  if (is_far(distance(acked.next, offset))) return acked.acked;
  acked.acked = std::max(acked.acked, offset);
  acked.first_acked = std::min(acked.first_acked.value_or(offset), offset);
  return offset;
}

void Reassembler::read_data(Flow& flow, Side side, const Segment& segment, const Stamp& stamp) {
  Half& half = flow.half(side);
  const std::uint64_t end = stamp.offset + segment.length;
  const bool probes = half.started && stamp.offset + 1 == half.next && segment.length <= 1 &&
                      !segment.syn && !segment.fin;
  if (probes) ++stats_.keepalives;
  if (probes || segment.length == 0) return;
  if (segment.payload.size() < segment.length) ++stats_.cut;
  if (half.fin && end > *half.fin) {
    ++stats_.out_of_window;
    return;
  }
  if (half.started && end <= half.next) {
    ++stats_.retransmitted;
    return;
  }
  const bool whole = segment.payload.size() == segment.length;
  if (half.started && stamp.offset == half.next && half.pieces.empty() && whole) {
    deliver(flow, side, segment.payload, stamp);
    return;
  }
  hold(half, segment, stamp);
  if (half.started) drain(flow, side);
  enforce_limits(flow, side, stamp.time);
}

void Reassembler::hold(Half& half, const Segment& segment, const Stamp& stamp) {
  const std::uint64_t end = stamp.offset + segment.length;
  std::uint64_t at = stamp.offset;
  if (half.started) at = std::max(at, half.next);
  const bool early = half.started && at > half.next;
  std::uint64_t fresh = 0;
  auto after = half.pieces.upper_bound(at);
  if (after != half.pieces.begin()) at = std::max(at, std::prev(after)->second.end);
  while (at < end) {
    const std::uint64_t stop = after == half.pieces.end() ? end : std::min(end, after->first);
    if (at < stop) {
      const std::size_t from =
          std::min(static_cast<std::size_t>(at - stamp.offset), segment.payload.size());
      Piece piece{stop, std::string(segment.payload.substr(from, stop - at)), stamp.time,
                  stamp.acked};
      half.held += piece.data.size() + kPieceCost;
      buffered_ += piece.data.size() + kPieceCost;
      half.pieces.emplace_hint(after, at, std::move(piece));
      fresh += stop - at;
    }
    if (after == half.pieces.end()) break;
    at = std::max(stop, after->second.end);
    ++after;
  }
  if (fresh == 0) {
    ++stats_.retransmitted;
  } else if (fresh < segment.length) {
    ++stats_.overlapping;
  } else if (early) {
    ++stats_.out_of_order;
  }
}

void Reassembler::enforce_limits(Flow& flow, Side side, Time time) {
  Half& half = flow.half(side);
  while (!half.pieces.empty() &&
         (half.held > limits_.buffered_per_direction || buffered_ > limits_.buffered)) {
    if (!half.started) start(flow, side, time);
    if (!half.pieces.empty()) deliver_gap(flow, side, half.pieces.begin()->first, time);
    drain(flow, side);
  }
}

// Handing on, in order.

void Reassembler::drain(Flow& flow, Side side) {
  Half& half = flow.half(side);
  while (!half.pieces.empty() && half.pieces.begin()->first <= half.next) {
    const auto node = half.pieces.extract(half.pieces.begin());
    const Piece& piece = node.mapped();
    half.held -= piece.data.size() + kPieceCost;
    buffered_ -= piece.data.size() + kPieceCost;
    if (!piece.data.empty()) deliver(flow, side, piece.data, {piece.time, node.key(), piece.acked});
    deliver_gap(flow, side, piece.end, piece.time);
  }
}

void Reassembler::deliver(Flow& flow, Side side, std::string_view bytes, const Stamp& stamp) {
  flow.half(side).next += bytes.size();
  stats_.data_bytes += bytes.size();
  reader(flow).on_data(side, bytes, stamp);
}

void Reassembler::deliver_gap(Flow& flow, Side side, std::uint64_t end, Time time) {
  Half& half = flow.half(side);
  if (end <= half.next) return;
  const std::uint64_t size = end - half.next;
  half.next = end;
  ++stats_.gaps;
  stats_.gap_bytes += size;
  reader(flow).on_gap(side, size, time);
}

void Reassembler::deliver_end(Flow& flow, Side side, Time time) {
  Half& half = flow.half(side);
  if (half.ended || !half.started || !half.fin || half.next < *half.fin) return;
  half.ended = true;
  if (flow.reader) flow.reader->on_end(side, time);
  if (flow.half(other(side)).ended) close(flow, Close::finished, time);
}

StreamReader& Reassembler::reader(Flow& flow) {
  if (!flow.reader) {
    if (!flow.info.client) ++stats_.midstream;
    flow.reader = open_(flow.info);
  }
  return *flow.reader;
}

// What becomes final when time passes.

void Reassembler::start(Flow& flow, Side side, Time time) {
  Half& half = flow.half(side);
  half.started = true;
  half.begin = half.next = half.first();
  half.acked = std::max(half.acked, half.begin);
  half.wait.reset();
  drain(flow, side);
  deliver_end(flow, side, time);
}

void Reassembler::settle(Flow& flow, Time now) {
  for (const Side side : {Side::a, Side::b}) {
    if (!flow.closed) settle(flow, side, now);
  }
  if (flow.closed) return;
  if (flow.reset && now - *flow.reset >= limits_.patience) return close(flow, Close::reset, now);
  const bool waits = flow.reset || flow.half(Side::a).wait || flow.half(Side::b).wait;
  if (waits == flow.restless) return;
  flow.restless = waits;
  if (waits) {
    restless_.push_back(&flow);
  } else {
    std::erase(restless_, &flow);
  }
}

void Reassembler::settle(Flow& flow, Side side, Time now) {
  Half& half = flow.half(side);
  const bool hole = half.sent() > (half.started ? half.next : half.first());
  if (half.pieces.empty() && !hole && (half.started || !half.fin)) {
    half.wait.reset();
    return;
  }
  if (!half.wait || half.wait->at != half.next) half.wait = Half::Wait{now, half.next};
  if (!is_due(half, now)) return;
  if (!half.started) return start(flow, side, now);
  // Only what the other side acknowledged is certainly lost; the rest may still be sent again.
  const bool acked = half.acked > half.next && half.sent() > half.next;
  std::uint64_t end = acked ? std::min(half.acked, half.sent()) : half.sent();
  if (!half.pieces.empty()) {
    const std::uint64_t first = half.pieces.begin()->first;
    end = acked ? std::min(end, first) : first;
  }
  deliver_gap(flow, side, end, now);
  half.wait.reset();
  drain(flow, side);
  deliver_end(flow, side, now);
}

bool Reassembler::is_due(const Half& half, Time now) const {
  const auto waited = now - half.wait->since;
  if (half.started && half.acked <= half.next) return waited >= limits_.unacked;
  return waited >= limits_.patience;
}

void Reassembler::flush(Flow& flow, Side side, Time time) {
  Half& half = flow.half(side);
  if (!half.started) start(flow, side, time);
  while (!flow.closed && !half.pieces.empty()) {
    deliver_gap(flow, side, half.pieces.begin()->first, time);
    drain(flow, side);
  }
  if (!flow.closed) deliver_gap(flow, side, half.sent(), time);
  if (!flow.closed) deliver_end(flow, side, time);
}

void Reassembler::close(Flow& flow, Close how, Time time) {
  for (const Side side : {Side::a, Side::b}) {
    if (!flow.closed) flush(flow, side, time);
  }
  if (flow.closed) return;
  flow.closed = true;
  if (flow.reader) flow.reader->on_close(how, time);
  flow.reader.reset();
  if (how == Close::replaced) ++stats_.reused;
  if (how == Close::evicted) ++stats_.evicted;
  if (flow.restless) std::erase(restless_, &flow);
  flow.restless = false;
  closed_.splice(closed_.end(), flows_, flow.self);
}

void Reassembler::erase(Flow& flow) {
  if (last_ == &flow) last_ = nullptr;
  by_key_.erase(flow.key);
  (flow.closed ? closed_ : flows_).erase(flow.self);
}

}  // namespace compactor::capture
