// Finding back into a stream of events, which is the chunked body of a response, behind a hole or
// when it is met in the middle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "capture/reassembly.h"

namespace compactor::capture {

/// A text that looks like chunks may stand in an event. So it is a chain of chunks that is looked
/// for, one right behind the other, each of which consists of whole records: it has to begin where
/// a packet does, and is believed when at three places in all, its beginning included, a chunk and
/// a packet end together, or when the stream ends with it. What stands in an event breaks off
/// before that: behind it the event goes on, or ends, and no chunk begins there.
class ChunkSeeker {
 public:
  /// The bytes that follow those added before, or the first ones.
  void add(std::string_view bytes, const Stamp& stamp);

  /// No chunk that may yet be believed begins before this offset.
  std::uint64_t offset() const { return begin_; }
  /// A chain begins at offset(), and is believed.
  bool found() const { return found_; }
  /// The stream could end here: with the last chunk of a chain.
  bool is_between_chunks() const { return chunks_ > 0 && next_ == view().size(); }
  /// If there are chunks from offset() on, what stands here is inside one.
  bool covers(std::uint64_t offset) const { return begin_ <= offset && offset < begin_ + covered_; }

  /// Hands out all bytes from offset() on, as they came.
  template <class Call>
  void replay(Call call) const {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t from = pieces_[i].offset - begin_;
      const std::size_t to =
          i + 1 < pieces_.size() ? pieces_[i + 1].offset - begin_ : view().size();
      call(view().substr(from, to - from), pieces_[i]);
    }
  }

  std::size_t memory() const { return bytes_.size() + pieces_.size() * sizeof(Stamp); }

 private:
  enum class Verdict { no, undecided, yes };

  std::string_view view() const { return std::string_view(bytes_).substr(front_); }
  void look();
  Verdict read_chunk();
  Verdict read_last_chunk(std::size_t head);
  void pass_chunk(std::size_t size);
  void refuse();
  bool packet_ends(std::uint64_t offset) const;

  std::string bytes_;
  std::size_t front_ = 0;     // of bytes_, the first that stands at begin_
  std::deque<Stamp> pieces_;  // in which the bytes from there on came
  std::uint64_t begin_ = 0;   // of the chain
  std::size_t next_ = 0;      // behind its last chunk
  std::size_t covered_ = 0;   // behind the one after that, as far as its head is known
  std::size_t chunks_ = 0;
  int misread_ = 0;               // chunks to the end, which are none …
  std::uint64_t misread_to_ = 0;  // … and to where, at most
  int together_ = 1;              // places where a chunk and a packet end together
  bool found_ = false;
};

}  // namespace compactor::capture
