// One direction of a connection, with its holes -> HTTP messages. What is known of the framing is
// never left: a hole inside a body costs bytes of that body, and nothing else. After any other
// hole, or on a stream met in the middle, the next message is sought, or the rest of a stream of
// events, and it is said how many bytes were passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "capture/chunk_seeker.h"
#include "capture/reassembly.h"
#include "capture/seeker.h"
#include "wire/parser.h"

namespace compactor::capture {

/// Where an HTTP message stood.
struct Place {
  std::uint64_t begin = 0;     // offset of its first byte (Stamp::offset) …
  std::uint64_t end = 0;       // … and of the first byte after it, or after what there is of it
  Time begin_time;             // of its first byte
  Time end_time;               // of its last byte
  std::uint64_t received = 0;  // how far its sender had then received the other direction
  std::uint64_t bytes = 0;     // of the stream, with blank lines before it, without its holes
  std::uint64_t unseen = 0;    // bytes before it that are in no message seen
  bool follows_cut = false;    // … and may be the rest of one that was
  bool cut = false;            // the rest of it is missing, and where it ends is not known
  bool resumed = false;  // the first after bytes that may hold others, or on a stream met in the
                         // middle
};

class HttpStream;

/// What an HttpStream tells. Must not throw.
class HttpStreamEvents {
 public:
  virtual ~HttpStreamEvents() = default;
  virtual void on_request(const wire::HttpMessage& request, const Place& place) = 0;
  virtual void on_response(const wire::HttpMessage& response, const Place& place) = 0;
  /// Bytes that are in no message.
  virtual void on_passed_over(std::uint64_t bytes) = 0;
  /// What a stream carries, found out from its bytes.
  virtual void on_kind(const HttpStream& stream, wire::Kind kind) = 0;
  /// As wire::Sink, for the response being read.
  virtual bool answers_head() = 0;
  virtual bool wants_head() = 0;
  virtual bool on_head(const wire::HttpMessage& head, Time begin_time) = 0;
  virtual void on_body(std::string_view piece, Time time) = 0;
  virtual void on_missing(std::uint64_t bytes) = 0;
  virtual void on_chunk(std::uint64_t size) = 0;
  /// What follows is the rest of a response, chunks of whole records: of one that a hole has cut,
  /// or whose head was not seen.
  virtual void on_join(const HttpStream& stream) = 0;
  /// It has ended, or is cut once more; so many bytes of it were seen.
  virtual void on_rest(std::uint64_t bytes, bool cut) = 0;
};

class HttpStream final : private wire::Sink {
 public:
  HttpStream(HttpStreamEvents& events, std::size_t max_body);

  /// Carries requests, or responses, from its first byte on.
  void start(wire::Kind kind);
  /// Carries that; met in the middle.
  void set_kind(wire::Kind kind);

  void feed(std::string_view bytes, const Stamp& stamp);
  void gap(std::uint64_t bytes);
  /// Nothing more comes, and its sender said so, or not. Hands out what there is of a message that
  /// is not complete.
  void finish(bool said);
  /// What follows cannot be known, not even how much it is. Nothing is fed any more.
  void cut_off();
  /// Frees what is held of the body being read; the message is told without it. Where that frees
  /// nothing, the rest of the message is given up too.
  void drop_body();

  /// The other side has received everything up to `acked` and spoken, or nothing has come for a
  /// while: what could be a message, and is followed by nothing, is one.
  void settle(std::uint64_t acked);
  /// settle() would have something to do.
  bool is_waiting() const { return seeker_ && seeker_->is_waiting(); }

  /// Where the next message begins that has not been told, at the earliest; nothing when that is
  /// not known.
  std::optional<std::uint64_t> next_begin() const;
  /// It met what is no HTTP where a message should begin, or in one: what follows is not read.
  bool gave_up() const { return gave_up_; }
  /// Bytes kept in memory.
  std::size_t memory() const;

 private:
  bool on_message(const wire::HttpMessage& message) override;
  bool answers_head() override { return events_.answers_head(); }
  bool wants_head() override { return events_.wants_head(); }
  bool on_head(const wire::HttpMessage& head) override;
  void on_body(std::string_view piece) override { events_.on_body(piece, now_.time); }
  void on_missing(std::uint64_t bytes) override { events_.on_missing(bytes); }
  void on_chunk(std::uint64_t size) override { events_.on_chunk(size); }

  void place_origin(std::uint64_t offset);
  void seek(std::string_view bytes, const Stamp& stamp);
  void begin_seeking();
  void end_seeking();
  bool in_chunk() const { return chunks_ && chunks_->covers(seeker_->offset()); }
  void believe();
  void join();
  template <class Found>
  void replay(const Found& found);
  void set_kind_found(wire::Kind kind);
  void read(std::string_view bytes, const Stamp& stamp);
  void stop(std::string_view bytes);
  void end_join(std::uint64_t end);
  void start_parser(std::uint64_t at);
  void lose();
  void pass_over(std::uint64_t to);

  HttpStreamEvents& events_;
  std::size_t max_body_;
  std::optional<wire::Kind> kind_;
  // One of the two, or neither when the connection has nothing more to say in this direction.
  std::optional<wire::Parser> parser_;
  std::unique_ptr<Seeker> seeker_;
  std::unique_ptr<ChunkSeeker> chunks_;  // beside seeker_, where the rest of a response may come
  std::uint64_t base_ = 0;               // offset of the parser's first byte
  std::uint64_t accounted_ = 0;          // every byte before this one has been told
  std::uint64_t missing_ = 0;            // holes among those after it
  std::uint64_t last_end_ = 0;           // of the last message
  std::uint64_t position_ = 0;           // the first byte not yet fed
  bool gave_up_ = false;
  bool positioned_ = false;
  bool resumed_ = true;
  bool cut_ = false;        // the last message was, and where it ended is not known
  bool trusted_ = false;    // the framing is known for certain, not only likely
  bool streaming_ = false;  // the body being read is handed on in pieces
  bool joined_ = false;     // … and is the rest of a response
  bool over_ = false;       // it has been read to its end, as its sender says
  bool cutting_ = false;    // it is handed out because the rest of it is missing
  Stamp now_{};             // of the bytes being fed
  Stamp began_{};           // of the first byte of the message being read, if it began before them
};

}  // namespace compactor::capture
