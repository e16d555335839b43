#include "wire/parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace compactor::wire {
namespace {

// A body is given its room at once up to here; beyond, a peer has to send the bytes before they
// cost memory.
constexpr std::uint64_t kTrustedBody = 256 << 10;

// The field vectors keep their capacity from message to message up to here, so that an idle parser
// stays small.
constexpr std::size_t kKeptFields = 16;

// A body that runs to the end of the stream.
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// What stands in for bytes that are missing.
constexpr std::array<char, std::size_t{16} << 10> kMissing{};

std::string describe(http_errno code, const http_parser& parser, bool head_complete) {
  switch (code) {
    case HPE_HEADER_OVERFLOW:
      return head_complete ? "chunk extension or trailers over 80 KiB" : "head over 80 KiB";
    case HPE_INVALID_CONTENT_LENGTH:
      return "invalid Content-Length";
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return "Content-Length twice, or beside Transfer-Encoding: chunked";
    case HPE_INVALID_METHOD:
      return "not an HTTP request: unknown method";
    case HPE_INVALID_CONSTANT:
      return parser.type == HTTP_REQUEST ? "request line without an HTTP version"
                                         : "not an HTTP response";
    case HPE_INVALID_HEADER_TOKEN:
      return "malformed header";
    case HPE_INVALID_CHUNK_SIZE:
      return "invalid chunk size";
    case HPE_INVALID_URL:
      return "invalid target in the request line";
    default:
      return http_errno_description(code);
  }
}

/// The content type of the record that a TLS client begins with (RFC 8446 §5.1). The first byte has
/// to do: no more of it may have come yet.
constexpr char kTlsHandshake = 0x16;

bool has_no_body(unsigned status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

template <typename T>
void clear_for_idle(std::vector<T>& items) {
  if (items.capacity() > kKeptFields) {
    std::vector<T>().swap(items);
  } else {
    items.clear();
  }
}

}  // namespace

/// The bytes being fed, and what of the message being read lies in them.
struct Parser::Feed {
  Parser& parser;
  Sink& sink;
  std::string_view bytes;
  std::uint64_t base;     // offset of the bytes in the stream
  std::string_view body;  // as long as it is one piece of these bytes
  bool complete = false;  // http_parser has seen the end of the message
  bool missing = false;   // the bytes stand in for some that are not there

  Extent extent(const char* at, std::size_t size) const {
    const std::uint64_t begin = base + static_cast<std::uint64_t>(at - bytes.data());
    return {static_cast<std::uint32_t>(begin - parser.begin_), static_cast<std::uint32_t>(size)};
  }
};

struct Parser::Callbacks {
  static Feed& feed(http_parser* p) { return *static_cast<Feed*>(p->data); }

  static int refuse(Parser& self, std::string why) {
    self.error_ = std::move(why);
    return -1;
  }

  static int body_too_large(Parser& self) {
    if (self.oversize_ == Oversize::refuse)
      return refuse(self, "body over " + std::to_string(self.max_body_) + " bytes");
    self.drop_body();
    feed(&self.parser_).body = {};
    return 0;
  }

  static bool has_room(const Parser& self, std::uint64_t more) {
    return !self.keeping_ ||
           (self.body_size_ <= self.max_body_ && more <= self.max_body_ - self.body_size_);
  }

  // http_parser reports what straddles two feeds in pieces, which are contiguous in the stream; a
  // folded value is not, and then the extent covers the line end between.
  static void extend(Extent& extent, const Extent& piece) {
    if (extent.size == 0) extent.begin = piece.begin;
    extent.size = piece.end() - extent.begin;
  }

  static int on_url(http_parser* p, const char* at, std::size_t size) {
    Parser& self = feed(p).parser;
    extend(self.target_, feed(p).extent(at, size));
    self.head_size_ = self.target_.end() + kVersionRoom;
    return 0;
  }

  static int on_status(http_parser* p, const char* at, std::size_t size) {
    Parser& self = feed(p).parser;
    extend(self.reason_, feed(p).extent(at, size));
    self.head_size_ = self.reason_.end();
    return 0;
  }

