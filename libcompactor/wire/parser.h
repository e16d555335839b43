// Bytes -> HTTP messages. No sockets, no clocks, no threads: a server's connection, a client's
// connection and a reassembled flow of a capture feed the same parser. RFC 9112 as http_parser
// (libprocess' own parser) reads it.
#pragma once

#include <http_parser.h>

#include <cstddef>
#include <cstdint>
#include <memory>
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
  std::string_view body;  // de-chunked, not decompressed; up to the first byte that is missing
  std::uint64_t body_size = 0;  // of the whole body, as far as its length is known
  bool partial = false;     // some of the body was not read or not kept: see Parser::skip and cut
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
  /// Returning false stops the parser: nothing more of the bytes being fed is read, and later feeds
  /// do nothing. Must not destroy the parser nor feed it.
  virtual bool on_message(const HttpMessage& message) = 0;
  /// Asked when the head of a response is complete: true if it answers a HEAD request and so has no
  /// body. Must not throw: it is called from inside http_parser.
  virtual bool answers_head() { return false; }

  /// A response whose body is too long to be collected, or never ends, can be had as it comes.
  /// Asked when the head of a response is complete: true if on_head is to be called.
  virtual bool wants_head() { return false; }
  /// `head` has all but body and end. True: the body goes to on_body in pieces, of any size in all,
  /// and on_message has an empty one. Must not throw, as on_body must not.
  virtual bool on_head(const HttpMessage& /*head*/) { return false; }
  virtual void on_body(std::string_view /*piece*/) {}
  /// So many bytes of that body are missing here.
  virtual void on_missing(std::uint64_t /*bytes*/) {}
  /// A chunk of that body begins, of so many bytes; 0: the last one.
  virtual void on_chunk(std::uint64_t /*size*/) {}
};

enum class Kind { request, response };

/// What to do with a body over the limit.
enum class Oversize {
  refuse,  // the stream is broken: what a server does
  drop,    // the body is read and not kept: what an onlooker does
};

/// Incremental, any split of the bytes, pipelined. A message that comes in one piece and has its
/// body in one chunk is handed out as views into the fed bytes; only what straddles two feeds, or
/// many chunks, is copied. Between messages it holds no buffer. Trailers are read and ignored, a
/// request to upgrade is a plain request. Not accepted although http_parser as Debian builds it
/// does: a blank in a header's name, a version that is not HTTP, a status under 100, a bad escape
/// in a query (on which libprocess closes the connection).
///
/// A message after which the connection closes (HttpMessage::keep_alive is false: `Connection:
/// close`, HTTP/1.0 without keep-alive, a 101 response) ends the stream without being an error, as
/// in libprocess: bytes behind it are not read, feed() says false, ended() is true and broken() is
/// not.
class Parser {
 public:
  explicit Parser(Kind kind, std::size_t max_body = std::size_t{64} << 20,
                  Oversize oversize = Oversize::refuse);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Reads bytes, calling the sink for every message completed by them. False when the stream is
  /// broken (the reason is in error()), has ended() or the sink stopped it; then nothing more will
  /// be read from it.
  bool feed(std::string_view bytes, Sink& sink);

  /// To be called from inside Sink::on_message: the feed() under way returns after this message,
  /// with true; what was fed of it is then read up to offset(), and the rest is to be fed again.
  void pause() { paused_ = true; }

  /// The stream has ended. Completes a response whose body runs to the end; false when it ended
  /// inside a message.
  bool finish(Sink& sink);

  /// How many of the next bytes certainly belong to the body being read, whatever they are.
  std::uint64_t body_left() const { return in_message_ && head_complete_ ? body_left_ : 0; }
  /// The body being read ends with the stream.
  bool runs_to_end() const;
  /// The next bytes are missing from the stream. They must be no more than body_left(); the message
  /// is handed out at its end like any other, its body only up to here. Returns as feed() does.
  bool skip(std::uint64_t bytes, Sink& sink);
  /// The rest of the message being read is missing: hands out what there is of it, if its head is
  /// complete. Nothing more can be fed afterwards. False when there was nothing to hand out.
  bool cut(Sink& sink);
  /// To be called between messages: the next bytes are chunks of a response whose head was not
  /// seen. The body goes to Sink::on_body; Sink::on_message is told a response without headers.
  void join_chunks();
  /// Keeps no more bytes of the body being read, and frees those that were kept.
  void drop_body();

