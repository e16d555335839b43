#include "actor/http_date.h"

#include "text/time.h"

namespace compactor {

std::string_view HttpDate::text(std::time_t now) {
  if (now == second_) return text_;
  second_ = now;
  text_ = text::http_date(now);
  return text_;
}

}  // namespace compactor
