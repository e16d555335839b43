// Bytes -> HTTP messages. No sockets, no clocks, no threads: a server's connection, a client's connection and a
// reassembled flow of a capture feed the same parser. RFC 9112 as http_parser (libprocess' own parser) reads it.
#pragma once

#include <http_parser.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace compactor::wire {

struct Header {
  std::string_view name;
  std::string_view value;  // without blanks around it
};

/// One complete request or response. All views are valid only during Sink::on_message.
struct HttpMessage {
  std::string_view method;  // requests; empty for a response
  std::string_view target;  // requests: as it stands in the request line
  int status = 0;           // responses; 0 for a request
  std::string_view reason;  // responses: the reason phrase
  int major = 1;
  int minor = 1;
  const std::vector<Header>* headers = nullptr;
  std::string_view body;    // de-chunked, not decompressed
  bool keep_alive = true;   // the connection may carry another message after this one
  std::uint64_t begin = 0;  // offset in the stream of the first byte of this message …
  std::uint64_t end = 0;    // … and of the first byte behind it

  bool is_request() const { return status == 0; }
  /// The first header of that name (any case); null when there is none.
  const std::string_view* header(std::string_view name) const;
};

/// What a parser feeds.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Returning false stops the parser: nothing more of the bytes being fed is read, and later feeds do nothing.
  virtual bool on_message(const HttpMessage& message) = 0;
  /// Asked when the head of a response is complete: true if it answers a HEAD request and so has no body.
  virtual bool answers_head() { return false; }
};

enum class Kind { request, response };

/// Incremental, any split of the bytes, pipelined. A message that comes in one piece and has its body in one
/// chunk is handed out as views into the fed bytes; only what straddles two feeds, or many chunks, is copied.
/// Between messages it holds no buffer.
class Parser {
 public:
  explicit Parser(Kind kind, std::size_t max_body = std::size_t{64} << 20);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Reads bytes, calling the sink for every message completed by them. False when the stream is broken (the
  /// reason is in error()) or the sink stopped it; then the connection is of no further use.
  bool feed(std::string_view bytes, Sink& sink);

  /// The stream has ended. Completes a response whose body runs to the end; false when it ended inside a message.
  bool finish(Sink& sink);

  bool broken() const { return !error_.empty(); }
  /// In words, for people: "invalid Content-Length", "head over 80 KiB", "body over 67108864 bytes" …
  const std::string& error() const { return error_; }
  /// No byte of a message not yet complete has been read.
  bool between_messages() const;
  /// Bytes fed so far, whether or not they were accepted.
  std::uint64_t offset() const { return offset_; }
  /// Where the message that is being read began.
  std::uint64_t message_begin() const;
  /// The status of a response whose head is complete but whose body is not; 0 otherwise.
  int pending_status() const;

 private:
  struct Callbacks;
  friend struct Callbacks;
  // Private representation is the implementation's affair.
};

}  // namespace compactor::wire
