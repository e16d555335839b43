#include "wire/resync.h"

#include <array>
#include <cstdint>

#include "text/ascii.h"

namespace compactor::wire {
namespace {

using text::is_digit;

enum class Match : std::uint8_t { no, undecided, yes };

constexpr std::size_t kMaxTarget = std::size_t{8} << 10;
constexpr std::size_t kMaxReason = 128;
constexpr std::size_t kMaxHeaderName = 128;

constexpr std::array kMethodsAndBlank = {
#define COMPACTOR_METHOD(number, name, text) std::string_view(#text " "),
    HTTP_METHOD_MAP(COMPACTOR_METHOD)
#undef COMPACTOR_METHOD
};

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_target(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f;
}

bool is_reason(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// RFC 9110 §5.6.2
bool is_token(char c) {
  return is_digit(c) || is_letter(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Reads a head from its first byte on. A step that fails leaves in verdict() why: the bytes
/// contradict, or they end.
class Matcher {
 public:
  explicit Matcher(std::string_view rest) : rest_(rest) {}

  Match verdict() const { return verdict_; }

  bool literal(std::string_view text) {
    const std::string_view common = rest_.substr(0, text.size());
    if (!text.starts_with(common)) return stop(Match::no);
    if (common.size() < text.size()) return stop(Match::undecided);
    rest_.remove_prefix(text.size());
    return true;
  }

  /// From `min` to `max` bytes of a class, up to the first that is not of it.
  template <typename Class>
  bool run(Class of_class, std::size_t min, std::size_t max) {
    std::size_t size = 0;
    while (size < rest_.size() && of_class(rest_[size])) {
      if (++size > max) return stop(Match::no);
    }
    if (size == rest_.size()) return stop(Match::undecided);
    if (size < min) return stop(Match::no);
    rest_.remove_prefix(size);
    return true;
  }

  bool method() {
    for (const std::string_view text : kMethodsAndBlank) {
      if (literal(text)) return true;
      if (verdict_ == Match::undecided) return false;
    }
    return false;
  }

  bool version() { return literal("HTTP/1.") && run(is_digit, 1, 1); }

  bool header_or_end() {
    if (rest_.empty()) return stop(Match::undecided);
    if (rest_.front() == '\r') return literal("\r\n");
    return run(is_token, 1, kMaxHeaderName) && literal(":");
  }

 private:
  bool stop(Match verdict) {
    verdict_ = verdict;
    return false;
  }

  std::string_view rest_;
  Match verdict_ = Match::yes;
};

Match match_request(std::string_view bytes) {
  Matcher head(bytes);
  const bool matched = head.method() && head.run(is_target, 1, kMaxTarget) && head.literal(" ") &&
                       head.version() && head.literal("\r\n") && head.header_or_end();
  return matched ? Match::yes : head.verdict();
}

Match match_response(std::string_view bytes) {
  Matcher head(bytes);
  const bool matched = head.version() && head.literal(" ") && head.run(is_digit, 3, 3) &&
                       head.run(is_reason, 0, kMaxReason) && head.literal("\r\n") &&
                       head.header_or_end();
  return matched ? Match::yes : head.verdict();
}

}  // namespace

NextHead find_head(Kind kind, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char first = bytes[at];
    // All that can begin a method; a response begins with the H of HTTP.
    if (kind == Kind::response ? first != 'H' : first < 'A' || first > 'Z') continue;
    const std::string_view rest = bytes.substr(at);
    const Match match = kind == Kind::response ? match_response(rest) : match_request(rest);
    if (match != Match::no) return {match == Match::yes, at};
  }
  return {false, bytes.size()};
}

}  // namespace compactor::wire
