// TCP segments, as they come from a capture -> the byte streams of each connection, in order, with
// every hole named. No clock of its own: time is the capture's. RFC 9293, seen from the side.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "capture/holdings.h"
#include "capture/pace.h"
#include "capture/packet.h"

namespace compactor::capture {

/// One of the two ends of a connection. `a` is the one that was seen to send first.
enum class Side : std::uint8_t { a, b };

constexpr Side other(Side side) {
  return side == Side::a ? Side::b : Side::a;
}
constexpr std::size_t index(Side side) {
  return static_cast<std::size_t>(side);
}

struct ConnectionInfo {
  std::uint64_t number = 0;  // from 1, in order of the first packet
  Endpoint a;
  Endpoint b;
  std::optional<Side> client;  // who opened it; nothing when the capture began after that

  const Endpoint& endpoint(Side side) const { return side == Side::a ? a : b; }
};

/// Where some bytes stand in the two streams of their connection. Offsets count bytes of one
/// direction from an arbitrary origin; they grow without wrapping.
struct Stamp {
  Time time;                 // when the packet with these bytes was captured
  std::uint64_t offset = 0;  // of the first byte, in its own direction
  std::uint64_t acked = 0;   // how far its sender had then received the other direction
};

/// How a connection ended, as far as the capture shows it.
enum class Close {
  finished,  // both sides sent FIN, and all before it
  reset,     // RST
  refused,   // RST to the SYN
  replaced,  // a new connection uses the same addresses and ports
  evicted,   // the limit of connections was reached, and this one was silent for longest
  ended,     // the capture ended
};

struct Ending {
  Ending(Close kind, std::optional<Side> side = {}) : how(kind), by(side) {}  // NOLINT: is one
  Close how;
  std::optional<Side> by;  // of the two sides the one that ended it: the first FIN, or the RST
};

/// A connection, as it is told when it is opened, and when it ends.
struct ConnectionReport {
  ConnectionInfo connection;
  Time time;
  std::optional<Ending> ending;  // nothing: it is opened
  bool opened = true;       // it was opened: not refused, not unanswered, not met in the middle
  Time began{};             // its first packet
  std::uint64_t bytes = 0;  // of both streams, with those not captured
  // What its reader knows of it.
  std::uint64_t messages = 0;
  std::string sender{};       // what the first message says, where it comes from
  bool wrong_sender = false;  // a message says it comes from another address
  std::string_view tls{};     // it speaks TLS, of this version
};

/// Reads the streams of one connection. Everything up to on_close happens in stream order per
/// direction.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  /// `bytes` are valid only during the call.
  virtual void on_data(Side sender, std::string_view bytes, const Stamp& stamp) = 0;
  /// So many bytes were sent there but are not in the capture.
  virtual void on_gap(Side sender, std::uint64_t bytes, Time time) = 0;
  /// FIN: nothing more comes from this side.
  virtual void on_end(Side sender, Time time) = 0;
  /// The last call but sum_up().
  virtual void on_close(const Ending& ending, Time time) = 0;
  /// Says what it knows of the connection.
  virtual void sum_up(ConnectionReport& /*report*/) const {}
};

/// Bounds of what is held, and of patience. A capture is not quite in order: packets of two
/// directions, or of several queues of a network card, overtake each other. So nothing is final at
/// once: a hole, an RST, the start of a connection that was open before.
struct ReassemblyLimits {
  std::size_t connections = 65'536;
  std::size_t buffered_per_direction = std::size_t{4} << 20;  // bytes out of order
  std::size_t buffered = std::size_t{24} << 20;  // … of all connections; the hole that is oldest is
                                                 // given up first
  std::chrono::nanoseconds linger =
      std::chrono::seconds{30};  // how long late copies of a closed one are known
  std::chrono::nanoseconds patience = std::chrono::milliseconds{200};
  std::chrono::nanoseconds unacked =
      std::chrono::seconds{10};  // a hole of which the receiver says nothing. One that it still
                                 // asks for is waited for
};

