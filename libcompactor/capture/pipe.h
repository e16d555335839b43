// One client of a proxy and the connection made for it: what each sends goes to the other, and is
// shown on the way.
#pragma once

#include <array>
#include <asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "capture/reassembly.h"
#include "net/handshake.h"
#include "net/transport.h"

namespace compactor::capture {

class Pipe;

/// What a pipe needs of its proxy. All calls are made on the thread of the io_context.
class PipeHost {
 public:
  virtual ~PipeHost() = default;
  /// A number for a connection: how many clients came, this one included.
  virtual std::uint64_t number() = 0;
  /// The upstream is connected: who reads what passes. Outlived by the host.
  virtual std::unique_ptr<StreamReader> open(const ConnectionInfo& connection) = 0;
  /// It is open, or has ended, or was refused.
  virtual void on_connection(const ConnectionReport& report) = 0;
  /// The upstream could not be connected, and the client is let go; so many of its bytes went
  /// nowhere.
  virtual void on_refused(const std::string& upstream, const std::string& why,
                          std::size_t bytes) = 0;
  virtual void on_passed(std::size_t bytes) = 0;
  virtual void on_closed(const std::shared_ptr<Pipe>& pipe) = 0;
  /// Nothing more is to be taken in, until Pipe::resume().
  virtual bool paused() const = 0;
  /// For bytes that are passed on at once, of all pipes.
  virtual std::span<char> buffer() = 0;
  /// For TLS with the upstream.
  virtual Network& network() = 0;
  /// The upstream has no TLS, for this reason, and is spoken to in plain.
  virtual void on_downgraded(const std::string& upstream, const std::string& why) = 0;
};

/// Where to, and for how long that may take.
struct Upstream {
  std::string name;  // for people
  std::vector<asio::ip::tcp::endpoint> addresses;
  std::chrono::nanoseconds connect_timeout{0};  // of all of them together
  std::shared_ptr<const tls::Config> tls;       // null: in plain
  std::string tls_name;  // whom its certificate must be for; empty: by its address
};

/// Each direction by itself: what a side has sent reaches the other in order and whole, its FIN
/// after its last byte. A side that is gone (RST) was heard to the end all the same: what it had
/// sent is delivered, then the other side gets an RST too. A side that does not read holds up the
/// other, at the cost of one buffer of 64 KiB.
///
///   connecting ──> open ──> closing ──> closed
///        └─────> refusing ────────────────^
///
/// connecting  the client is read already, up to a buffer; one that leaves without a word is let go
/// open        both directions pass
/// closing     one side is gone; the rest of what it sent is on its way to the other
/// refusing    there is no upstream; a client that speaks HTTP is told so (502)
///
/// Not thread-safe: everything happens on the thread of the io_context.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  enum class State { connecting, open, closing, refusing, closed };

  /// `client` is connected, its TLS handshake done; `from` is its address, which a client that has
  /// gone no longer tells.
  Pipe(PipeHost& host, Transport client, const asio::ip::tcp::endpoint& from);

  void connect(const Upstream& upstream);
  /// The host is no longer paused.
  void resume();
  /// At once. `how` is what the reader is told; Close::reset is an RST for both sides too.
  void close(Close how);
  State state() const { return state_; }

 private:
  using Clock = std::chrono::steady_clock;
  using ErrorCode = std::error_code;

  /// What comes from one side, on its way to the other.
  struct Flow {
    std::string waiting;       // read, not yet written
    std::uint64_t passed = 0;  // bytes that the reader has seen
    bool ended = false;        // nothing more comes: FIN, or the side is gone
    bool finished = false;     // … and the other side has all of it, and the FIN
    bool reading = false;      // a wait is under way
    bool writing = false;
    bool held = false;  // would read, were it not paused
  };

  Flow& flow(Side side) { return flows_[index(side)]; }
  Transport& end(Side side) { return ends_[index(side)]; }
  asio::ip::tcp::socket& socket(Side side) { return end(side).socket(); }

  void connect_upstream();
  void connected(const asio::ip::tcp::endpoint& there);
  void shake_hands(const asio::ip::tcp::endpoint& there);
  void opened(const asio::ip::tcp::endpoint& there);
  void deliver_early();
  bool connected_to_itself();
  void refuse(const std::string& why);
  void answer_refused();

  void read_when_ready(Side side);
  void read(Side side);
  void take(Side side, std::string_view bytes);
  void pass(Side side, std::string_view bytes);
  void show(Side side, std::string_view bytes);
  void on_end(Side side);

  void write_when_ready(Side side);
  void write_waiting(Side side);
  void written_all(Side side);

  void on_reset(Side side);
  void on_gone(Side side);
  void close_when_heard();
  bool heard();

  /// Calls `then` after that time, unless the pipe sets or stops its timer before.
  void after(std::chrono::nanoseconds time, void (Pipe::*then)());
  void stop_timer();
  void tell_ended(Close how);
  void give_up_connecting();
  void give_up_client();

  PipeHost& host_;
  asio::steady_timer timer_;
  std::uint64_t timers_ = 0;              // set or stopped so far
  std::array<Transport, 2> ends_;         // a: the client
  std::shared_ptr<Handshake> handshake_;  // has the upstream's end meanwhile
  std::array<Flow, 2> flows_;             // a: from the client
  ConnectionInfo connection_;             // a: the client
  Time began_;
  std::optional<Side> first_end_;
  Upstream upstream_;
  std::unique_ptr<StreamReader> reader_;  // while open or closing
  State state_ = State::connecting;
  bool reset_early_ = false;                 // the client, while connecting
  std::size_t refused_bytes_ = 0;            // while refusing
  std::string refused_why_;                  // while refusing
  Side gone_ = Side::a;                      // while closing
  Clock::time_point last_progress_;          // while closing
  std::chrono::milliseconds look_again_{1};  // while closing
};

/// As it stands in captures.
Endpoint to_endpoint(const asio::ip::tcp::endpoint& endpoint);
/// Of a message that is seen now.
Time wall_time();

}  // namespace compactor::capture