  static int on_name(http_parser* p, const char* at, std::size_t size) {
    Parser& self = feed(p).parser;
    if (self.head_complete_) return 0;  // a trailer
    if (std::string_view(at, size).find(' ') != std::string_view::npos) self.blank_in_name_ = true;
    if (self.last_ != Part::name) self.fields_.emplace_back();
    self.last_ = Part::name;
    extend(self.fields_.back().name, feed(p).extent(at, size));
    return 0;
  }

  static int on_value(http_parser* p, const char* at, std::size_t size) {
    Parser& self = feed(p).parser;
    if (self.head_complete_) return 0;
    const Extent piece = feed(p).extent(at, size);
    Extent& value = self.fields_.back().value;
    if (self.last_ == Part::value && piece.begin != value.end()) self.folded_ = true;
    self.last_ = Part::value;
    extend(value, piece);
    self.head_size_ = std::max(self.head_size_, value.end());
    return 0;
  }

  static int on_headers_complete(http_parser* p) {
    Parser& self = feed(p).parser;
    self.head_complete_ = true;
    if (self.blank_in_name_) return refuse(self, "blank in the name of a header");
    p->upgrade = 0;  // else http_parser would stop behind this message
    bool skip_body = false;
    if (p->type == HTTP_RESPONSE) {
      if (p->status_code < 100) return refuse(self, "invalid status code");
      skip_body = feed(p).sink.answers_head() || has_no_body(p->status_code);
    }
    if (skip_body) p->flags |= F_SKIPBODY;
    // Asked here and not at the end, where a trailer could have changed it.
    self.keep_alive_ = http_should_keep_alive(p) != 0;
    if (p->type == HTTP_RESPONSE && p->status_code / 100 == 1) {
      self.keep_alive_ = p->status_code != HTTP_STATUS_SWITCHING_PROTOCOLS;
    }
    if (p->type == HTTP_RESPONSE && feed(p).sink.wants_head() && !self.offer_head(feed(p)))
      return -1;
    if (skip_body) return 1;
    if ((p->flags & F_CHUNKED) != 0) return 0;
    if ((p->flags & F_CONTENTLENGTH) != 0) return announce(self, p->content_length);
    if (p->type == HTTP_RESPONSE) self.body_left_ = kUnlimited;
    return 0;
  }

  // So many bytes of the body come next.
  static int announce(Parser& self, std::uint64_t size) {
    self.body_left_ = size;
    if (self.streaming_) return 0;
    self.expected_body_ = self.body_size_ + size;
    return has_room(self, size) ? 0 : body_too_large(self);
  }

  static int on_chunk_header(http_parser* p) {
    Parser& self = feed(p).parser;
    ++self.chunks_;
    if (self.streaming_) feed(p).sink.on_chunk(p->content_length);
    return announce(self, p->content_length);
  }

  static int on_body(http_parser* p, const char* at, std::size_t size) {
    Feed& now = feed(p);
    Parser& self = now.parser;
    if (self.body_left_ != kUnlimited) self.body_left_ -= size;
    if (self.streaming_) {
      if (now.missing) {
        now.sink.on_missing(size);
      } else {
        now.sink.on_body({at, size});
      }
      self.body_size_ += size;
      return 0;
    }
    if (!has_room(self, size)) {
      const int refused = body_too_large(self);
      if (refused != 0) return refused;
    }
    const bool first = self.body_size_ == 0;
    self.body_size_ += size;
    if (!self.keeping_) return 0;
    if (first) {
      now.body = {at, size};
      return 0;
    }
    std::string& body = self.spill().body;
    body.append(now.body).append(at, size);
    now.body = {};
    return 0;
  }

  static int on_message_complete(http_parser* p) {
    feed(p).complete = true;
    // So that http_parser_execute returns, which tells where the message ended.
    http_parser_pause(p, 1);
    return 0;
  }

