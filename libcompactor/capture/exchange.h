// The two byte streams of a connection -> what was said on it: libprocess messages, each with what
// became of it, and plain HTTP. It reads with the parser that a server reads with, so what is
// called a message here is what a server would have accepted. No packets, no clock of its own; a
// capture and a proxy feed it alike.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/holdings.h"
#include "capture/pace.h"
#include "capture/reassembly.h"

namespace compactor::decrypt {
class Keys;
}

namespace compactor::capture {

/// Why a request has no answer, and will get none: which side ended the connection before. The
/// sender is who sent the request.
enum class Unanswered : std::uint8_t {
  unknown,  // it may yet get one, or it is not known
  sender_closed,
  sender_reset,
  receiver_closed,
  receiver_reset,
};

/// A request of either kind, as it is told. All views are valid only during the call.
struct Seen {
  Time time;  // of its first byte
  const ConnectionInfo& connection;
  Side client;                // the side that sent it
  std::uint64_t seq = 0;      // of the request in its connection, from 1
  bool partial = false;       // some of it is missing, or it is the first after a hole or on a
                              // connection met in the middle
  std::optional<int> status;  // of the answer, if there was one
  std::optional<std::chrono::nanoseconds> latency;  // last request byte to first response byte
  bool uncertain = false;  // there is no status because it cannot be told which answer is its own
  Unanswered unanswered = Unanswered::unknown;

  const Endpoint& source() const { return connection.endpoint(client); }
  const Endpoint& destination() const { return connection.endpoint(other(client)); }
};

struct SeenMessage : Seen {
  std::string_view from;  // the sender's header, trimmed
  std::string_view id;    // decoded; as it came when it cannot be
  std::string_view name;
  std::string_view body;      // as delivered; empty when bodies are not kept; up to the first byte
                              // that is missing
  std::size_t size = 0;       // of the whole body, also when some of it is missing
  std::string_view trouble;   // why the body could not be decompressed: then it is as it came
  bool wrong_sender = false;  // `from` names another address than that the connection comes from
};

/// What is kept of the headers of a plain request.
struct HttpHeaders {
  std::string_view user_agent{};
  std::string_view stream_id{};  // Mesos-Stream-Id
  std::string_view type{};       // Content-Type
};

struct SeenHttp : Seen {
  std::string_view method{};
  std::string_view url{};
  HttpHeaders headers{};
  std::size_t request_size = 0;                  // of the body, decompressed
  std::optional<std::uint64_t> response_size{};  // nothing while it is a stream that goes on
  std::string_view request_body{};               // the first bytes of it
  std::string_view response_body{};
  std::string_view response_type{};       // Content-Type
  std::string_view response_stream_id{};  // Mesos-Stream-Id
  bool request_cut = false;               // request_body is not all of it
  bool response_cut = false;
};

/// One event of a RecordIO stream, whole; `partial` when others may have been lost before it.
struct SeenRecord : Seen {
  std::string_view url{};        // empty, as seq is 0, when the request is not known
  HttpHeaders headers{};         // of the request that asked for the stream
  std::string_view type{};       // Content-Type of the stream
  std::string_view stream_id{};  // Mesos-Stream-Id
  std::uint64_t number = 0;      // of those told of that stream
  std::string_view record{};
};

/// The answer to a request that has been told without one.
struct SeenAnswer {
  Time time;
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
  int status = 0;
  std::chrono::nanoseconds latency{0};
};

struct SeenGap {
  Time time;
  const ConnectionInfo& connection;
  Side sender;
  std::uint64_t bytes = 0;
};

/// A connection that speaks TLS.
struct SeenTls {
  Time time;  // of the last byte seen of it
  const ConnectionInfo& connection;
  Side client;
  std::string_view version{};      // TLSv1.2; empty when it is not known
  std::string_view server_name{};  // as the client says it; empty when it does not
  std::string_view cipher{};       // empty when it is not known
  std::uint64_t bytes = 0;         // of both streams, so far
  // Where there are keys.
  std::optional<bool> opened{};  // it could be read
  std::string_view reason{};     // why it, or some of it, could not
};

class ExchangeEvents {
 public:
  virtual ~ExchangeEvents() = default;
  /// Whether this message is of interest; one that is not is never told, but counted.
  virtual bool wants(std::string_view /*from*/, std::string_view /*id*/, const Endpoint& /*to*/,
                     std::string_view /*name*/) {
    return true;
  }
  /// One that has no status may still be answered: returns whether that is to be told.
  virtual bool on_message(const SeenMessage& message) = 0;
  /// To a message, or to a plain request, that was told without its answer.
  virtual void on_answer(const SeenAnswer& answer) = 0;
  virtual void on_gap(const SeenGap& gap) = 0;
  /// Returns as on_message does.
  virtual bool on_http(const SeenHttp& /*http*/) { return true; }
  virtual void on_record(const SeenRecord& /*record*/) {}
  /// It is opened, or has ended.
  virtual void on_connection(const ConnectionReport& /*report*/) {}
  /// What this side has sent first is TLS.
  virtual void on_tls_begin(const ConnectionInfo& /*connection*/, Side /*sender*/) {}
  /// Once for each connection that speaks TLS.
  virtual void on_tls(const SeenTls& /*tls*/) {}
};

struct ExchangeOptions {
  bool bodies = true;  // keep the bodies of messages
  bool http = false;   // tell plain HTTP
  std::chrono::nanoseconds answer_wait = std::chrono::seconds{2};
  // A connection that speaks TLS is told when it ends, or when it is so old.
  std::optional<std::chrono::nanoseconds> tls_wait{};
  const decrypt::Keys* keys = nullptr;  // that open TLS; null: it stays closed
  std::size_t max_body = std::size_t{64} << 20;
  std::size_t http_body = std::size_t{64} << 10;  // bytes kept of a plain body
  std::size_t unanswered = 1'000'000;  // requests that wait for their answer, of all connections
  std::size_t unanswered_bytes = std::size_t{24} << 20;  // … and their bytes
  std::size_t answers = 100'000;  // answers that wait for their request, of all connections
  // Of messages being read, of all connections; the body of one that stalls is given up first.
  std::size_t unfinished_bytes = std::size_t{128} << 20;
};

/// Every byte of every stream is in exactly one of the classes.
struct ExchangeLedger {
  std::uint64_t messages = 0;
  std::uint64_t http = 0;
  std::uint64_t message_bytes = 0;      // messages and their answers
  std::uint64_t http_bytes = 0;         // other requests and responses
  std::uint64_t passed_over_bytes = 0;  // neither: not HTTP, or cut off by a hole or the end
  // Of connections that speak TLS. Of one that is opened the text inside is in the three classes
  // above, and here is the rest: handshake, headers, padding, and what could not be opened.
  std::uint64_t tls_bytes = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t gaps = 0;
  std::uint64_t unanswered = 0;   // messages that never got an answer
  std::uint64_t uncertain = 0;    // messages of which it cannot be told whether, and how, they were
                                  // answered: after a hole, or for want of room
  std::uint64_t undecodable = 0;  // messages whose body could not be decompressed
  std::uint64_t abandoned = 0;    // bodies not kept for want of room
  std::uint64_t tls = 0;          // connections that speak TLS, opened or not

