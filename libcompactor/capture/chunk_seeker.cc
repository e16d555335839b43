#include "capture/chunk_seeker.h"

#include <algorithm>
#include <optional>

#include "capture/recordio.h"
#include "text/hex.h"

namespace compactor::capture {
namespace {

/// A chain of more bytes than these is not waited for.
constexpr std::size_t kLongestChain = std::size_t{4} << 20;
/// Readings of the same bytes, each from another packet on, that turn out to be wrong: whoever puts
/// one into the other would else be read as often as there are packets.
constexpr int kMostReadings = 8;
/// Places that show a chain.
constexpr int kEnough = 3;
constexpr std::string_view kLineEnd = "\r\n";

/// The line that a chunk begins with. Its size is 0 while it is not complete.
struct ChunkHead {
  std::size_t size = 0;
  std::size_t body = 0;
};

/// Nothing when there is none. A size with a zero before it nobody writes.
std::optional<ChunkHead> chunk_head(std::string_view bytes) {
  constexpr std::size_t most_digits = 7;
  std::size_t body = 0;
  std::size_t at = 0;
  while (at < bytes.size() && text::hex_value(bytes[at]) >= 0) {
    body = body * 16 + static_cast<std::size_t>(text::hex_value(bytes[at]));
    if (++at > most_digits) return std::nullopt;
  }
  const std::string_view end = bytes.substr(at, kLineEnd.size());
  if (at == 0 || !kLineEnd.starts_with(end)) return std::nullopt;
  if (at > 1 && bytes.front() == '0') return std::nullopt;
  if (end.size() < kLineEnd.size()) return ChunkHead{};
  return ChunkHead{at + kLineEnd.size(), body};
}

}  // namespace

void ChunkSeeker::add(std::string_view bytes, const Stamp& stamp) {
  if (view().empty()) {
    begin_ = stamp.offset;
    if (bytes.empty() || text::hex_value(bytes.front()) < 0) {
      begin_ += bytes.size();
      return;
    }
  }
  if (front_ > kLongestChain || front_ == bytes_.size()) {
    bytes_.erase(0, front_);
    front_ = 0;
  }
  pieces_.push_back(stamp);
  bytes_.append(bytes);
  look();
}

void ChunkSeeker::look() {
  while (!found_ && !view().empty()) {
    const Verdict verdict = read_chunk();
    if (verdict == Verdict::no || (verdict == Verdict::undecided && memory() > kLongestChain)) {
      refuse();
    } else if (verdict == Verdict::undecided) {
      return;
    }
  }
}

/// The next one of the chain.
ChunkSeeker::Verdict ChunkSeeker::read_chunk() {
  const std::string_view rest = view().substr(next_);
  if (rest.empty()) return Verdict::undecided;
  const auto head = chunk_head(rest);
  if (!head) return Verdict::no;
  if (head->size == 0) return Verdict::undecided;
  if (head->body == 0) return read_last_chunk(head->size);
  const std::string_view body = rest.substr(head->size, head->body);
  const auto first = record_size(body);
  if (!first || *first > head->body) return Verdict::no;
  const std::size_t size = head->size + head->body + kLineEnd.size();
  covered_ = next_ + size;
  if (rest.size() < size) return Verdict::undecided;
  if (rest.substr(size - kLineEnd.size(), kLineEnd.size()) != kLineEnd) return Verdict::no;
  if (!are_records(body)) {
    ++misread_;
    misread_to_ = std::max(misread_to_, begin_ + covered_);
    return Verdict::no;
  }
  ++chunks_;
  pass_chunk(size);
  return Verdict::yes;
}

/// Behind it, no other is to come.
ChunkSeeker::Verdict ChunkSeeker::read_last_chunk(std::size_t head) {
  const std::string_view end = view().substr(next_ + head, kLineEnd.size());
  if (chunks_ == 0 || !kLineEnd.starts_with(end)) return Verdict::no;
  if (end.size() < kLineEnd.size()) return Verdict::undecided;
  pass_chunk(head + kLineEnd.size());
  return found_ ? Verdict::yes : Verdict::no;
}

void ChunkSeeker::pass_chunk(std::size_t size) {
  next_ += size;
  covered_ = next_;
  if (packet_ends(begin_ + next_)) ++together_;
  found_ = together_ >= kEnough;
}

/// What was taken for chunks are none, all of them; one may begin where a packet behind them does.
void ChunkSeeker::refuse() {
  const std::size_t all = view().size();
  std::uint64_t behind = begin_ + next_;
  if (misread_ >= kMostReadings) behind = std::max(behind, misread_to_);
  if (behind >= misread_to_) misread_ = 0;
  do pieces_.pop_front();
  while (!pieces_.empty() && pieces_.front().offset < behind);
  const std::size_t dropped = pieces_.empty() ? all : pieces_.front().offset - begin_;
  front_ += dropped;
  begin_ += dropped;
  if (pieces_.empty()) {
    bytes_ = {};
    front_ = 0;
  }
  next_ = covered_ = chunks_ = 0;
  together_ = 1;
}

bool ChunkSeeker::packet_ends(std::uint64_t offset) const {
  if (offset == begin_ + view().size()) return true;
  const auto next =
      std::lower_bound(pieces_.begin(), pieces_.end(), offset,
                       [](const Stamp& piece, std::uint64_t at) { return piece.offset < at; });
  return next != pieces_.end() && next->offset == offset;
}

}  // namespace compactor::capture
