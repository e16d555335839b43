#include "sniff/time_window.h"

#include "cli/failure.h"
#include "cli/values.h"
#include "text/time.h"

namespace tool {

TimeWindow::Bound TimeWindow::parse(const std::string& typed, const char* option) {
  if (typed.starts_with('+')) return {true, parse_duration(typed.substr(1))};
  const auto time = compactor::text::parse_time(typed);
  if (!time)
    throw Failure(Exit::usage, "usage", std::string(option) + " \"" + typed + "\" does not read",
                  "as in 2026-01-31T12:00:00Z, or +90s after the first packet");
  return {false, *time};
}

void TimeWindow::set_since(const std::string& typed) {
  since_ = parse(typed, "--since");
}

void TimeWindow::set_until(const std::string& typed) {
  until_ = parse(typed, "--until");
}

void TimeWindow::begin(WallTime first) {
  if (!beginning_) beginning_ = first;
}

std::optional<WallTime> TimeWindow::time_of(const std::optional<Bound>& bound) const {
  if (!bound) return std::nullopt;
  if (!bound->after_beginning) return WallTime(bound->value);
  if (!beginning_) return std::nullopt;
  return *beginning_ + bound->value;
}

bool TimeWindow::has(WallTime time) const {
  const auto since = time_of(since_);
  const auto until = time_of(until_);
  return (!since || time >= *since) && (!until || time <= *until);
}

std::optional<WallTime> TimeWindow::end() const {
  return time_of(until_);
}

}  // namespace tool
