#include "capture/reassembly.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "capture/flow.h"

namespace compactor::capture {
namespace {

/// What a held piece costs beside its bytes.
constexpr std::size_t kSegmentCost = 160;
/// SYNs of one side that are remembered beside the first one.
constexpr std::size_t kRivals = 4;

}  // namespace

std::size_t Reassembler::KeyHash::operator()(const Key& key) const noexcept {
  const auto text = [](const Endpoint& endpoint) {
    return std::string_view(reinterpret_cast<const char*>(endpoint.address.bytes.data()),  // NOLINT
                            endpoint.address.bytes.size());
  };
  const std::hash<std::string_view> hash;
  const std::size_t ports = std::size_t{key.low.port} << 16 | key.high.port;
  return (hash(text(key.low)) * 31 + hash(text(key.high))) * 31 + ports * 0x9e3779b97f4a7c15;
}

Reassembler::Reassembler(OpenReader open, const ReassemblyLimits& limits,
                         OnConnection on_connection)
    : open_(std::move(open)), on_connection_(std::move(on_connection)), limits_(limits) {}

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
  if (flow->is_stale(segment)) {
    ++stats_.out_of_window;
    return;
  }
  const Side side = flow->sender(segment);
  read(*flow, side, segment, time);
  if (!flow->opened) tell_opened(*flow, time);
  if (!flow->closed) settle(*flow, time);
}

