#include "capture/seeker.h"

#include <algorithm>
#include <utility>

#include "wire/resync.h"

namespace compactor::capture {
namespace {

/// A message of this size is believed without having been read to its end.
constexpr std::size_t kLongEnough = std::size_t{64} << 10;
/// A head longer than this is not waited for: else each of many that look like one would be read
/// on and on.
constexpr std::size_t kLongestHead = std::size_t{8} << 10;
/// What a head ends with, and the last chunk of a body.
constexpr std::string_view kEmptyLine = "\r\n\r\n";

/// Sees one message come to its end.
class OneMessage final : public wire::Sink {
 public:
  bool on_message(const wire::HttpMessage& message) override {
    end = message.end;
    complete = true;
    return false;
  }
  std::uint64_t end = 0;
  bool complete = false;
};

}  // namespace

void Seeker::set_kind(wire::Kind kind) {
  kind_ = kind;
  if (probe_ && candidate_kind_ != kind) refuse();
  look();
}

void Seeker::add(std::string_view bytes, const Stamp& stamp) {
  if (view().empty()) begin_ = stamp.offset;
  if (front_ > kLongEnough || front_ == bytes_.size()) bytes_.erase(0, std::exchange(front_, 0));
  pieces_.push_back({stamp});
  bytes_.append(bytes);
  look();
}

bool Seeker::is_waiting() const {
  return !found_ && (complete_ || (probe_ && probe_->body_left() > kLongEnough));
}

void Seeker::accept() {
  if (!probe_ || found_) return;
  if (complete_ && doubtful_) {
    // The end of a body, or not: in any case the next bytes begin a message.
    drop(complete_at_);
    probe_.reset();
    complete_ = false;
  } else if (complete_ || probe_->in_body()) {
    believe();
  }
}

void Seeker::believe() {
  found_ = true;
  kind_ = candidate_kind_;
}

void Seeker::look() {
  while (!found_ && !ended_ && !view().empty()) {
    if (!probe_ && !find_candidate()) return;
    const std::uint64_t candidate = begin_;
    probe();
    if (begin_ == candidate && probe_) return;  // believed, or more bytes have to tell
  }
}

/// Moves begin_ to the next head; false when there is none, or when it is not clear yet.
bool Seeker::find_candidate() {
  wire::NextHead head;
  if (kind_) {
    head = wire::find_head(*kind_, view());
    candidate_kind_ = *kind_;
  } else {
    const wire::NextHead request = wire::find_head(wire::Kind::request, view());
    const wire::NextHead response = wire::find_head(wire::Kind::response, view());
    const bool is_request = request.found && (!response.found || request.offset < response.offset);
    candidate_kind_ = is_request ? wire::Kind::request : wire::Kind::response;
    head.found = request.found || response.found;
    head.offset = head.found && is_request ? request.offset
                  : head.found             ? response.offset
                                           : std::min(request.offset, response.offset);
  }
  doubtful_ = !may_begin_here(head.offset);
  drop(head.offset);
  if (!head.found) return false;
  probe_.emplace(candidate_kind_, 0, wire::Oversize::drop);
  probed_ = 0;
  complete_ = false;
  return true;
}

void Seeker::probe() {
  if (!complete_) {
    OneMessage message;
    const std::string_view fresh = view().substr(probed_);
    probe_->feed(fresh, message);
    probed_ = view().size();
    if (probe_->broken()) {
      ended_ = true;
      return probe_.reset();
    }
    complete_ = message.complete;
    complete_at_ = message.end;
    if (!complete_) {
      if (!probe_->in_body() && probed_ > kLongestHead) return refuse();
      certain_ = probe_->chunks() > 1;
      if (certain_ || probed_ >= kLongEnough) accept();
      return;
    }
  }
  const std::string_view rest = view().substr(complete_at_);
  const std::size_t blank = std::min(rest.find_first_not_of("\r\n"), rest.size());
  if (blank == rest.size()) return;  // nothing follows yet
  const wire::NextHead next = wire::find_head(candidate_kind_, rest.substr(blank));
  if (next.offset > 0) return refuse();
  if (!next.found) return;
  certain_ = !doubtful_;
  if (doubtful_) drop(complete_at_ + blank);
  believe();
}

/// What was taken for a head is none; one may begin right after its first byte.
void Seeker::refuse() {
  probe_.reset();
  complete_ = false;
  drop(1);
}

/// Whether something else may have ended there.
bool Seeker::may_begin_here(std::size_t offset) const {
  const bool begins_packet = std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.whole && piece.stamp.offset == begin_ + offset;
  });
  if (begins_packet) return true;
  const std::size_t near = std::min(offset, kEmptyLine.size());
  return (before_ + std::string(view().substr(offset - near, near))).ends_with(kEmptyLine);
}

void Seeker::drop(std::size_t size) {
  if (size == 0) return;
  const std::string_view dropped = view().substr(0, size);
  before_.append(dropped.substr(dropped.size() - std::min(dropped.size(), kEmptyLine.size())));
  if (before_.size() > kEmptyLine.size()) before_.erase(0, before_.size() - kEmptyLine.size());
  front_ += size;
  begin_ += size;
  const auto kept = std::find_if(pieces_.rbegin(), pieces_.rend(),
                                 [&](const Piece& piece) { return piece.stamp.offset <= begin_; });
  if (kept != pieces_.rend()) {
    kept->whole = kept->whole && kept->stamp.offset == begin_;
    kept->stamp.offset = begin_;
    pieces_.erase(pieces_.begin(), kept.base() - 1);
  }
  if (view().empty()) pieces_.clear();
}

}  // namespace compactor::capture
