#include "text/whole_number.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "text/ascii.h"

namespace compactor::text {
namespace {

// Nothing of 64 bits has more digits.
constexpr std::size_t kMostDigits = 20;

/// The digits at the start of `text`, which is shortened by them.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

/// `e5`, `E+5`, `e-5` or nothing up to the end of the text. An exponent too large to be read is as
/// good as any other that is far too large.
std::optional<std::int64_t> read_exponent(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = take_digits(text);
  if (digits.empty() || !text.empty()) return std::nullopt;
  constexpr std::int64_t kFar = 1'000'000'000'000;
  std::int64_t value = kFar;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  value = std::min(value, kFar);
  return negative ? -value : value;
}

}  // namespace

std::optional<WholeNumber> whole_number(std::string_view decimal) {
  const bool negative = decimal.starts_with('-');
  if (negative) decimal.remove_prefix(1);
  std::string digits(take_digits(decimal));
  if (digits.empty()) return std::nullopt;
  std::int64_t exponent = 0;  // of the last of the digits
  if (decimal.starts_with('.')) {
    decimal.remove_prefix(1);
    const auto fraction = take_digits(decimal);
    if (fraction.empty()) return std::nullopt;
    digits += fraction;
    exponent = -static_cast<std::int64_t>(fraction.size());
  }
  const auto stated = read_exponent(decimal);
  if (!stated) return std::nullopt;
  exponent += *stated;
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return WholeNumber{};
  const auto significant = digits.find_last_not_of('0') + 1;
  exponent += static_cast<std::int64_t>(digits.size() - significant);
  digits.resize(significant);
  const bool fits = digits.size() <= kMostDigits &&
                    exponent <= static_cast<std::int64_t>(kMostDigits - digits.size());
  if (exponent < 0 || !fits) return std::nullopt;
  digits.append(static_cast<std::size_t>(exponent), '0');
  WholeNumber number{negative, 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number.magnitude);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace compactor::text
