// The patterns that users type for names, PIDs, types and values: one dialect everywhere.
#pragma once

#include <string_view>

namespace compactor::text {

/// `*` is any run of characters (dots and slashes too), `?` is one; everything else stands for
/// itself. Takes at most the product of both sizes in steps.
bool glob_matches(std::string_view pattern, std::string_view text);

/// Whether `pattern` may match another text than itself.
inline bool is_glob(std::string_view pattern) {
  return pattern.find_first_of("*?") != std::string_view::npos;
}

}  // namespace compactor::text