  bool broken() const { return !error_.empty(); }
  /// The last message said that the connection closes behind it.
  bool ended() const { return ended_; }
  /// In words, for people: "invalid Content-Length", "head over 80 KiB", "body over 67108864 bytes"
  /// …
  const std::string& error() const { return error_; }
  /// It is broken because a client begins as one of TLS.
  bool met_tls() const { return met_tls_; }
  /// No byte of a message not yet complete has been read.
  bool between_messages() const { return !in_message_; }
  /// Bytes fed so far, whether or not they were accepted; after pause(), those read.
  std::uint64_t offset() const { return offset_; }
  /// Where the message that is being read began; offset() between messages.
  std::uint64_t message_begin() const { return in_message_ ? begin_ : offset_; }
  /// What is kept of the message that is being read: its bytes, and where its header fields are,
  /// which for many tiny ones is several times their bytes. The room to grow, at most as much again
  /// and not touched yet, does not count.
  std::size_t memory() const;
  /// The head of the message being read is complete, its body is not.
  bool in_body() const { return in_message_ && head_complete_; }
  /// Chunk headers read of the message being read.
  std::uint32_t chunks() const { return chunks_; }

 private:
  struct Callbacks;
  struct Feed;

  /// Part of the head. Relative to the first byte of the message, so that it holds wherever the
  /// head is kept.
  struct Extent {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t end() const { return begin + size; }
    std::string_view in(std::string_view head) const { return {head.data() + begin, size}; }
  };
  struct Field {
    Extent name;
    Extent value;
  };
  /// What had to be copied of a message that did not come in one piece.
  struct Spill {
    std::string head;  // the first bytes of the stream from begin_ on, without a gap
    std::string body;
  };
  enum class Part : std::uint8_t { none, name, value };

  /// Behind the target, for blanks and the version, which are no extents but are looked at.
  static constexpr std::uint32_t kVersionRoom = 64;

  void begin_message(std::uint64_t at);
  void keep(const Feed& feed);
  void keep_head(Spill& kept, const Feed& feed, std::uint64_t size) const;
  Spill& spill();
  bool hand_out(Feed& feed, std::uint64_t end, bool cut = false);
  bool read_head(HttpMessage& message, std::string_view head, std::string& unfolded);
  bool offer_head(Feed& feed);
  void unfold(std::string& head);
  bool fail();

  http_parser parser_{};
  std::size_t max_body_;
  std::uint64_t offset_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t body_size_ = 0;      // of the message being read, so far
  std::uint64_t expected_body_ = 0;  // what its length, or the chunks so far, announced
  std::uint64_t body_left_ = 0;      // of the body, or of the chunk, still to come
  std::unique_ptr<Spill> spill_;
  std::vector<Field> fields_;
  std::vector<Header> headers_;  // made from fields_ for the time of on_message
  std::string error_;
  bool met_tls_ = false;
  Extent target_;
  Extent reason_;
  std::uint32_t head_size_ = 0;  // a bound of what the extents, and the version, need of the head
  std::uint32_t chunks_ = 0;
  Part last_ = Part::none;
  Oversize oversize_;
  bool keeping_ = true;  // the body is kept; not any more after a hole in it
  bool in_message_ = false;
  bool head_complete_ = false;
  bool folded_ = false;  // some header runs over several lines
  bool blank_in_name_ = false;
  bool streaming_ = false;  // the body goes to Sink::on_body
  bool joined_ = false;     // by join_chunks()
  bool keep_alive_ = true;
  bool stopped_ = false;
  bool ended_ = false;
  bool paused_ = false;
};

}  // namespace compactor::wire
