#include "actor/http_date.h"

#include <cstdio>

namespace compactor {

std::string_view HttpDate::text(std::time_t now) {
  if (now == second_) return text_;
  second_ = now;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // IMF-fixdate is in English whatever the locale (RFC 9110 §5.6.7).
  const int size = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  text_.assign(text, static_cast<std::size_t>(size));
  return text_;
}

}  // namespace compactor
