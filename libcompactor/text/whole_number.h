// Decimal numbers that are whole, read exactly: 9007199254740993.0 is not what the nearest double
// is.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace compactor::text {

struct WholeNumber {
  bool negative = false;  // never for zero
  std::uint64_t magnitude = 0;

  /// The number as a T; nothing when it does not fit.
  template <class T>
  std::optional<T> as() const {
    using Limits = std::numeric_limits<T>;
    const auto highest = static_cast<std::uint64_t>(Limits::max());
    if (!negative)
      return magnitude <= highest ? std::optional(static_cast<T>(magnitude)) : std::nullopt;
    if (Limits::min() == 0 || magnitude > highest + 1) return std::nullopt;
    return static_cast<T>(0 - magnitude);
  }
};

/// Reads `5`, `-5`, `5.0`, `0.5e1`, `1e3`: digits with at most one point, then possibly an
/// exponent. Nothing when the text is not such a number, is not whole, or has more than 64 bits.
std::optional<WholeNumber> whole_number(std::string_view decimal);

}  // namespace compactor::text
