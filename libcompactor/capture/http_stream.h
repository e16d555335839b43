// One direction of a connection, with its holes -> HTTP messages. Behind a hole, or on a stream met
// in the middle, it goes on at the next plausible head and says how many bytes it passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "capture/reassembly.h"
#include "wire/parser.h"

namespace compactor::capture {

/// Where a complete HTTP message stood.
struct Place {
  std::uint64_t begin = 0;  // offset of its first byte (Stamp::offset)
  Time begin_time;          // of its first byte
  Time end_time;            // of its last byte
  std::uint64_t acked = 0;  // how far its sender had then received the other direction
  std::uint64_t bytes = 0;  // of the stream, with blank lines before it
  bool resumed = false;  // the first after bytes that were passed over or missing, or on a stream
                         // met in the middle
};

/// A response of which only the head was read.
struct CutResponse {
  int status = 0;
  std::uint64_t begin = 0;
  Time begin_time;
};

class HttpStream;

/// What an HttpStream tells. Must not throw.
class HttpStreamEvents {
 public:
  virtual ~HttpStreamEvents() = default;
  virtual void on_request(const wire::HttpMessage& request, const Place& place) = 0;
  virtual void on_response(const wire::HttpMessage& response, const Place& place) = 0;
  /// Bytes that are in no complete message. `cut` is what could be read of a response among them,
  /// or null.
  virtual void on_passed_over(const HttpStream& stream, std::uint64_t bytes,
                              const CutResponse* cut) = 0;
  /// What a stream carries, found out from its bytes.
  virtual void on_kind(const HttpStream& stream) = 0;
  /// As wire::Sink, for the response being read.
  virtual bool answers_head() = 0;
  virtual bool wants_head() = 0;
  virtual bool on_head(const wire::HttpMessage& head, Time begin_time) = 0;
  virtual void on_body(std::string_view piece) = 0;
};

class HttpStream final : private wire::Sink {
 public:
  HttpStream(HttpStreamEvents& events, std::size_t max_body);

  /// It carries requests, or responses. `from_start`: from its first byte on.
  void set_kind(wire::Kind kind, bool from_start);
  const std::optional<wire::Kind>& kind() const { return kind_; }

  void feed(std::string_view bytes, const Stamp& stamp);
  void gap(std::uint64_t bytes);
  /// Nothing more comes. Completes a response that runs to the end.
  void finish();
  /// Gives up what is being read; goes on at the next head.
  void abandon();

  /// Bytes of the message being read that are kept in memory, at most.
  std::size_t held() const;

 private:
  bool on_message(const wire::HttpMessage& message) override;
  bool answers_head() override { return events_.answers_head(); }
  bool wants_head() override { return events_.wants_head(); }
  bool on_head(const wire::HttpMessage& head) override;
  void on_body(std::string_view piece) override { events_.on_body(piece); }

  std::string_view seek(std::string_view bytes);
  std::size_t find(std::string_view bytes, bool& found);
  std::string_view read(std::string_view bytes);
  std::string_view resume(std::string_view bytes);
  void start_parser(std::uint64_t at);
  void drop_parser(std::uint64_t to);
  void pass_over(std::uint64_t to, const CutResponse* cut = nullptr);
  Time begin_time(std::uint64_t begin) const;

  HttpStreamEvents& events_;
  std::size_t max_body_;
  std::optional<wire::Kind> kind_;
  std::optional<wire::Parser> parser_;  // none while the next head is sought
  std::string undecided_;               // then: bytes that may be the beginning of it
  std::uint64_t base_ = 0;              // offset of the parser's first byte
  std::uint64_t accounted_ = 0;         // every byte before this one has been told
  std::uint64_t position_ = 0;          // the first byte not yet fed
  bool positioned_ = false;
  bool resumed_ = true;
  bool streaming_ = false;  // the body being read is handed on in pieces
  Stamp now_{};             // of the bytes being fed
  Time begin_time_{};       // of the message being read, if it began before them
};

}  // namespace compactor::capture