  std::uint64_t stream_bytes() const {
    return message_bytes + http_bytes + passed_over_bytes + tls_bytes + gap_bytes;
  }
};

class Exchange;

/// Makes the readers of connections and holds what they share. Outlives them.
class ExchangeTracker {
 public:
  ExchangeTracker(ExchangeEvents& events, const ExchangeOptions& options);
  ~ExchangeTracker();
  ExchangeTracker(const ExchangeTracker&) = delete;
  ExchangeTracker& operator=(const ExchangeTracker&) = delete;

  std::unique_ptr<StreamReader> open(const ConnectionInfo& connection);
  /// Tells the messages that have waited for their answer long enough.
  void on_time(Time now);
  /// When the first message began that has not been told: none when all have been.
  std::optional<Time> first_untold() const;
  const ExchangeLedger& ledger() const { return ledger_; }

 private:
  friend class Exchange;

  struct Reader {
    Exchange* exchange;
    Side side;
  };
  using Unfinished = Holdings<Reader>;

  ExchangeEvents& events_;
  ExchangeOptions options_;
  ExchangeLedger ledger_;
  std::map<std::uint64_t, Exchange*> waiting_;  // for time to pass, by connection number
  std::vector<std::string> spare_;              // buffers to use again
  std::size_t requests_ = 0;                    // that wait for their answer
  std::size_t held_ = 0;                        // … and their bytes
  std::size_t answers_ = 0;                     // that wait for their request
  Unfinished unfinished_;                       // bytes of messages being read
  Pace pace_{};
};

}  // namespace compactor::capture
