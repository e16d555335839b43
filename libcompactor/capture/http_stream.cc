#include "capture/http_stream.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace compactor::capture {

HttpStream::HttpStream(HttpStreamEvents& events, std::size_t max_body)
    : events_(events), max_body_(max_body) {
  begin_seeking();
}

void HttpStream::start(wire::Kind kind) {
  kind_ = kind;
  end_seeking();
  parser_.emplace(kind, max_body_, wire::Oversize::drop);
  resumed_ = false;
  trusted_ = true;
}

void HttpStream::set_kind(wire::Kind kind) {
  kind_ = kind;
  if (seeker_) seeker_->set_kind(kind);
  if (kind == wire::Kind::request) chunks_.reset();
}

void HttpStream::place_origin(std::uint64_t offset) {
  if (std::exchange(positioned_, true)) return;
  accounted_ = base_ = offset;
  last_end_ = offset - position_;  // a hole before the first bytes lies right before them
}

void HttpStream::feed(std::string_view bytes, const Stamp& stamp) {
  place_origin(stamp.offset);
  position_ = stamp.offset + bytes.size();
  if (parser_) {
    read(bytes, stamp);
  } else if (seeker_) {
    seek(bytes, stamp);
  } else {
    pass_over(position_);
  }
}

void HttpStream::gap(std::uint64_t bytes) {
  // What stands in a chunk that is cut off here is no message.
  if (seeker_ && !in_chunk()) believe();
  chunks_.reset();
  std::uint64_t inside = 0;
  if (parser_) {
    inside = std::min(bytes, parser_->body_left());
    missing_ += inside;
    position_ += inside;
    if (inside > 0) parser_->skip(inside, *this);
  }
  if (inside == bytes) return;
  lose();
  position_ += bytes - inside;
  accounted_ = position_;
  missing_ = 0;
}

void HttpStream::cut_off() {
  if (seeker_ && !in_chunk()) believe();
  chunks_.reset();
  lose();
}

void HttpStream::finish(bool said) {
  if (said && chunks_ && chunks_->is_between_chunks()) join();
  if (seeker_ && !in_chunk()) believe();
  chunks_.reset();
  if (parser_ && parser_->runs_to_end()) parser_->finish(*this);
  over_ = over_ || (said && !seeker_);
  lose();
}

/// The framing of what follows is not known.
void HttpStream::lose() {
  cutting_ = true;
  if (parser_ && parser_->cut(*this)) cut_ = true;
  cutting_ = false;
  if (!parser_ && !seeker_) return;
  parser_.reset();
  pass_over(position_);
  streaming_ = joined_ = false;
  resumed_ = true;
  trusted_ = false;
  begin_seeking();
}

void HttpStream::begin_seeking() {
  seeker_ = std::make_unique<Seeker>(kind_);
  chunks_.reset();
  if (kind_ != wire::Kind::request) chunks_ = std::make_unique<ChunkSeeker>();
}

void HttpStream::end_seeking() {
  seeker_.reset();
  chunks_.reset();
}

void HttpStream::drop_body() {
  if (parser_ && parser_->in_body()) {
    const std::size_t held = memory();
    parser_->drop_body();
    if (streaming_ || memory() < held) return;
  }
  lose();
}

void HttpStream::settle(std::uint64_t acked) {
  if (is_waiting() && acked >= position_ && !in_chunk()) believe();
}

std::optional<std::uint64_t> HttpStream::next_begin() const {
  if (seeker_ && !over_) return std::nullopt;
  return parser_ ? base_ + parser_->message_begin() : std::numeric_limits<std::uint64_t>::max();
}

std::size_t HttpStream::memory() const {
  if (seeker_) return seeker_->memory() + (chunks_ ? chunks_->memory() : 0);
  if (!parser_ || streaming_) return 0;
  return parser_->memory();
}

void HttpStream::seek(std::string_view bytes, const Stamp& stamp) {
  seeker_->add(bytes, stamp);
  if (chunks_) chunks_->add(bytes, stamp);
  pass_over(chunks_ ? std::min(seeker_->offset(), chunks_->offset()) : seeker_->offset());
  if (chunks_ && chunks_->found()) return join();
  // A head inside of what may be chunks is believed, or ends the stream, when they are none.
  if (in_chunk()) return;
  if (seeker_->found()) believe();
  if (!seeker_ || !seeker_->ended()) return;
  end_seeking();
  pass_over(position_);
}