  static constexpr http_parser_settings kSettings = {
      .on_message_begin = nullptr,
      .on_url = on_url,
      .on_status = on_status,
      .on_header_field = on_name,
      .on_header_value = on_value,
      .on_headers_complete = on_headers_complete,
      .on_body = on_body,
      .on_message_complete = on_message_complete,
      .on_chunk_header = on_chunk_header,
      .on_chunk_complete = nullptr,
  };
};

Parser::Parser(Kind kind, std::size_t max_body, Oversize oversize)
    : max_body_(max_body), oversize_(oversize) {
  http_parser_init(&parser_, kind == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE);
}

bool Parser::feed(std::string_view bytes, Sink& sink) {
  Feed feed{*this, sink, bytes, offset_, {}};
  offset_ += bytes.size();
  if (stopped_) return false;
  parser_.data = &feed;
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (!in_message_) {
      // Empty lines between messages are allowed (RFC 9112 §2.2) and belong to none.
      used = std::min(bytes.find_first_not_of("\r\n", used), bytes.size());
      if (used == bytes.size()) break;
      begin_message(feed.base + used);
    }
    used += http_parser_execute(&parser_, &Callbacks::kSettings, bytes.data() + used,
                                bytes.size() - used);
    if (!feed.complete && HTTP_PARSER_ERRNO(&parser_) != HPE_OK) {
      const bool first = parser_.type == HTTP_REQUEST && begin_ >= feed.base;
      met_tls_ = first && bytes[begin_ - feed.base] == kTlsHandshake;
      if (met_tls_) error_ = "TLS (a ClientHello), not HTTP";
      return fail();
    }
    if (feed.complete && !hand_out(feed, feed.base + used)) return false;
    if (std::exchange(paused_, false)) {
      offset_ = feed.base + used;
      return true;
    }
  }
  if (in_message_) keep(feed);
  return true;
}

bool Parser::finish(Sink& sink) {
  if (stopped_) return !broken();
  if (!in_message_) return true;
  Feed feed{*this, sink, {}, offset_, {}};
  parser_.data = &feed;
  http_parser_execute(&parser_, &Callbacks::kSettings, nullptr, 0);
  if (!feed.complete) {
    error_ = "the stream ended inside a message";
    return fail();
  }
  hand_out(feed, offset_);
  return !broken();
}

std::size_t Parser::memory() const {
  if (!in_message_) return 0;
  std::size_t bytes = fields_.size() * sizeof(Field);
  if (spill_) bytes += spill_->head.size() + spill_->body.size();
  return bytes;
}

bool Parser::skip(std::uint64_t bytes, Sink& sink) {
  if (stopped_) return false;
  keeping_ = false;
  while (bytes > 0) {
    const std::size_t size = std::min<std::uint64_t>(bytes, kMissing.size());
    Feed feed{*this, sink, {kMissing.data(), size}, offset_, {}};
    feed.missing = true;
    parser_.data = &feed;
    offset_ += size;
    bytes -= size;
    http_parser_execute(&parser_, &Callbacks::kSettings, feed.bytes.data(), size);
    if (!feed.complete && HTTP_PARSER_ERRNO(&parser_) != HPE_OK) return fail();
    if (feed.complete && !hand_out(feed, offset_)) return false;
  }
  return true;
}

bool Parser::cut(Sink& sink) {
  if (stopped_ || !in_body()) return false;
  Feed feed{*this, sink, {}, offset_, {}};
  hand_out(feed, offset_, true);
  stopped_ = true;
  return true;
}

bool Parser::runs_to_end() const {
  return body_left() == kUnlimited;
}

void Parser::join_chunks() {
  /// Is asked nothing of a head that nobody sent.
  class Nobody final : public Sink {
    bool on_message(const HttpMessage& /*message*/) override { return true; }
  };
  constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  Nobody nobody;
  Feed feed{*this, nobody, head, offset_, {}};
  parser_.data = &feed;
  begin_message(offset_);
  http_parser_execute(&parser_, &Callbacks::kSettings, head.data(), head.size());
  fields_.clear();
  reason_ = {};
  head_size_ = 0;
  streaming_ = true;
  joined_ = true;
}