/// What happened, each thing counted once where it happened.
struct ReassemblyStats {
  std::uint64_t connections = 0;
  std::uint64_t midstream = 0;  // of these: open before the capture began
  std::uint64_t segments = 0;
  std::uint64_t retransmitted = 0;  // segments with nothing new
  std::uint64_t overlapping = 0;    // segments partly known
  std::uint64_t out_of_order = 0;
  std::uint64_t keepalives = 0;
  std::uint64_t out_of_window = 0;
  std::uint64_t cut = 0;  // segments of which the snaplen took a part
  std::uint64_t resets = 0;
  std::uint64_t reused = 0;   // Close::replaced
  std::uint64_t evicted = 0;  // Close::evicted
  std::uint64_t gaps = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t delivered_bytes = 0;  // handed to readers
};

struct Half;

/// Owns the connections and their readers.
class Reassembler {
 public:
  /// Makes the reader of a connection; called when there is something to read.
  using OpenReader = std::function<std::unique_ptr<StreamReader>(const ConnectionInfo&)>;

  /// Called for each connection when it is opened, and when it ends.
  using OnConnection = std::function<void(const ConnectionReport& report)>;

  explicit Reassembler(OpenReader open, const ReassemblyLimits& limits = {},
                       OnConnection on_connection = {});
  ~Reassembler();
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  void on_segment(const Segment& segment, Time time);
  /// Time has passed without a segment: holes, resets and idle connections come due. Called by
  /// on_segment too.
  void on_time(Time now);
  /// The capture is over: everything held is handed out, every connection closed.
  void finish(Time now);

  const ReassemblyStats& stats() const { return stats_; }
  /// Bytes of memory that wait for others that come before them.
  std::size_t buffered() const { return held_.bytes(); }

 private:
  struct Key {
    Endpoint low;
    Endpoint high;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  struct Flow;
  using Flows = std::list<Flow>;
  /// One half of a connection.
  struct Holder {
    Flow* flow;
    Side side;
  };

  static Key key_of(const Segment& segment);

  // Which connection a segment belongs to.
  Flow* flow_for(const Segment& segment, Time time);
  Flow* find(const Key& key);
  Flow& create(const Key& key, const Segment& segment, Time time);
  void touch(Flow& flow, Time time);
  void make_room(Time now);
  void forget_closed(Time now);

  // What a segment says.
  void read(Flow& flow, Side side, const Segment& segment, Time time);
  void read_syn(Flow& flow, Side side, const Segment& segment);
  static bool is_reset(const Flow& flow, Side side, const Segment& segment);
  void read_reset(Flow& flow, Side side, const Segment& segment, Time time);
  std::uint64_t read_ack(Flow& flow, Side side, const Segment& segment, Time time);
  void choose_syn(Flow& flow, Side side, std::uint32_t ack);
  void read_data(Flow& flow, Side side, const Segment& segment, const Stamp& stamp);
  void hold(Half& half, const Segment& segment, const Stamp& stamp);
  void account(Flow& flow, Side side, bool moved);
  void enforce_limits(Flow& flow, Side side, Time time);
  void give_up_hole(Flow& flow, Side side, Time time);

  // Handing on, in order.
  void drain(Flow& flow, Side side);
  void deliver(Flow& flow, Side side, std::string_view bytes, const Stamp& stamp);
  void deliver_gap(Flow& flow, Side side, std::uint64_t end, Time time);
  void deliver_end(Flow& flow, Side side, Time time);
  StreamReader& reader(Flow& flow);
  void tell_opened(Flow& flow, Time time);
  void tell_ended(const Flow& flow, const Ending& ending, Time time) const;
  static Ending ending_of(const Flow& flow, Close how);

  // What becomes final when time passes.
  void start(Flow& flow, Side side, Time time);
  void settle(Flow& flow, Time now);
  void settle(Flow& flow, Side side, Time now);
  bool is_due(const Half& half, Time now) const;
  void flush(Flow& flow, Side side, Time time);
  void close(Flow& flow, Close how, Time time);
  void set_restless(Flow& flow, bool restless);
  void erase(Flow& flow);

  OpenReader open_;
  OnConnection on_connection_;
  ReassemblyLimits limits_;
  ReassemblyStats stats_;
  Flows flows_;   // open, least recently used first
  Flows closed_;  // known a while longer, for what comes late; in order of closing
  std::unordered_map<Key, Flows::iterator, KeyHash> by_key_;
  std::vector<Flow*> restless_;  // those for which something becomes final when time passes
  Flow* last_ = nullptr;         // of the segment before: most often of this one too
  Holdings<Holder> held_;        // bytes out of order
  std::uint64_t next_number_ = 1;
  Pace pace_{};
};

}  // namespace compactor::capture
