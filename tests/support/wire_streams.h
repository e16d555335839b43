// Reads a stream with the parser, in any split, into values that can be compared.
#pragma once

#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/parser.h"

namespace wire_test {

using compactor::wire::HttpMessage;
using compactor::wire::Kind;
using compactor::wire::Parser;

/// A message that owns its bytes.
struct Copy {
  std::string method;
  std::string target;
  int status = 0;
  std::string reason;
  int major = 0;
  int minor = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = false;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t body_size = 0;
  bool partial = false;

  bool operator==(const Copy&) const = default;
};

inline Copy copy_of(const HttpMessage& m) {
  Copy copy{std::string(m.method),
            std::string(m.target),
            m.status,
            std::string(m.reason),
            m.major,
            m.minor,
            {},
            std::string(m.body),
            m.keep_alive,
            m.begin,
            m.end,
            m.body_size,
            m.partial};
  for (const auto& header : *m.headers) copy.headers.emplace_back(header.name, header.value);
  return copy;
}

/// Everything that a parser says of a stream.
struct Reading {
  std::vector<Copy> messages;
  std::string error;
  bool ended = false;
  bool between_messages = false;
  std::uint64_t message_begin = 0;
  bool in_body = false;
  bool finished_well = false;

  bool operator==(const Reading&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Reading& reading) {
  out << reading.messages.size() << " messages, error '" << reading.error << "', ended "
      << reading.ended << ", between " << reading.between_messages << ", begin "
      << reading.message_begin << ", in body " << reading.in_body << ", finished "
      << reading.finished_well;
  for (const Copy& m : reading.messages) {
    out << "\n  " << m.method << ' ' << m.target << ' ' << m.status << ' ' << m.begin << '-'
        << m.end << " body " << m.body.size();
  }
  return out;
}

class Collector : public compactor::wire::Sink {
 public:
  bool on_message(const HttpMessage& message) override {
    messages.push_back(copy_of(message));
    return true;
  }
  bool answers_head() override { return heads; }

  std::vector<Copy> messages;
  bool heads = false;
};

constexpr std::size_t kMaxBody = std::size_t{64} << 20;

/// `next` gives the size of each piece in turn.
template <typename Next>
Reading read_pieces(Kind kind, std::string_view bytes, Next next, std::size_t max_body = kMaxBody,
                    bool heads = false) {
  Parser parser(kind, max_body);
  Collector sink;
  sink.heads = heads;
  while (!bytes.empty()) {
    // A copy of its own, so that a view that outlives its feed is seen by the sanitizers.
    const std::string piece(bytes.substr(0, next()));
    bytes.remove_prefix(piece.size());
    if (!parser.feed(piece, sink)) break;
  }
  Reading reading;
  reading.between_messages = parser.between_messages();
  // Between messages it is offset(), which depends on how far the feeding went.
  if (!reading.between_messages) reading.message_begin = parser.message_begin();
  reading.in_body = parser.in_body();
  reading.error = parser.error();
  reading.finished_well = parser.finish(sink);
  reading.ended = parser.ended();
  reading.messages = std::move(sink.messages);
  return reading;
}

inline Reading read_whole(Kind kind, std::string_view bytes, std::size_t max_body = kMaxBody,
                          bool heads = false) {
  return read_pieces(
      kind, bytes, [&] { return bytes.size(); }, max_body, heads);
}

inline Reading read_bytewise(Kind kind, std::string_view bytes, std::size_t max_body = kMaxBody,
                             bool heads = false) {
  return read_pieces(
      kind, bytes, [] { return std::size_t{1}; }, max_body, heads);
}

/// Pieces of 1 to `largest` bytes.
inline Reading read_randomly(Kind kind, std::string_view bytes, std::size_t largest, unsigned seed,
                             std::size_t max_body = kMaxBody, bool heads = false) {
  std::mt19937 random(seed);
  const auto next = [&] { return 1 + random() % largest; };
  return read_pieces(kind, bytes, next, max_body, heads);
}

}  // namespace wire_test
