// The value of the Date header.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace compactor {

/// Made anew when the second changes. Not thread-safe.
class HttpDate {
 public:
  /// Valid until the next call.
  std::string_view text(std::time_t now = ::time(nullptr));

 private:
  std::string text_;
  std::time_t second_ = 0;
};

}  // namespace compactor
