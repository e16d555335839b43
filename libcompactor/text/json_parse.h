// JSON text from users, files and peers -> a document. The one place where the library's parser is
// called for what will be walked recursively or encoded.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string_view>

namespace compactor::text {

/// Text that is not taken. what() is one line, at most a few hundred bytes: the place, where it is
/// known, and the reason.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Levels of objects and lists. A message that nests as deep as protobuf allows (100 levels) takes
/// two for each, where its fields are repeated.
inline constexpr std::size_t max_json_depth = 256;

/// Stricter than the library: nothing nested deeper than max_json_depth, no key twice in an object,
/// no number outside the range of a double. And more exact: a number that is whole is an integer,
/// however it is written (1e3, 9007199254740993.0), as far as 64 bits go; only -0.0 and -0 are
/// doubles. Members keep their order. Throws JsonError, and no exception of the library's.
nlohmann::ordered_json parse_json(std::string_view text);

/// For who calls the library itself: it takes a NUL byte outside of a string for the end of the
/// text, and what stands behind it for nothing. No JSON has one.
inline bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

}  // namespace compactor::text
