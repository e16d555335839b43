// What a run tells: the same typed events for the text and the JSON output. Views are valid during
// the call only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/failure.h"
#include "http/introspection.h"
#include "output/latency.h"
#include "trace/stories.h"

namespace tool {

using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

inline WallTime now() {
  return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
}

struct ServingEvent {
  std::string_view pid{};
};

struct MessageEvent {
  WallTime time{};
  std::string_view from{};  // the sender's header as it came
  std::string_view to{};    // decoded id@address
  std::string_view name{};
  std::string_view body{};
  std::optional<std::uint64_t> number{};  // for --exec
};

struct DeliveryEvent {
  std::string_view to{};
  std::string_view name{};
  std::size_t size = 0;
  int status = 0;  // 0: none came
  std::string_view outcome{};
  std::chrono::nanoseconds ack{0};
  std::string_view reason{};
  std::optional<std::uint64_t> line{};  // of --batch, from 1
};

struct ProbeEvent {
  WallTime time = now();  // of its end
  std::uint64_t seq = 0;
  std::string_view target{};
  std::optional<std::chrono::nanoseconds> connect{};
  std::optional<std::chrono::nanoseconds> tls{};  // its handshake
  std::optional<std::chrono::nanoseconds> ack{};
  std::optional<std::chrono::nanoseconds> reply{};
  int status = 0;
  std::string_view outcome{};
  std::string_view reason{};
  bool late = false;
};

struct LinkedEvent {
  std::string_view pid{};
  WallTime time = now();
};

struct ExitedEvent {
  std::string_view pid{};
  std::string_view reason{};
  WallTime time = now();
};

/// A message that sniff saw.
struct SeenMessageEvent {
  WallTime time{};
  std::string_view from{};
  std::string_view to{};
  std::string_view name{};
  std::string_view kind{};  // SUBSCRIBE …, where it was needed
  std::string_view body{};
  std::size_t size = 0;
  std::string_view source{};
  std::string_view destination{};
  std::optional<int> status{};
  std::optional<std::chrono::nanoseconds> latency{};
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
  bool partial = false;
  bool uncertain = false;         // no status because it cannot be told which answer is its own
  std::string_view unanswered{};  // which side ended the connection before, as in sender_closed
  bool wrong_sender = false;      // `from` names another address than that it comes from
  std::string_view trouble{};     // why the body is not as it was delivered
};

struct SeenAnswerEvent {
  WallTime time{};
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
  int status = 0;
  std::chrono::nanoseconds latency{0};
};

struct GapEvent {
  WallTime time{};
  std::uint64_t connection = 0;
  std::string_view direction{};  // request, response or unknown
  std::string_view source{};
  std::string_view destination{};
  std::uint64_t bytes = 0;
};

/// A connection that sniff saw opened, or end.
struct ConnectionEvent {
  WallTime time{};
  std::uint64_t connection = 0;
  std::string_view state{};  // opened, closed, reset, refused …
  std::string_view source{};
  std::string_view destination{};
  std::string_view by{};  // which of the two ended it
  // Of one that has ended.
  std::optional<std::chrono::nanoseconds> duration{};
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  bool midstream = false;   // it was open when the capture began
  std::string_view from{};  // the sender of its first message
  bool wrong_sender = false;
  std::string_view tls{};  // the version, when it speaks TLS and that is known
};

/// A connection that speaks TLS.
struct TlsEvent {
  WallTime time{};
  std::uint64_t connection = 0;
  std::string_view source{};       // the client
  std::string_view destination{};  // the server
  std::string_view version{};
  std::string_view server_name{};
  std::string_view cipher{};
  std::uint64_t bytes = 0;
  std::optional<bool> opened{};  // nothing: there are no keys
  std::string_view reason{};     // why it, or some of it, could not be
};

/// Who is at the other end of the HTTP API, as far as it is known.
struct HttpClient {
  std::string_view name{};  // User-Agent, or address:port
  std::string_view framework_id{};
  std::string_view executor_id{};
  std::string_view stream_id{};  // Mesos-Stream-Id
};

/// A plain request that sniff saw.
struct SeenHttpEvent {
  WallTime time{};
  std::string_view source{};
  std::string_view destination{};
  std::string_view method{};
  std::string_view url{};
  std::string_view call{};  // of the v1 API, as in SUBSCRIBE
  HttpClient client{};
  std::string_view request_type{};     // Content-Type
  std::string_view request_message{};  // name of the message type of its body
  std::string_view request_body{};     // empty where it is of no interest
  bool request_cut = false;            // … and only the beginning of it
  std::optional<int> status{};
  bool uncertain = false;         // as of a message
  std::string_view unanswered{};  // as of a message
  std::optional<std::chrono::nanoseconds> latency{};
  std::size_t request_size = 0;
  std::optional<std::uint64_t> response_size{};  // none while it is a stream that goes on
  std::string_view response_type{};
  std::string_view response_message{};  // name of the message type of its body
  std::string_view response_body{};
  bool response_cut = false;  // that is only the beginning of it
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
};

/// One event of a stream of /api/v1.
struct HttpStreamEvent {
  WallTime time{};
  std::string_view source{};
  std::string_view destination{};
  std::string_view url{};
  std::string_view kind{};  // which event, as in OFFERS
  HttpClient client{};
  std::string_view content_type{};  // of the stream
  std::string_view name{};          // of the message type that the bytes are of
  std::string_view body{};
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
  std::uint64_t number = 0;
  bool partial = false;  // others may have been lost before it
};

/// One row of --stats.
struct StatisticsRow {
  std::string_view table{};   // all, name, pair, endpoint
  std::string_view first{};   // the name, the sender, or method and path
  std::string_view second{};  // the receiver, or the client
  std::string_view kind{};    // of an endpoint: which call or event
  bool event = false;         // … and that it is an event
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t smallest = 0;
  std::uint64_t largest = 0;
  double per_second = 0;
  const std::map<int, std::uint64_t>* outcomes = nullptr;  // by status; 0: never answered
  const Latency* latency = nullptr;
  bool heading = false;  // the first row of its table
};

/// What became of every packet and byte.
/// A capture file, at the end.
struct CaptureFileEvent {
  std::string_view file;
  std::uint64_t packets = 0;
  std::optional<WallTime> first{};
  std::optional<WallTime> last{};
  std::optional<std::chrono::nanoseconds> clock_offset{};  // ahead of the first file
};

struct SniffSummary {
  std::uint64_t packets = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t connections = 0;
  std::uint64_t messages = 0;
  std::uint64_t http = 0;
  std::uint64_t gaps = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t passed_over_bytes = 0;
  std::uint64_t undecodable = 0;
  std::uint64_t evicted = 0;
  std::uint64_t shown = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t uncertain = 0;
  std::uint64_t stream_bytes = 0;
  std::uint64_t message_bytes = 0;
  std::uint64_t http_bytes = 0;
  std::uint64_t midstream = 0;
  std::uint64_t retransmitted = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t out_of_window = 0;
  std::uint64_t overlapping = 0;
  std::uint64_t resets = 0;
  std::uint64_t reused = 0;
  std::uint64_t cut = 0;
  std::uint64_t fragments = 0;
  std::uint64_t malformed = 0;
  std::uint64_t not_tcp = 0;
  std::vector<std::pair<std::string_view, std::uint64_t>> other_packets{};  // of these, by kind
  std::uint64_t abandoned = 0;
  std::uint64_t refused = 0;
  std::uint64_t duplicate_packets = 0;  // in another of several files
  std::uint64_t tls = 0;                // connections that speak TLS
  std::uint64_t tls_bytes = 0;          // of them, but for the text that was opened
  bool truncated = false;               // the file ends in the middle of a packet
  std::optional<WallTime> last{};       // of the last packet; not printed
};

// What inspect tells. Everything of one round has the same time.

struct MasterEvent {
  WallTime time{};
  const compactor::http::MasterState* state = nullptr;
};

struct AgentEvent {
  WallTime time{};
  const compactor::http::AgentState* state = nullptr;
};

struct ProcessEvent {
  WallTime time{};
  std::string_view id{};
  std::size_t queued = 0;
};

struct QueuedEvent {
  WallTime time{};
  std::string_view process{};
  std::size_t position = 0;  // from 1, the oldest
  const compactor::http::QueuedEvent* event = nullptr;
};

struct EndpointEvent {
  WallTime time{};
  const compactor::http::Endpoint* endpoint = nullptr;
};

struct MetricEvent {
  WallTime time{};
  const compactor::http::Metric* metric = nullptr;
};

/// A heading, for people only.
struct SectionEvent {
  std::string_view title{};
  std::optional<WallTime> time{};  // of the round, where there are several
};

struct InspectSummary {
  std::uint64_t rounds = 0;
  std::uint64_t processes = 0;  // of the last round, as all that follows
  std::uint64_t queued = 0;
  std::map<std::string, std::uint64_t, std::less<>> by_name{};  // what is queued
  bool told_processes = false;  // else there is nothing to sum up for people
};

struct ServeSummary {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t, std::less<>> by_name{};
  std::uint64_t rejected = 0;         // came and was not delivered, for whatever reason
  std::uint64_t no_such_process = 0;  // of these: messages to an id that is not here (404)
  std::uint64_t replies_failed = 0;
  double duration_s = 0;
};

struct SendSummary {
  std::uint64_t sent = 0;  // handed to the connection
  std::uint64_t accepted = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t ignored = 0;  // lines of another type
  std::uint64_t skipped = 0;  // partial ones
  std::uint64_t bytes = 0;    // bodies of those accepted
  double duration_s = 0;
  const Latency* ack = nullptr;
};

struct PingSummary {
  std::string_view target{};
  std::string_view mode{};  // as of --mode; auto: it never got an answer to decide by
  bool fell_back = false;   // auto took acks for answers, as no reply came
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  double loss_pct = 0;
  double duration_s = 0;
  const Latency* connect = nullptr;
  const Latency* tls = nullptr;  // handshakes
  const Latency* ack = nullptr;
  const Latency* reply = nullptr;
};

struct LinkSummary {
  std::uint64_t linked = 0;
  std::uint64_t exited = 0;
  std::uint64_t gone = 0;
  std::uint64_t reconnects = 0;
};

/// The conversations of one kind, for people: programs have each of them.
struct ConversationsRow {
  std::string_view kind{};
  std::uint64_t count = 0;
  std::uint64_t answered = 0;
  std::uint64_t open = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t refused = 0;
  std::uint64_t resent = 0;  // of all of them, those that were sent more than once
  const Latency* latency = nullptr;
  bool heading = false;  // the first row
};

struct TraceSummary {
  std::uint64_t packets = 0;
  std::uint64_t messages = 0;     // that the stories are of
  std::uint64_t undecodable = 0;  // of all messages those whose body could not be read
  std::uint64_t conversations = 0;
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t errors = 0;  // findings
  std::uint64_t warnings = 0;
  std::uint64_t infos = 0;
  std::uint64_t forgotten = 0;  // for want of room
  std::uint64_t gap_bytes = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t tls = 0;  // as of sniff
  std::uint64_t tls_bytes = 0;
};

}  // namespace tool