void Parser::drop_body() {
  keeping_ = false;
  if (spill_) std::string().swap(spill_->body);
}

void Parser::begin_message(std::uint64_t at) {
  begin_ = at;
  in_message_ = true;
  body_size_ = 0;
  body_left_ = 0;
  expected_body_ = 0;
  chunks_ = 0;
  keeping_ = true;
  fields_.clear();
  target_ = {};
  reason_ = {};
  head_size_ = 0;
  last_ = Part::none;
  head_complete_ = false;
  folded_ = false;
  blank_in_name_ = false;
  streaming_ = false;
  joined_ = false;
}

Parser::Spill& Parser::spill() {
  if (!spill_) spill_ = std::make_unique<Spill>();
  if (spill_->body.empty()) spill_->body.reserve(std::min(expected_body_, kTrustedBody));
  return *spill_;
}

// The bytes being fed are about to go away in the middle of a message.
void Parser::keep(const Feed& feed) {
  Spill& kept = spill();
  keep_head(kept, feed, head_complete_ ? head_size_ : offset_ - begin_);
  kept.body.append(feed.body);
}

// Makes the kept head reach up to `size`, as far as the bytes being fed do.
void Parser::keep_head(Spill& kept, const Feed& feed, std::uint64_t size) const {
  const std::uint64_t end = std::min(begin_ + size, feed.base + feed.bytes.size());
  const std::uint64_t from = begin_ + kept.head.size();
  // A hole in the body may lie between: then the head was kept whole before.
  if (end > from && from >= feed.base)
    kept.head.append(feed.bytes.substr(from - feed.base, end - from));
}

bool Parser::hand_out(Feed& feed, std::uint64_t end, bool cut) {
  // Taken out first: whatever the sink does, the parser is between messages and holds no buffer.
  const std::unique_ptr<Spill> kept = std::move(spill_);
  std::string_view head;
  if (begin_ >= feed.base) {
    head = feed.bytes.substr(begin_ - feed.base, end - begin_);
  } else {
    keep_head(*kept, feed, head_size_);
    head = kept->head;
  }
  std::string unfolded;
  HttpMessage message;
  if (!read_head(message, head, unfolded)) return fail();
  message.body = kept && !kept->body.empty() ? std::string_view(kept->body) : feed.body;
  message.body_size = body_size_;
  if (cut && body_left_ != kUnlimited) message.body_size += body_left_;
  message.partial = cut || !keeping_;
  message.end = end;

  feed.body = {};
  feed.complete = false;
  in_message_ = false;
  ended_ = !keep_alive_;
  http_parser_init(&parser_, static_cast<http_parser_type>(parser_.type));
  stopped_ = true;  // and stays so if the sink throws
  stopped_ = !feed.sink.on_message(message) || ended_;
  clear_for_idle(headers_);
  clear_for_idle(fields_);
  return !stopped_;
}

// The head is complete, the body not yet: asks the sink whether it wants that in pieces.
bool Parser::offer_head(Feed& feed) {
  std::string_view head;
  if (begin_ >= feed.base) {
    head = feed.bytes.substr(begin_ - feed.base);
  } else {
    keep_head(spill(), feed, head_size_);
    head = spill().head;
  }
  std::string unfolded;
  HttpMessage message;
  const std::vector<Field> fields = fields_;  // unfolding happens once more, at the end
  const bool readable = read_head(message, head, unfolded);
  fields_ = fields;
  streaming_ = readable && feed.sink.on_head(message);
  return readable;
}

bool Parser::fail() {
  if (error_.empty()) error_ = describe(HTTP_PARSER_ERRNO(&parser_), parser_, head_complete_);
  stopped_ = true;
  spill_.reset();
  std::vector<Header>().swap(headers_);
  std::vector<Field>().swap(fields_);
  return false;
}

}  // namespace compactor::wire
