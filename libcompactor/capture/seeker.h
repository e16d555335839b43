// Finding back into a stream of HTTP messages that is met in the middle, or after a hole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/reassembly.h"
#include "wire/parser.h"

namespace compactor::capture {

/// A text that looks like a head may stand in a body. So a head is believed only when the message
/// that it begins is complete and is followed by another head, or, for a chunked one, when its
/// second chunk follows its first. Where it neither begins a packet nor follows an empty line, as
/// the last chunk ends with, it may still be the end of a body: then it is the head after it that
/// is believed. Nothing may follow for a long time: the caller says by accept() when it is time to
/// believe what there is. A head that whoever receives it refuses ends the stream: nothing behind
/// it is read by anybody.
class Seeker {
 public:
  /// `kind`: what the stream carries, if that is known. Else whatever comes first decides.
  explicit Seeker(std::optional<wire::Kind> kind) : kind_(kind) {}

  /// It carries this, as the other direction shows.
  void set_kind(wire::Kind kind);
  /// The bytes that follow those added before, or the first ones.
  void add(std::string_view bytes, const Stamp& stamp);

  /// No message begins before this offset.
  std::uint64_t offset() const { return begin_; }
  /// A head was found, at offset(), and is believed.
  bool found() const { return found_; }
  /// … because of what follows it, and not only for want of time or room.
  bool is_certain() const { return certain_; }
  /// A head was found that is refused: no message follows.
  bool ended() const { return ended_; }
  /// What the stream carries; set when found().
  const std::optional<wire::Kind>& kind() const { return kind_; }
  /// A message begins at offset(), complete or as long as the stream, and nothing has followed it.
  bool is_waiting() const;
  /// What begins at offset() is believed, if it is the beginning of a message at all.
  void accept();

  /// Hands out all bytes from offset() on, as they came.
  template <class Call>
  void replay(Call call) const {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t from = pieces_[i].stamp.offset - begin_;
      const std::size_t to =
          i + 1 < pieces_.size() ? pieces_[i + 1].stamp.offset - begin_ : view().size();
      call(view().substr(from, to - from), pieces_[i].stamp);
    }
  }

  std::size_t memory() const {
    return bytes_.size() + pieces_.size() * sizeof(Piece) + (probe_ ? probe_->memory() : 0);
  }

 private:
  /// Bytes that came together.
  struct Piece {
    Stamp stamp;        // of the first that is left
    bool whole = true;  // none has been dropped
  };

  std::string_view view() const { return std::string_view(bytes_).substr(front_); }
  void look();
  bool find_candidate();
  void believe();
  void probe();
  void refuse();
  void drop(std::size_t size);
  bool may_begin_here(std::size_t offset) const;

  std::optional<wire::Kind> kind_;
  wire::Kind candidate_kind_ = wire::Kind::request;
  std::string bytes_;
  std::size_t front_ = 0;      // of bytes_, the first that stands at begin_
  std::vector<Piece> pieces_;  // in which the bytes from there on came
  std::uint64_t begin_ = 0;
  std::optional<wire::Parser> probe_;  // reads the message that would begin at begin_
  std::size_t probed_ = 0;             // bytes that it was given
  std::size_t complete_at_ = 0;
  bool complete_ = false;  // it has read that message
  bool doubtful_ = false;  // where that message begins, no other need have ended
  std::string before_;     // the last bytes before begin_, as many as an empty line has
  bool found_ = false;
  bool ended_ = false;
  bool certain_ = false;
};

}  // namespace compactor::capture
