#include "capture/http_stream.h"

#include <algorithm>

#include "wire/resync.h"

namespace compactor::capture {

HttpStream::HttpStream(HttpStreamEvents& events, std::size_t max_body)
    : events_(events), max_body_(max_body) {}

void HttpStream::set_kind(wire::Kind kind, bool from_start) {
  kind_ = kind;
  resumed_ = !from_start;
  if (from_start) parser_.emplace(kind, max_body_);
}

void HttpStream::feed(std::string_view bytes, const Stamp& stamp) {
  if (!positioned_) accounted_ = base_ = stamp.offset;
  positioned_ = true;
  now_ = stamp;
  position_ = stamp.offset + bytes.size();
  std::string joined;
  if (!undecided_.empty()) {
    joined.swap(undecided_);
    joined.append(bytes);
    bytes = joined;
  }
  while (!bytes.empty()) bytes = parser_ ? read(bytes) : seek(bytes);
}

void HttpStream::gap(std::uint64_t bytes) {
  abandon();
  position_ += bytes;
  accounted_ = position_;
}

void HttpStream::finish() {
  if (parser_) parser_->finish(*this);
  abandon();
}

void HttpStream::abandon() {
  undecided_ = {};
  drop_parser(position_);
}

/// What is being read will not be completed; the bytes up to `to` are in no message.
void HttpStream::drop_parser(std::uint64_t to) {
  CutResponse cut;
  if (parser_ && parser_->pending_status() != 0) {
    const std::uint64_t begin = base_ + parser_->message_begin();
    cut = {parser_->pending_status(), begin, begin_time(begin)};
  }
  parser_.reset();
  streaming_ = false;
  resumed_ = true;
  pass_over(to, cut.status != 0 ? &cut : nullptr);
}

std::size_t HttpStream::held() const {
  if (!parser_ || streaming_) return undecided_.size();
  return parser_->offset() - parser_->message_begin();
}

/// The bytes from the next head on; none when there is no head in them.
std::string_view HttpStream::seek(std::string_view bytes) {
  bool found = false;
  const std::size_t at = find(bytes, found);
  const std::uint64_t begin = position_ - bytes.size();
  if (at > 0) {
    resumed_ = true;
    pass_over(begin + at);
  }
  bytes.remove_prefix(at);
  if (found) {
    start_parser(begin + at);
    return bytes;
  }
  undecided_ = bytes;
  return {};
}

std::size_t HttpStream::find(std::string_view bytes, bool& found) {
  if (kind_) {
    const wire::NextHead head = wire::find_head(*kind_, bytes);
    found = head.found;
    return head.offset;
  }
  const wire::NextHead request = wire::find_head(wire::Kind::request, bytes);
  const wire::NextHead response = wire::find_head(wire::Kind::response, bytes);
  found = request.found || response.found;
  if (!found) return std::min(request.offset, response.offset);
  const bool is_request = request.found && (!response.found || request.offset < response.offset);
  kind_ = is_request ? wire::Kind::request : wire::Kind::response;
  events_.on_kind(*this);
  return is_request ? request.offset : response.offset;
}

/// Feeds the parser; what it leaves is returned.
std::string_view HttpStream::read(std::string_view bytes) {
  const std::uint64_t begin = position_ - bytes.size();
  const bool goes_on = parser_->feed(bytes, *this);
  if (!goes_on) return resume(bytes);
  const std::uint64_t message = base_ + parser_->message_begin();
  if (message >= begin) begin_time_ = now_.time;
  return {};
}

/// The parser stopped: behind a message that ends the connection, or at something that is none.
std::string_view HttpStream::resume(std::string_view bytes) {
  const std::uint64_t begin = position_ - bytes.size();
  std::uint64_t next = accounted_;
  if (parser_->broken()) {
    // What was taken for a head may have been none; a real one may stand right behind its first
    // byte.
    next = std::max(base_ + parser_->message_begin() + 1, begin);
    drop_parser(next);
  }
  parser_.reset();
  return bytes.substr(next - begin);
}

void HttpStream::start_parser(std::uint64_t at) {
  parser_.emplace(*kind_, max_body_);
  base_ = at;
}

bool HttpStream::on_message(const wire::HttpMessage& message) {
  const std::uint64_t begin = base_ + message.begin;
  const std::uint64_t end = base_ + message.end;
  const Place place{begin, begin_time(begin), now_.time, now_.acked, end - accounted_, resumed_};
  resumed_ = false;
  streaming_ = false;
  accounted_ = end;
  if (message.is_request()) {
    events_.on_request(message, place);
  } else {
    events_.on_response(message, place);
  }
  return true;
}

bool HttpStream::on_head(const wire::HttpMessage& head) {
  streaming_ = events_.on_head(head, begin_time(base_ + head.begin));
  return streaming_;
}

void HttpStream::pass_over(std::uint64_t to, const CutResponse* cut) {
  if (to > accounted_) events_.on_passed_over(*this, to - accounted_, cut);
  accounted_ = std::max(accounted_, to);
}

Time HttpStream::begin_time(std::uint64_t begin) const {
  return begin >= now_.offset ? now_.time : begin_time_;
}

}  // namespace compactor::capture
