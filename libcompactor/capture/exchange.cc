#include "capture/exchange.h"

#include <iterator>

#include "capture/exchange_reader.h"

namespace compactor::capture {

ExchangeTracker::ExchangeTracker(ExchangeEvents& events, const ExchangeOptions& options)
    : events_(events), options_(options) {}

ExchangeTracker::~ExchangeTracker() = default;

std::unique_ptr<StreamReader> ExchangeTracker::open(const ConnectionInfo& connection) {
  return std::make_unique<Exchange>(*this, connection);
}

void ExchangeTracker::on_time(Time now) {
  if (!pace_.due(now)) return;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it = it->second->on_time(now) ? std::next(it) : waiting_.erase(it);
  }
}

std::optional<Time> ExchangeTracker::first_untold() const {
  std::optional<Time> first;
  for (const auto& [number, exchange] : waiting_) {
    const auto begin = exchange->first_untold();
    if (begin && (!first || *begin < *first)) first = begin;
  }
  return first;
}

}  // namespace compactor::capture
