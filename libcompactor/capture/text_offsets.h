// Where the text of a protected stream stands: offsets on the wire -> offsets in the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace compactor::capture {

/// Of one direction. Records are opened as wholes: who has received a part of one has received
/// nothing of its text.
class TextOffsets {
 public:
  /// Text begins here; not at 0, which stands for what is not known.
  static constexpr std::uint64_t kOrigin = std::uint64_t{1} << 40;

  /// The end of all text so far.
  std::uint64_t end() const { return marks_.empty() ? forgotten_.text : marks_.back().text; }
  /// A record that ends there holds so much text.
  void add(std::uint64_t wire_end, std::size_t text);
  /// How much text whoever has received the wire up to there has.
  std::uint64_t text_at(std::uint64_t wire) const;
  /// All this has been received: of what is older only the last few are kept, as acknowledgements
  /// overtake each other.
  void forget(std::uint64_t wire);

 private:
  struct Mark {
    std::uint64_t wire = 0;
    std::uint64_t text = kOrigin;
  };
  static constexpr std::size_t kMost = 1024;
  static constexpr std::size_t kLate = 16;

  void drop(std::size_t count);

  std::vector<Mark> marks_;
  Mark forgotten_;  // the last one that is not kept
};

}  // namespace compactor::capture