/// Reads what the seeker holds, if it begins with a message as far as can be told.
void HttpStream::believe() {
  seeker_->accept();
  if (!seeker_->found()) return;
  const std::unique_ptr<Seeker> found = std::exchange(seeker_, nullptr);
  end_seeking();
  pass_over(found->offset());
  trusted_ = found->is_certain();
  set_kind_found(*found->kind());
  start_parser(found->offset());
  replay(*found);
}

/// Reads the chunks that were found, as the rest of a response.
void HttpStream::join() {
  const std::unique_ptr<ChunkSeeker> found = std::exchange(chunks_, nullptr);
  end_seeking();
  pass_over(found->offset());
  set_kind_found(wire::Kind::response);
  start_parser(found->offset());
  parser_->join_chunks();
  joined_ = streaming_ = true;
  events_.on_join(*this);
  replay(*found);
}

void HttpStream::set_kind_found(wire::Kind kind) {
  if (kind_) return;
  kind_ = kind;
  events_.on_kind(*this, kind);
}

template <class Found>
void HttpStream::replay(const Found& found) {
  found.replay([this](std::string_view bytes, const Stamp& stamp) {
    const std::uint64_t end = std::exchange(position_, stamp.offset + bytes.size());
    if (parser_) {
      read(bytes, stamp);
    } else if (seeker_) {
      seek(bytes, stamp);
    } else {
      pass_over(position_);
    }
    position_ = end;
  });
}

void HttpStream::read(std::string_view bytes, const Stamp& stamp) {
  now_ = stamp;
  if (!parser_->feed(bytes, *this)) return stop(bytes);
  if (base_ + parser_->message_begin() >= stamp.offset) began_ = stamp;
}

/// The parser stopped: after a message that ends the connection, or at something that is none.
void HttpStream::stop(std::string_view bytes) {
  const bool broken = parser_->broken();
  const std::uint64_t from = base_ + parser_->message_begin();
  const std::uint64_t begin = position_ - bytes.size();
  if (joined_ && broken) return lose();
  if (trusted_ || !broken || from < begin) {
    // Whoever receives this reads no further.
    gave_up_ = broken;
    parser_.reset();
    return pass_over(position_);
  }
  // The message before it was perhaps none, and this is in the middle of something.
  const std::uint64_t end = std::exchange(position_, from);
  lose();
  position_ = end;
  Stamp stamp = now_;
  stamp.offset = from;
  seek(bytes.substr(from - begin), stamp);
}

void HttpStream::start_parser(std::uint64_t at) {
  parser_.emplace(*kind_, max_body_, wire::Oversize::drop);
  base_ = at;
}

bool HttpStream::on_message(const wire::HttpMessage& message) {
  if (joined_) {
    end_join(base_ + message.end);
    return true;
  }
  Place place;
  place.begin = base_ + message.begin;
  place.end = base_ + message.end;
  const Stamp& began = place.begin >= now_.offset ? now_ : began_;
  place.begin_time = began.time;
  place.received = began.acked;
  place.end_time = now_.time;
  place.bytes = place.end - accounted_ - missing_;
  place.unseen = place.begin - last_end_;
  place.follows_cut = std::exchange(cut_, false);
  place.cut = cutting_;
  place.resumed = resumed_;
  missing_ = 0;
  // The second of two messages in a row shows that the first was one.
  if (!resumed_) trusted_ = true;
  resumed_ = false;
  streaming_ = false;
  accounted_ = last_end_ = place.end;
  if (message.is_request()) {
    events_.on_request(message, place);
  } else {
    events_.on_response(message, place);
  }
  return true;
}

void HttpStream::end_join(std::uint64_t end) {
  joined_ = streaming_ = false;
  cut_ = true;  // what comes next is not the first after it
  const std::uint64_t bytes = end - accounted_ - missing_;
  missing_ = 0;
  accounted_ = end;
  events_.on_rest(bytes, cutting_);
}

bool HttpStream::on_head(const wire::HttpMessage& head) {
  const std::uint64_t begin = base_ + head.begin;
  streaming_ = events_.on_head(head, begin >= now_.offset ? now_.time : began_.time);
  return streaming_;
}

void HttpStream::pass_over(std::uint64_t to) {
  if (to > accounted_) {
    const std::uint64_t bytes = to - accounted_ - missing_;
    missing_ = 0;
    accounted_ = to;
    if (bytes > 0) events_.on_passed_over(bytes);
  }
}

}  // namespace compactor::capture