void Reassembler::on_time(Time now) {
  if (!pace_.due(now)) return;
  const std::vector<Flow*> due = restless_;  // settling takes flows off the list
  for (Flow* flow : due) settle(*flow, now);
  forget_closed(now);
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
  flow.began = flow.last = time;
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

void Reassembler::forget_closed(Time now) {
  while (!closed_.empty() && now - closed_.front().last > limits_.linger) erase(closed_.front());
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
  read_data(flow, side, segment, {time, begin, read_ack(flow, side, segment, time)});
  if (flow.closed) return;
  if (segment.fin && !half.fin && begin + segment.length >= half.next) {
    half.fin = begin + segment.length;
    if (!flow.first_end) flow.first_end = side;
  }
  deliver_end(flow, side, time);
}

void Reassembler::read_syn(Flow& flow, Side side, const Segment& segment) {
  Half& half = flow.half(side);
  if (half.syn) {
    // A server that lost its state, or a second one behind a balancer: the client decides.
    const bool known = *half.syn == segment.seq;
    if (!known && half.other_syns.size() < kRivals) half.other_syns.push_back(segment.seq);
    return;
  }
  half.start_after(segment.seq);
  if (!flow.reader) flow.info.client = segment.has_ack ? other(side) : side;
}

/// The other side has answered one of several SYNs.
void Reassembler::choose_syn(Flow& flow, Side side, std::uint32_t ack) {
  Half& half = flow.half(side);
  const auto chosen = std::find(half.other_syns.begin(), half.other_syns.end(), ack - 1);
  if (chosen != half.other_syns.end()) {
    const std::uint32_t syn = *chosen;
    // What was said after the other SYN is not of this connection.
    stats_.out_of_window += half.pieces.size();
    half = {};
    account(flow, side, true);
    half.start_after(syn);
  }
  half.other_syns.clear();
}

/// Whoever knows the addresses can send an RST; its receiver believes only one that stands where
/// the stream does (RFC 5961 §3.2), as far as can be seen from the side.
bool Reassembler::is_reset(const Flow& flow, Side side, const Segment& segment) {
  const Half& half = flow.half(side);
  if (!half.numbered) return segment.has_ack || !flow.half(other(side)).syn;
  const std::uint64_t at = half.offset_of(segment.seq);
  const std::uint64_t held = half.pieces.empty() ? 0 : half.pieces.rbegin()->second.end;
  return half.acked <= at && at <= std::max(half.sent(), held) + 1;
}

void Reassembler::read_reset(Flow& flow, Side side, const Segment& segment, Time time) {
  if (!is_reset(flow, side, segment)) {
    ++stats_.out_of_window;
    return;
  }
  if (flow.reset) return;
  ++stats_.resets;
  flow.reset = time;
  flow.reset_by = side;
}

std::uint64_t Reassembler::read_ack(Flow& flow, Side side, const Segment& segment, Time time) {
  Half& acked = flow.half(other(side));
  if (!segment.has_ack) return acked.acked;
  if (!acked.other_syns.empty()) choose_syn(flow, other(side), segment.ack);
  acked.number(segment.ack);
  const std::uint64_t offset = acked.offset_of(segment.ack);
  if (is_far(distance(acked.next, offset))) return acked.acked;
  if (offset == acked.next) acked.awaited = time;
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
  account(flow, side, false);
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
      half.held += piece.data.size() + kSegmentCost;
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

/// What this half holds has changed. `moved`: because some of it was handed on.
void Reassembler::account(Flow& flow, Side side, bool moved) {
  held_.set(flow.places[index(side)], {&flow, side}, flow.half(side).held, moved);
}

void Reassembler::enforce_limits(Flow& flow, Side side, Time time) {
  while (flow.half(side).held > limits_.buffered_per_direction) give_up_hole(flow, side, time);
  while (held_.bytes() > limits_.buffered) {
    const Holder stalled = held_.stalled();
    give_up_hole(*stalled.flow, stalled.side, time);
  }
}

void Reassembler::give_up_hole(Flow& flow, Side side, Time time) {
  Half& half = flow.half(side);
  if (!half.started) start(flow, side, time);
  if (!half.pieces.empty()) deliver_gap(flow, side, half.pieces.begin()->first, time);
  drain(flow, side);
  deliver_end(flow, side, time);
}

// Handing on, in order.

void Reassembler::drain(Flow& flow, Side side) {
  Half& half = flow.half(side);
  while (!half.pieces.empty() && half.pieces.begin()->first <= half.next) {
    const auto node = half.pieces.extract(half.pieces.begin());
    const Piece& piece = node.mapped();
    half.held -= piece.data.size() + kSegmentCost;
    account(flow, side, true);
    if (!piece.data.empty()) deliver(flow, side, piece.data, {piece.time, node.key(), piece.acked});
    deliver_gap(flow, side, piece.end, piece.time);
  }
}

void Reassembler::deliver(Flow& flow, Side side, std::string_view bytes, const Stamp& stamp) {
  flow.half(side).next += bytes.size();
  stats_.delivered_bytes += bytes.size();
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

/// When both sides have been heard of, but by an RST.
void Reassembler::tell_opened(Flow& flow, Time time) {
  const bool both = flow.half(Side::a).numbered && flow.half(Side::b).numbered;
  if (!both || !flow.info.client || flow.closed) return;
  flow.opened = true;
  if (on_connection_) on_connection_({flow.info, time, {}, true, flow.began});
}

void Reassembler::tell_ended(const Flow& flow, const Ending& ending, Time time) const {
  if (!on_connection_) return;
  ConnectionReport report{flow.info, time, ending, flow.opened, flow.began};
  const bool came_last = ending.how == Close::finished || ending.how == Close::evicted;
  if (came_last) report.time = flow.last;
  if (flow.reset) report.time = *flow.reset;
  for (const Half& half : flow.halves) {
    if (half.started) report.bytes += half.next - half.begin;
  }
  if (flow.reader) flow.reader->sum_up(report);
  on_connection_(report);
}

Ending Reassembler::ending_of(const Flow& flow, Close how) {
  if (how != Close::reset) return {how, flow.first_end};
  const bool answered = flow.opened || flow.half(flow.reset_by).numbered;
  const bool refused = !answered && flow.info.client == other(flow.reset_by);
  return {refused ? Close::refused : Close::reset, flow.reset_by};
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
  set_restless(flow, waits);
}

void Reassembler::set_restless(Flow& flow, bool restless) {
  if (restless == flow.restless.has_value()) return;
  if (restless) {
    flow.restless = restless_.size();
    restless_.push_back(&flow);
    return;
  }
  restless_[*flow.restless] = restless_.back();
  restless_.back()->restless = flow.restless;
  restless_.pop_back();
  flow.restless.reset();
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
  if (half.started && half.acked <= half.next) {
    const bool awaited = half.awaited && *half.awaited >= half.wait->since;
    return !awaited && waited >= limits_.unacked;
  }
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
  const Ending ending = ending_of(flow, how);
  if (flow.reader) flow.reader->on_close(ending, time);
  tell_ended(flow, ending, time);
  flow.reader.reset();
  if (how == Close::replaced) ++stats_.reused;
  if (how == Close::evicted) ++stats_.evicted;
  set_restless(flow, false);
  closed_.splice(closed_.end(), flows_, flow.self);
}

void Reassembler::erase(Flow& flow) {
  if (last_ == &flow) last_ = nullptr;
  by_key_.erase(flow.key);
  (flow.closed ? closed_ : flows_).erase(flow.self);
}

}  // namespace compactor::capture
